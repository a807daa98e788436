"""Evaluation of landmarks: regressed keypoints against annotations, and whether they are alive."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from c3jax import metrics
from c3jax.coordinates import to_normalized, to_pixels
from experiments.common.data import Evaluation

# detect(images uint8 [n, S, S, 3]) -> landmarks [n, K, 2] in [-1, 1]
Detect = Callable[[np.ndarray], np.ndarray]

PROTOCOL = (
    "mean over images and points of distance / inter-ocular distance, in percent; linear regressor "
    "from landmarks, no intercept, no regularisation, coordinates from the corner"
)


def evaluate_landmarks(
    detect: Detect, detect_untrained: Detect, fit: Evaluation, test: Evaluation
) -> dict:
    """The `landmarks` object of `results.json`: errors, baselines, health of the landmarks."""
    fit_landmarks, test_landmarks = detect(fit.images), detect(test.images)
    untrained = detect_untrained(fit.images), detect_untrained(test.images)
    found = {
        "nme_percent": regression_error(fit_landmarks, test_landmarks, fit, test),
        "nme_with_intercept_percent": regression_error(
            fit_landmarks, test_landmarks, fit, test, intercept=True
        ),
        "untrained_nme_percent": regression_error(*untrained, fit, test),
        "mean_shape_nme_percent": _error(_repeat(fit.keypoints_px.mean(0), test), test),
    }
    if fit.boxes_px is not None and test.boxes_px is not None:
        predicted = _mean_shape_in_boxes(fit.keypoints_px, fit.boxes_px, test.boxes_px)
        found["box_mean_shape_nme_percent"] = _error(predicted, test)
    return found | {
        "normalizer": "inter-ocular distance",
        "protocol": PROTOCOL,
        "fitted_on": len(fit),
        "tested_on": len(test),
        "health": landmark_health(test_landmarks, test),
    }


def regression_error(
    fit_landmarks, test_landmarks, fit: Evaluation, test: Evaluation, *, intercept: bool = False
) -> float:
    """Mean error in percent of regressed keypoints."""
    shape = fit.images.shape[1:3]
    regressor = metrics.fit_landmark_regressor(
        fit_landmarks, to_normalized(jnp.asarray(fit.keypoints_px), shape), intercept=intercept
    )
    return _error(np.asarray(to_pixels(regressor(test_landmarks), shape)), test)


def landmark_health(landmarks, test: Evaluation) -> dict:
    """How the landmarks move over the test set, how far apart and whether on the head they are.

    `surface_spread_ratio`: spread of the head-surface coordinate under each landmark over that of
    random points of the head, mean over landmarks (only where the surface is known).
    """
    shape = test.images.shape[1:3]
    in_pixels = to_pixels(jnp.asarray(landmarks), shape)
    points_px, health = np.asarray(in_pixels), metrics.landmark_health(in_pixels)
    distances = np.asarray(health.distances) + np.diag(np.full(points_px.shape[1], np.inf))
    found = {
        "stddev_px": np.asarray(health.stddev, float).round(2).tolist(),
        "min_stddev_px": float(np.min(health.stddev)),
        "min_distance_px": float(distances.min()),
    }
    if test.masks is None or test.surfaces is None:
        return found
    columns, rows = np.clip(np.rint(points_px), 0, shape[0] - 1).astype(int).transpose(2, 0, 1)
    images = np.arange(len(test))[:, None]
    on_head = test.masks[images, rows, columns]
    under = np.where(on_head[..., None], test.surfaces[images, rows, columns], np.nan).astype(float)
    everywhere = test.surfaces[test.masks].astype(float)
    random_spread = _spread(everywhere[:: max(1, len(everywhere) // 20_000), None])
    return found | {
        "images_with_80_percent_on_head": float(100 * np.mean(on_head.mean(1) >= 0.8)),
        "on_head_percent": float(100 * on_head.mean()),
        "surface_spread_ratio": float(np.mean(_spread(under) / random_spread)),
    }


def collapse_warnings(landmarks, shape: tuple[int, int]) -> list[str]:
    """What is wrong with the landmarks of some pictures, and what to change; empty if nothing."""
    in_pixels = to_pixels(jnp.asarray(landmarks), shape)
    health = metrics.landmark_health(in_pixels)
    stddev, distances = np.asarray(health.stddev), np.asarray(health.distances)
    still = np.flatnonzero(stddev < 0.01 * shape[0])
    first, second = np.nonzero(np.triu(distances < 0.02 * shape[0], 1))
    warnings = []
    if len(still):
        warnings.append(
            f"landmarks {still.tolist()} stay where they are in every picture; raise "
            "--loss.warp-consistency or lower --model.temperature"
        )
    if len(first):
        pairs = [f"{a}={b}" for a, b in zip(first.tolist(), second.tolist(), strict=True)][:5]
        warnings.append(
            f"landmarks coincide ({', '.join(pairs)}); raise --loss.separation or its margin"
        )
    return warnings


def _spread(points: np.ndarray) -> np.ndarray:
    """Root mean squared distance to the mean, for each column of `[n, K, 3]`, NaN left out."""
    squared = np.square(points - np.nanmean(points, axis=0)).sum(-1)
    return np.sqrt(np.nanmean(squared, axis=0))


def _error(predicted_px, test: Evaluation) -> float:
    true = jnp.asarray(test.keypoints_px)
    normalizer = metrics.inter_ocular_distance(true, eyes=test.eyes)
    return float(metrics.normalized_mean_error(jnp.asarray(predicted_px), true, normalizer).mean())


def _repeat(points_px, test: Evaluation) -> np.ndarray:
    return np.broadcast_to(points_px, test.keypoints_px.shape)


def _mean_shape_in_boxes(keypoints_px, boxes_px, test_boxes_px) -> np.ndarray:
    """The mean shape relative to the box, placed in other boxes."""

    def corner_and_size(boxes):
        return boxes[:, None, :2], boxes[:, None, 2:] - boxes[:, None, :2]

    corner, size = corner_and_size(boxes_px)
    mean = ((keypoints_px - corner) / size).mean(0)
    corner, size = corner_and_size(test_boxes_px)
    return corner + mean * size
