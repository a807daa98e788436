"""Landmarks of objects: regressed key points of each category, against those that are seen.

The regressor is fitted on training pictures (JLAD fits it on the annotations that it tests on).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from c3jax import metrics
from c3jax.coordinates import to_normalized, to_pixels
from experiments.common.alignment_data import AlignmentDataConfig

NORMALIZER = "longest side of the true object box"
PROTOCOL = (
    "mean over the key points seen in a picture, then over pictures, of distance / longest side of "
    "the true object box, in percent; one linear regressor for each category and key point, no "
    "intercept, coordinates from the corner, fitted on training pictures that show the point"
)


class Objects(NamedTuple):
    """Annotated pictures: `[n, S, S, 3]`, `[n]`, `[n, P, 2]`, `[n, P]` and `[n]`."""

    images: np.ndarray
    categories: np.ndarray
    keypoints_px: np.ndarray
    seen: np.ndarray
    box_side: np.ndarray

    def select(self, rows) -> "Objects":
        return Objects(*(column[rows] for column in self))


def load_objects(config: AlignmentDataConfig) -> tuple[Objects, Objects]:
    """Pictures to fit on (those of training) and to test on (those of the test pairs)."""
    from data_pipelines import rendered_objects

    seen = tuple(name for name in rendered_objects.CATEGORIES if name != config.held_out)

    def load(split: str, count: int) -> Objects:
        found = rendered_objects.load_arrays(
            split,
            count,
            size=config.image_size,
            cache_dir=config.cache,
            categories=seen,
            fields=("image", "category", "keypoints", "keypoint_valid", "visible", "box"),
        )
        low, high = np.split(found["box"], 2, axis=-1)
        return Objects(
            images=found["image"],
            categories=found["category"],
            keypoints_px=found["keypoints"],
            seen=found["visible"] & found["keypoint_valid"],
            box_side=(high - low).max(-1),
        )

    test = len(seen) * max(2, -(-config.test_pairs // len(seen)))
    return load("train", config.train_examples), load("test", test)


def evaluate_landmarks(landmarks, untrained, fit: Objects, test: Objects) -> dict:
    """The `landmarks` object of `results.json`; of each network the landmarks of `fit` and `test`.

    `mean_shape`: each key point where it is on average in its category.
    """
    errors = {
        "": regression_errors(landmarks, fit, test),
        "untrained_": regression_errors(untrained, fit, test),
        "mean_shape_": keypoint_errors(mean_shapes(fit, test), test),
    }
    found: dict = {f"{name}nme_percent": _mean(values) for name, values in errors.items()}
    return found | {
        "categories": categories_of(errors[""], test),
        "normalizer": NORMALIZER,
        "protocol": PROTOCOL,
        "fitted_on": len(fit.images),
        "tested_on": len(test.images),
    }


def regression_errors(landmarks, fit: Objects, test: Objects) -> np.ndarray:
    """Errors in percent `[n]` of regressed key points, NaN where none is seen."""
    of_fit_images, of_test_images = landmarks
    shape = fit.images.shape[1:3]
    predicted = np.zeros_like(test.keypoints_px)
    for category in np.unique(test.categories):
        of_fit, of_test = fit.categories == category, test.categories == category
        points = to_normalized(jnp.asarray(fit.keypoints_px[of_fit]), shape)
        found = _regress(of_fit_images[of_fit], points, fit.seen[of_fit], of_test_images[of_test])
        predicted[of_test] = to_pixels(found, shape)
    return keypoint_errors(predicted, test)


@jax.jit
def _regress(landmarks, keypoints, seen, test_landmarks):
    """Key points `[m, P, 2]` of `test_landmarks`, each by a regressor of its own."""

    def of_one(points, seen):
        # Counted from the corner -1: a row of zeros on both sides is left out of the sum.
        rows = jnp.where(seen[:, None, None], landmarks, -1)
        values = jnp.where(seen[:, None, None], points[:, None], -1)
        return metrics.fit_landmark_regressor(rows, values)(test_landmarks)[:, 0]

    return jax.vmap(of_one, in_axes=1, out_axes=1)(keypoints, seen)


def mean_shapes(fit: Objects, test: Objects) -> np.ndarray:
    """Mean key points of each picture's category."""
    predicted = np.zeros_like(test.keypoints_px)
    for category in np.unique(test.categories):
        rows = fit.select(fit.categories == category)
        weight = rows.seen[..., None] / np.maximum(rows.seen.sum(0), 1)[:, None]
        predicted[test.categories == category] = (weight * rows.keypoints_px).sum(0)
    return predicted


def keypoint_errors(predicted_px, test: Objects) -> np.ndarray:
    """Mean distance of the key points that are seen, in percent of the box `[n]`."""
    distance = np.linalg.norm(predicted_px - test.keypoints_px, axis=-1)
    count = test.seen.sum(-1)
    mean = (distance * test.seen).sum(-1) / np.maximum(count, 1)
    return np.where(count > 0, 100 * mean / test.box_side, np.nan)


def categories_of(errors: np.ndarray, test: Objects) -> dict[str, float | None]:
    """Mean error of each category, by name."""
    from data_pipelines.rendered_objects import CATEGORIES

    return {
        CATEGORIES[number]: _mean(errors[test.categories == number])
        for number in np.unique(test.categories)
    }


def _mean(values: np.ndarray) -> float | None:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None
