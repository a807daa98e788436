"""Pictures of what a joint run finds: landmarks, self-similarity, warped sources, uncertainty."""

import numpy as np

from c3jax.inference import Matches, bilinear
from c3jax.tools.overlays import uncertainty_shades
from data_pipelines.load import AlignmentData, Data
from experiments.measure.consistency import NUM_PAIRS, shown_images
from experiments.show import matches as matching
from experiments.show.matches import heat_colors, shown_rows
from experiments.show.pictures import Picture, draw_points, sheet, tile

PLACES = 2  # at which self-similarity is shown


def shown_pairs(data: AlignmentData | Data) -> np.ndarray:
    """Pairs of the first test, or without one of training: `[n, 2, S, S, 3]`."""
    if isinstance(data, Data):
        images, _ = shown_images(data, NUM_PAIRS)
        half = len(images) // 2
        rows = shown_rows(half)
        return images[np.stack([rows, rows + half], axis=1)]  # neighbours may be one person
    return matching.shown_pairs(next(iter(data.tests.values()), data))


def draw_landmarks(pairs: np.ndarray, landmarks: np.ndarray, found: list[Matches]) -> Picture:
    """Landmarks of both pictures `[n, 2, K, 2]`, on the target those carried over too."""
    rows = [
        [
            draw_points(source, of_source),
            draw_points(target, of_target),
            draw_points(target, of_target, bilinear(matches.to_target, of_source)),
        ]
        for (source, target), (of_source, of_target), matches in zip(
            pairs, landmarks, found, strict=True
        )
    ]
    return Picture(
        "landmarks",
        "Landmarks on pairs (JLAD, Fig. 6, 8 and 9)",
        "A landmark has one colour in all pictures. To the right crosses are the landmarks of the "
        "source, carried to the target by the field, each tied to the landmark that was found "
        "there: what L_J brings together.",
        sheet(rows, column_titles=["source", "target", "carried"]),
    )


def draw_warped(pairs: np.ndarray, found: list[Matches]) -> Picture:
    """The source warped onto the target, and how uncertain the field is."""
    rows = []
    for (source, target), matches in zip(pairs, found, strict=True):
        rows.append([tile(source), tile(target), tile(matches.warp_source(source)), None])
        if matches.source_sigma is not None:
            shades = uncertainty_shades(matches)[..., None]
            rows[-1][-1] = tile(np.repeat(shades, 3, axis=-1))
    return Picture(
        "warped",
        "Warped sources and uncertainty (JLAD, Fig. 5, 7 and 10)",
        "The source, looked up for each pixel of the target; and sigma on the source, from the "
        "least of the picture (white) to the largest (black).",
        sheet(rows, column_titles=["source", "target", "warped source", "uncertainty"]),
    )


def draw_self_similarity(windows: np.ndarray, images: np.ndarray, points: np.ndarray) -> Picture:
    """C^ss_i in the window around the cells of the first landmarks.

    Args:
      windows: of each cell, `[n, h, w, (2 r + 1)^2]`.
      images: `[n, S, S, 3]`.
      points: `[n, K, 2]`, (x, y) in [-1, 1].
    """
    points, side = points[:, :PLACES], round(windows.shape[-1] ** 0.5)
    rows = []
    for image, of_image, places in zip(images, windows, points, strict=True):
        rows.append([draw_points(image, places)])
        rows[-1] += [tile(heat_colors(window_at(of_image, place))) for place in places]
    return Picture(
        "self_similarity",
        "Self-similarity at landmarks (JLAD, Fig. 4)",
        "The first landmarks, and the similarity of the features there to those around, from 0 "
        f"(blue) to the largest (yellow): windows of {side} cells.",
        sheet(rows, column_titles=["picture", *(f"landmark {k}" for k in range(points.shape[1]))]),
    )


def window_at(windows: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The window `[2 r + 1, 2 r + 1]` of the cell nearest to a point, relative to its largest.

    Args:
      windows: `[h, w, (2 r + 1)^2]`.
      point: (x, y) in [-1, 1].
    """
    height, width, count = windows.shape
    last = np.array([width - 1, height - 1])
    x, y = np.rint((np.clip(point, -1, 1) + 1) / 2 * last).astype(int)
    window = windows[y, x].reshape(2 * (round(count**0.5),))
    return window / max(window.max(), 1e-6)
