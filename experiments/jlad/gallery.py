"""Pictures of what a joint run finds: landmarks, self-similarity, warped sources, uncertainty."""

import functools

import jax
import numpy as np

from c3jax import local_correlation
from c3jax.inference import Matches, bilinear
from experiments.common.alignment_data import AlignmentData
from experiments.common.data import Data
from experiments.jlad.steps import Network
from experiments.jlad.trained import Trained, make_aligner, make_detector
from experiments.measure.alignment import HEADLINES
from experiments.measure.consistency import NUM_PAIRS, shown_images
from experiments.show import alignment_gallery
from experiments.show.alignment_gallery import spread
from experiments.show.flow_pictures import enlarge, heat_colors, uncertainty_shades
from experiments.show.pictures import Picture, draw_points, sheet, tile
from experiments.terms.synthetic_pairs import as_float

PLACES = 2  # at which self-similarity is shown


def draw_gallery(trained: Trained, data: AlignmentData | Data) -> list[Picture]:
    """Landmarks, warped sources and self-similarity of pairs, and matches of each set of tests."""
    model, pairs = make_aligner(trained), shown_pairs(data)
    found = [model.align(*pair) for pair in pairs]
    landmarks = make_detector(trained).landmarks(pairs.reshape(-1, *pairs.shape[2:]))
    landmarks = landmarks.reshape(*pairs.shape[:2], -1, 2)
    pictures = [
        draw_landmarks(pairs, landmarks, found),
        draw_warped(pairs, found),
        draw_self_similarity(trained, pairs[:, 0], landmarks[:, 0, :PLACES]),
    ]
    if isinstance(data, Data) or data.name not in HEADLINES:
        return pictures
    return pictures + alignment_gallery.draw_gallery(model, data, HEADLINES[data.name])


def shown_pairs(data: AlignmentData | Data) -> np.ndarray:
    """Pairs of the first test, or without one of training: `[n, 2, S, S, 3]`."""
    if isinstance(data, Data):
        images, _ = shown_images(data, NUM_PAIRS)
        half = len(images) // 2
        rows = spread(half)
        return images[np.stack([rows, rows + half], axis=1)]  # neighbours may be one person
    for test in data.tests.values():
        rows = spread(len(test))
        return test.images[np.stack([test.source[rows], test.target[rows]], axis=1)]
    return data.images[data.pairs[spread(len(data.pairs))]]


def draw_landmarks(pairs: np.ndarray, landmarks: np.ndarray, found: list[Matches]) -> Picture:
    """Landmarks of both pictures `[n, 2, K, 2]`, on the target those carried over too."""
    rows = [
        [
            draw_points(source, of_source),
            draw_points(target, of_target),
            draw_points(target, of_target, carried=bilinear(matches.to_target, of_source)),
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
            shades = uncertainty_shades(np.log(matches.source_sigma))[..., None]
            rows[-1][-1] = tile(np.repeat(enlarge(shades, source.shape[:2]), 3, axis=-1))
    return Picture(
        "warped",
        "Warped sources and uncertainty (JLAD, Fig. 5, 7 and 10)",
        "The source, looked up for each pixel of the target; and sigma on the source, from the "
        "least of the picture (white) to the largest (black).",
        sheet(rows, column_titles=["source", "target", "warped source", "uncertainty"]),
    )


def draw_self_similarity(trained: Trained, images: np.ndarray, points: np.ndarray) -> Picture:
    """C^ss_i in the window around the cell of some points `[n, P, 2]`, (x, y) in [-1, 1]."""
    radius = trained.config.model.radius
    windows = np.asarray(
        _self_similarity(trained.network, trained.variables, images, trained.detection, radius)
    )
    rows = []
    for image, of_image, places in zip(images, windows, points, strict=True):
        rows.append([draw_points(image, places)])
        rows[-1] += [tile(heat_colors(window_at(of_image, place))) for place in places]
    return Picture(
        "self_similarity",
        "Self-similarity at landmarks (JLAD, Fig. 4)",
        "The first landmarks, and the similarity of the features there to those around, from 0 "
        f"(blue) to the largest (yellow): windows of {2 * radius + 1} cells.",
        sheet(rows, column_titles=["picture", *(f"landmark {k}" for k in range(points.shape[1]))]),
    )


@functools.partial(jax.jit, static_argnums=(0, 3, 4))
def _self_similarity(network: Network, variables, images, trunk: str, radius: int):
    features = network.detect(variables, as_float(images), trunk=trunk).features
    return local_correlation(features, features, radius=radius)


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
