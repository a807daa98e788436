"""The paper's pictures of a trained run."""

from collections.abc import Collection

import numpy as np
from PIL import Image

from c3jax.tools.measure.units import in_pixels, normalized
from data_pipelines.load import Data, Evaluation
from experiments.measure.consistency import (
    Pairs,
    carry,
    knows_truth,
    shown_images,
    true_positions,
)
from experiments.measure.viewer import Code, Viewer
from experiments.show.pictures import Picture, draw_points, sheet, tile

SHOWN, COLUMNS = 24, 8  # images on the sheet of landmarks, and in a row of it
SHOWN_PAIRS = 6  # of Figure 3 and of the cycle
SWAPPED = 6  # images whose appearances and poses are exchanged


def draw_gallery(viewer: Viewer, data: Data, learned: Collection[str]) -> list[Picture]:
    """The paper's pictures of a run, those of networks that have `learned`.

    The flow module and the true surfaces of rendered faces carry landmarks to other images.
    """
    images, test = shown_images(data, SHOWN)
    code, pairs = viewer.look(images), shown_pairs(len(images))
    pictures = []
    if (flow := "flow" in learned) or knows_truth(test):
        fields = viewer.fields(code, pairs) if flow else None
        pictures.append(draw_consistency(images, code.landmarks, fields, pairs, test))
    if "decoder" in learned:
        pictures.append(draw_swaps(viewer, images, code, in_numbers=test is not None))
        pictures.append(draw_cycles(viewer, images, code, pairs))
        pictures.append(draw_isolated(viewer, images, code))
    return pictures


def shown_pairs(count: int) -> Pairs:
    """The pairs of Figure 3 and of the cycle, far apart in the order of the images."""
    source = spread(count, SHOWN_PAIRS)
    return Pairs(source, (source + max(1, count // 2)) % count)


def spread(count: int, chosen: int) -> np.ndarray:
    """Up to `chosen` indices spread over `count` (neighbours may show the same person)."""
    return np.arange(min(count, chosen)) * max(1, count // chosen)


def draw_landmarks(images: np.ndarray, landmarks: np.ndarray) -> Picture:
    """Landmarks on a sheet of images."""
    return Picture(
        "landmarks",
        "Landmarks",
        "Detected landmarks. A colour is a landmark: it should mark the same spot everywhere.",
        sheet(_rows(draw_all(images, landmarks), COLUMNS)),
    )


def draw_all(*arrays: np.ndarray) -> list[Image.Image]:
    """`draw_points` of each image, its points and perhaps carried ones."""
    return [draw_points(*each) for each in zip(*arrays, strict=True)]


def draw_consistency(
    images: np.ndarray,
    landmarks: np.ndarray,
    fields: np.ndarray | None,
    pairs: Pairs,
    test: Evaluation | None,
) -> Picture:
    """Figure 3: landmarks of I1 carried to I2 (crosses) against those detected there (dots).

    They are carried by `fields`, and by the truth where `test` knows it.
    """
    shape = images.shape[1:3]
    first, second = landmarks[pairs.source], landmarks[pairs.target]
    first_px = in_pixels(first, shape)
    sources, targets = images[pairs.source], images[pairs.target]
    columns = {"I1": draw_all(sources, first), "I2": draw_all(targets, second)}
    carriers = []
    if fields is not None:
        carriers.append("by the transformation map T of the cross-image flow module")
        by_flow = normalized(carry(first_px, fields, shape), shape)
        columns["I2, by T"] = draw_all(targets, second, by_flow)
    if test is not None and test.masks is not None and test.surfaces is not None:
        carriers.append("by the true correspondence (where I2 shows the spot)")
        true = normalized(true_positions(first_px, pairs, test.masks, test.surfaces), shape)
        seen = np.where(np.isnan(true), np.nan, second)
        columns["I2, in truth"] = draw_all(targets, seen, true)
    tiles = [one for pair in zip(*columns.values(), strict=True) for one in pair]
    return Picture(
        "consistency",
        "Landmarks across images (Fig. 3)",
        "Dots: landmarks detected in the image. Crosses: those of I1, carried to I2 "
        f"{', and '.join(carriers)}. A line ties the two: the shorter, the better.",
        sheet(_rows(tiles, 2 * len(columns)), column_titles=2 * list(columns)),
    )


def draw_swaps(
    viewer: Viewer, images: np.ndarray, code: Code, *, in_numbers: bool = False
) -> Picture:
    """Figures 1 and 4a: the appearance of each image in the pose of each other.

    `in_numbers`: whether the page has a table of it.
    """
    table = ": a table of this page has it in numbers" if in_numbers else ""
    shown = spread(len(images), SWAPPED)
    appearance, pose = (grid.ravel() for grid in np.meshgrid(shown, shown, indexing="ij"))
    swapped = viewer.decode(code.appearance[appearance], code.maps[pose])
    originals = [tile(images[i]) for i in shown]
    rows = _rows([tile(image) for image in swapped], len(shown))
    return Picture(
        "swapped",
        "Appearances and poses exchanged (Fig. 1, 4a)",
        "D(a, p) with the appearance of the image at the left and the pose of the image above. "
        f"Where the two are apart, a column keeps its pose and a row its colours{table}.",
        sheet(
            [[None, *originals]] + [[one, *row] for one, row in zip(originals, rows, strict=True)],
            column_titles=["appearance", *["pose"] * len(shown)],
        ),
    )


def draw_cycles(viewer: Viewer, images: np.ndarray, code: Code, pairs: Pairs) -> Picture:
    """The cycle of 3.1: swapped images, and the images swapped back."""
    i, j = pairs
    swapped_ij = viewer.decode(code.appearance[i], code.maps[j])
    swapped_ji = viewer.decode(code.appearance[j], code.maps[i])
    ij, ji = viewer.encode(swapped_ij), viewer.encode(swapped_ji)
    rows = {
        "I_i": images[i],
        "I_j": images[j],
        "I_ij = D(a_i, p_j)": swapped_ij,
        "I_ji = D(a_j, p_i)": swapped_ji,
        "I'_i = D(a'_i, p'_i)": viewer.decode(ij.appearance, ji.maps),
        "I'_j = D(a'_j, p'_j)": viewer.decode(ji.appearance, ij.maps),
    }
    return Picture(
        "cycled",
        "The cycle (3.1)",
        "Two images, their appearances exchanged, and exchanged back: the nearer the last two rows "
        "to the first two, the better.",
        sheet([[tile(x) for x in row] for row in rows.values()], row_titles=list(rows)),
    )


def draw_isolated(viewer: Viewer, images: np.ndarray, code: Code) -> Picture:
    """Figure 4: decoding with the other map zero."""
    shown = spread(len(images), COLUMNS)
    a, p = code.appearance[shown], code.maps[shown]
    rows = {
        "image": images[shown],
        "D(a, p)": viewer.decode(a, p),
        "appearance only: D(a, 0)": viewer.decode(a, np.zeros_like(p)),
        "pose only: D(0, p)": viewer.decode(np.zeros_like(a), p),
    }
    return Picture(
        "isolated",
        "Appearance alone, pose alone (Fig. 4)",
        "With the other map zero. Where the two are apart, the appearance alone has colours and no "
        "structure, and the pose alone is a template, the same for all, in the pose of the image.",
        sheet([[tile(x) for x in row] for row in rows.values()], row_titles=list(rows)),
    )


def _rows(tiles: list, columns: int) -> list[list]:
    return [tiles[i : i + columns] for i in range(0, len(tiles), columns)]
