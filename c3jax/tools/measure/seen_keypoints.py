"""Landmarks of things whose key points may be hidden: regressed key points against those seen.

The regressor is fitted on other pictures (JLAD fits it on the annotations that it tests on).
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from c3jax import metrics
from c3jax.coordinates import to_normalized, to_pixels
from c3jax.files.tested import Evaluation
from c3jax.tools.measure.units import finite_mean, unit_px

PROTOCOL = (
    "mean over the key points seen in a picture, then over pictures, of distance / {}, in percent; "
    "one linear regressor for each category and key point, no intercept, coordinates from the "
    "corner, fitted on other pictures that show the point"
)


def evaluate_landmarks(landmarks, untrained, fit: Evaluation, test: Evaluation) -> dict:
    """The `landmarks` object, from the landmarks of `fit` and of `test` that each network finds."""
    errors = {
        "": regression_errors(landmarks, fit, test),
        **({"untrained_": regression_errors(untrained, fit, test)} if untrained else {}),
        "mean_shape_": keypoint_errors(mean_shapes(fit, test), test),
    }
    found: dict = {f"{name}nme_percent": finite_mean(values) for name, values in errors.items()}
    return found | {
        "categories": {str(name): finite_mean(errors[""][rows]) for name, rows in _rows(test)},
        "normalizer": test.normalizer,
        "protocol": PROTOCOL.format(test.normalizer),
        "fitted_on": len(fit),
        "tested_on": len(test),
    }


def regression_errors(landmarks, fit: Evaluation, test: Evaluation) -> np.ndarray:
    """Errors in percent `[n]` of regressed key points, NaN where none is seen."""
    fit_landmarks, test_landmarks = landmarks
    shape = fit.images.shape[1:3]
    predicted = np.zeros_like(test.keypoints_px)
    for category, chosen in _rows(test):
        part = fit.categories == category
        rows = fit.select(part)
        points = to_normalized(jnp.asarray(rows.keypoints_px), shape)
        found = _regress(fit_landmarks[part], points, rows.counted(), test_landmarks[chosen])
        predicted[chosen] = to_pixels(found, shape)
    return keypoint_errors(predicted, test)


@jax.jit
def _regress(landmarks, keypoints, seen, test_landmarks):
    """Key points `[m, P, 2]` of `test_landmarks`, each by a regressor of its own."""

    def regress_point(points, seen):
        # Counted from the corner -1: a row of zeros on both sides is left out of the sum.
        rows = jnp.where(seen[:, None, None], landmarks, -1)
        values = jnp.where(seen[:, None, None], points[:, None], -1)
        return metrics.fit_landmark_regressor(rows, values)(test_landmarks)[:, 0]

    return jax.vmap(regress_point, in_axes=1, out_axes=1)(keypoints, seen)


def mean_shapes(fit: Evaluation, test: Evaluation) -> np.ndarray:
    """Mean key points of each picture's category."""
    predicted = np.zeros_like(test.keypoints_px)
    for category, chosen in _rows(test):
        rows = fit.select(fit.categories == category)
        counted = rows.counted()
        weight = counted[..., None] / np.maximum(counted.sum(0), 1)[:, None]
        predicted[chosen] = (weight * rows.keypoints_px).sum(0)
    return predicted


def keypoint_errors(predicted_px, test: Evaluation) -> np.ndarray:
    """Mean distance of the key points that are seen, in percent of the normaliser `[n]`."""
    distance = np.linalg.norm(predicted_px - test.keypoints_px, axis=-1)
    counted = test.counted()
    count = counted.sum(-1)
    mean = (distance * counted).sum(-1) / np.maximum(count, 1)
    return np.where(count > 0, 100 * mean / unit_px(test), np.nan)


def _rows(test: Evaluation) -> Iterator[tuple[str, np.ndarray]]:
    """Each category, and which pictures show it, bool `[n]`."""
    names = test.categories
    assert names is not None
    return ((name, names == name) for name in np.unique(names))
