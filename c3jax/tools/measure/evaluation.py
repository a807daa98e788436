"""Evaluation of landmarks: regressed keypoints against annotations, and whether they are alive."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from c3jax import metrics
from c3jax.files.tested import Evaluation
from c3jax.inference import LandmarkModel
from c3jax.tools.measure import seen_keypoints
from c3jax.tools.measure.networks import apply_in_batches
from c3jax.tools.measure.units import in_pixels, normalized, unit_px

# detect(images uint8 [n, S, S, 3]) -> landmarks [n, K, 2] in [-1, 1]
Detect = Callable[[np.ndarray], np.ndarray]
Kept = dict[int, np.ndarray]  # landmarks by the `id` of the pictures, which outlive it

PROTOCOL = (
    "mean over images and points of distance / inter-ocular distance, in percent; linear regressor "
    "from landmarks, no intercept, no regularisation, coordinates from the corner; where faces are "
    "too few for a unique one, that of least norm"
)
FEW_SHOT = (1, 5, 10, 100, 500, 1000, 5000)
DRAWS = 10
# What stands beside the headline number, in the order of the tables.
ERRORS = (
    ("untrained network", "untrained_nme_percent"),
    ("mean shape", "mean_shape_nme_percent"),
    ("mean shape in the true box", "box_mean_shape_nme_percent"),
    ("with intercept", "nme_with_intercept_percent"),
    ("in an undistorted frame", "nme_undistorted_percent"),
    ("fitted on validation faces too", "nme_fitted_on_all_percent"),
    ("backward, landmarks from keypoints", "backward_nme_percent"),
)


def find_landmarks(model: LandmarkModel, images: np.ndarray) -> np.ndarray:
    """Landmarks `[n, K, 2]` of uint8 images `[n, S, S, 3]`, the squares that the network sees."""
    return apply_in_batches(model.network, model.variables, _landmarks, images, size=64)


def _landmarks(network, images):
    return network.encode(images).landmarks


def once(detect: Detect, kept: Kept) -> Detect:
    """The same, but that pictures whose landmarks are kept are not looked at again."""

    def detect_once(images):
        if id(images) not in kept:
            kept[id(images)] = detect(images)
        return kept[id(images)]

    return detect_once


def evaluate_landmarks(
    detect: Detect,
    detect_untrained: Detect | None,
    fit: Evaluation,
    test: Evaluation,
    validation: Evaluation | None = None,
) -> dict[str, Any]:
    """The `landmarks` object of `results.json`: errors, baselines, health of the landmarks.

    `nme_percent` is the headline, by `PROTOCOL`. The numbers beside it change one thing each: an
    intercept; the stretch of the frame undone; the validation faces fitted on as well; few faces
    fitted on; landmarks regressed from keypoints. Things that have no eyes, and whose key points
    may be hidden, are measured by `seen_keypoints`. Without `detect_untrained` the error of the
    untrained network is left out.
    """
    landmarks, test_landmarks = detect(fit.images), detect(test.images)
    untrained = detect_untrained and [detect_untrained(each.images) for each in (fit, test)]
    health = {"health": landmark_health(test_landmarks, test)}
    if test.seen is not None:
        trained = (landmarks, test_landmarks)
        return seen_keypoints.evaluate_landmarks(trained, untrained, fit, test) | health
    shape, keypoints_px = test.images.shape[1:3], fit.keypoints_px
    known = (landmarks, keypoints_px, test_landmarks, test)
    predicted_px = regress(landmarks, keypoints_px, test_landmarks, shape)
    mean_shape = np.broadcast_to(keypoints_px.mean(0), test.keypoints_px.shape)
    found = {
        "nme_percent": mean_error(predicted_px, test),
        "nme_with_intercept_percent": regression_error(*known, intercept=True),
        "few_shot_nme_percent": few_shot(*known),
        "backward_nme_percent": backward_error(*known),
        "mean_shape_nme_percent": mean_error(mean_shape, test),
    }
    if untrained:
        of_fit, of_test = untrained
        found["untrained_nme_percent"] = regression_error(of_fit, keypoints_px, of_test, test)
    if fit.boxes_px is not None and test.boxes_px is not None:
        in_boxes = mean_shape_in_boxes(keypoints_px, fit.boxes_px, test.boxes_px)
        found["box_mean_shape_nme_percent"] = mean_error(in_boxes, test)
    if test.parts:
        found["nme_of_parts_percent"] = {
            name: mean_error(predicted_px[rows], test.select(rows))
            for name, rows in test.parts.items()
        }
    if test.stretch is not None:
        found["nme_undistorted_percent"] = undistorted_error(predicted_px, test)
    if validation is not None:
        landmarks = np.concatenate([landmarks, detect(validation.images)])
        keypoints_px = np.concatenate([keypoints_px, validation.keypoints_px])
        found["nme_fitted_on_all_percent"] = regression_error(
            landmarks, keypoints_px, test_landmarks, test
        )
        found["fitted_on_all"] = len(landmarks)
    return found | {
        "normalizer": test.normalizer,
        "protocol": PROTOCOL,
        "fitted_on": len(fit),
        "tested_on": len(test),
        **health,
    }


def regress(
    landmarks, keypoints_px, test_landmarks, shape: tuple[int, int], *, intercept: bool = False
) -> np.ndarray:
    """Keypoints `[m, P, 2]` in pixels, by the regressor that fits `landmarks` to `keypoints_px`."""
    keypoints = jnp.asarray(normalized(keypoints_px, shape))
    regressor = metrics.fit_landmark_regressor(landmarks, keypoints, intercept=intercept)
    return in_pixels(regressor(test_landmarks), shape)


def mean_error(predicted_px, test: Evaluation, *, true_px=None) -> float:
    """Mean error in percent of the inter-ocular distance: of keypoints, or against `true_px`."""
    true_px = test.keypoints_px if true_px is None else true_px
    predicted, true, unit = (jnp.asarray(x) for x in (predicted_px, true_px, unit_px(test)))
    return float(metrics.normalized_mean_error(predicted, true, unit).mean())


def regression_error(
    landmarks, keypoints_px, test_landmarks, test: Evaluation, *, intercept: bool = False
) -> float:
    """Mean error in percent of regressed keypoints."""
    shape = test.images.shape[1:3]
    return mean_error(
        regress(landmarks, keypoints_px, test_landmarks, shape, intercept=intercept), test
    )


def undistorted_error(predicted_px, test: Evaluation) -> float:
    """`mean_error` with lengths as in the originals: x is divided by its stretch against y.

    MAFL's frame stretches x by 218 / 178, and the inter-ocular distance is almost an x distance:
    the same predictions score up to 18 % lower there.
    """
    squeeze = np.stack([1 / np.asarray(test.stretch), np.ones(len(test))], -1)[:, None]
    original = dataclasses.replace(test, keypoints_px=test.keypoints_px * squeeze)
    return mean_error(predicted_px * squeeze, original)


def few_shot(landmarks, keypoints_px, test_landmarks, test: Evaluation) -> dict[str, dict]:
    """Error when the regressor is fitted on n faces: mean and deviation of ten draws (SAIC).

    Where many regressors fit exactly, that of least norm is taken.
    """
    random = np.random.default_rng(0)
    found = {}
    for count in (n for n in FEW_SHOT if n <= len(landmarks)):
        draws = [random.choice(len(landmarks), count, replace=False) for _ in range(DRAWS)]
        errors = [
            regression_error(landmarks[rows], keypoints_px[rows], test_landmarks, test)
            for rows in draws
        ]
        found[str(count)] = {"mean": float(np.mean(errors)), "deviation": float(np.std(errors))}
    return found


def backward_error(landmarks, keypoints_px, test_landmarks, test: Evaluation) -> float:
    """Error of landmarks regressed from annotations: high for landmarks that move on their own."""
    shape = test.images.shape[1:3]
    keypoints, test_keypoints = (normalized(p, shape) for p in (keypoints_px, test.keypoints_px))
    fitted_px, true_px = (in_pixels(points, shape) for points in (landmarks, test_landmarks))
    return mean_error(regress(keypoints, fitted_px, test_keypoints, shape), test, true_px=true_px)


def mean_shape_in_boxes(keypoints_px, boxes_px, test_boxes_px) -> np.ndarray:
    """The mean shape relative to the box, placed in other boxes."""
    low, high = np.split(boxes_px[:, None], 2, axis=-1)
    mean = ((keypoints_px - low) / (high - low)).mean(0)
    low, high = np.split(test_boxes_px[:, None], 2, axis=-1)
    return low + mean * (high - low)


def error_rows(landmarks: dict[str, Any]) -> list[tuple[str, float | str]]:
    """What stands beside the headline in tables: (what, error in percent)."""
    rows: list[tuple[str, float | str]] = [
        (name, landmarks[key]) for name, key in ERRORS if key in landmarks
    ]
    parts = landmarks.get("nme_of_parts_percent", {})
    rows += [(f"its {name} faces", error) for name, error in parts.items()]
    if few := landmarks.get("few_shot_nme_percent"):
        means = " / ".join(f"{error['mean']:.2f}" for error in few.values())
        rows.append((f"fitted on {' / '.join(few)} faces", means))
    return rows


def landmark_health(landmarks, test: Evaluation) -> dict:
    """How landmarks move over the test set, how far apart they are, and whether on the head.

    `surface_spread_ratio`: spread of the head-surface coordinate under each landmark, divided by
    that of random points of the head, mean over landmarks. It needs a known surface.
    """
    shape = test.images.shape[1:3]
    points_px = in_pixels(landmarks, shape)
    health = metrics.landmark_health(jnp.asarray(points_px))
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


def collapse_warnings(
    landmarks, shape: tuple[int, int], *, to_move: str, to_part: str
) -> list[str]:
    """What is wrong with the landmarks of some pictures, and what to change; empty if nothing.

    Args:
      landmarks: `[n, K, 2]`.
      shape: of the pictures.
      to_move, to_part: options that help landmarks that are still, or coincide.
    """
    health = metrics.landmark_health(jnp.asarray(in_pixels(landmarks, shape)))
    stddev, distances = np.asarray(health.stddev), np.asarray(health.distances)
    still = np.flatnonzero(stddev < 0.01 * shape[0])
    first, second = np.nonzero(np.triu(distances < 0.02 * shape[0], 1))
    warnings = []
    if len(still):
        warnings.append(
            f"landmarks {still.tolist()} stay where they are in every picture; {to_move}"
        )
    if len(first):
        pairs = [f"{a}={b}" for a, b in zip(first.tolist(), second.tolist(), strict=True)][:5]
        warnings.append(f"landmarks coincide ({', '.join(pairs)}); {to_part}")
    return warnings


def _spread(points: np.ndarray) -> np.ndarray:
    """Root mean squared distance to the mean, for each column of `[n, K, 3]`, NaN left out."""
    squared = np.square(points - np.nanmean(points, axis=0)).sum(-1)
    return np.sqrt(np.nanmean(squared, axis=0))
