"""Regressed key points of things whose key points may be hidden."""

import dataclasses

import numpy as np
import pytest

from c3jax.tools.measure.seen_keypoints import (
    evaluate_landmarks,
    keypoint_errors,
    mean_shapes,
    regression_errors,
)
from data_pipelines.load import Evaluation

random = np.random.default_rng(0)


def objects(count=40, *, num_keypoints=3) -> Evaluation:
    return Evaluation(
        images=np.zeros((count, 8, 12, 3), np.uint8),
        categories=np.array(["car", "chair"])[np.arange(count) % 2],
        keypoints_px=random.uniform(0, 8, (count, num_keypoints, 2)).astype(np.float32),
        seen=random.random((count, num_keypoints)) < 0.7,
        lengths_px=random.uniform(5, 8, count),
    )


def reference_errors(landmarks, fit: Evaluation, test: Evaluation):
    """Least squares of each category and key point over the pictures that show it, in float64."""
    found = np.full(len(test.images), np.nan)
    scale = np.array([12 - 1, 8 - 1]) / 2

    def rows(points, of):
        return (points[of] + 1).reshape(int(of.sum()), -1).astype(float)

    for index in range(len(test.images)):
        distances = []
        for point in np.flatnonzero(test.seen[index]):
            of = (fit.categories == test.categories[index]) & fit.seen[:, point]
            values = fit.keypoints_px[of, point] / scale
            weights = np.linalg.lstsq(rows(landmarks[0], of), values, rcond=None)[0]
            predicted = (landmarks[1][index] + 1).ravel() @ weights * scale
            distances.append(np.linalg.norm(predicted - test.keypoints_px[index, point]))
        if distances:
            found[index] = 100 * np.mean(distances) / test.lengths_px[index]
    return found


def test_each_key_point_is_regressed_from_the_pictures_of_its_category_that_show_it():
    fit, test = objects(), objects(9)
    landmarks = tuple(random.uniform(-1, 1, (len(part.images), 2, 2)) for part in (fit, test))
    found = regression_errors(landmarks, fit, test)
    np.testing.assert_allclose(found, reference_errors(landmarks, fit, test), rtol=1e-3)


def test_key_points_that_are_not_seen_do_not_count():
    seen = np.array([[True, False, True], [False] * 3])
    test = dataclasses.replace(objects(2), seen=seen)
    predicted = test.keypoints_px + np.array([3, 4]) * np.array([1, 100, 0])[:, None]
    found = keypoint_errors(predicted, test)
    assert found[0] == pytest.approx(100 * 2.5 / test.lengths_px[0], rel=1e-5)
    assert np.isnan(found[1])


def test_the_mean_shape_is_that_of_the_category():
    fit, test = objects(), objects(2)
    of = (fit.categories == "chair") & fit.seen[:, 2]
    np.testing.assert_allclose(
        mean_shapes(fit, test)[1, 2], fit.keypoints_px[of, 2].mean(0), rtol=1e-5
    )


def test_landmarks_that_are_the_key_points_have_no_error():
    fit, test = objects(), objects(8)
    scale = np.array([12 - 1, 8 - 1]) / 2
    landmarks = tuple(part.keypoints_px / scale - 1 for part in (fit, test))
    still = tuple(np.zeros((len(part.images), 3, 2)) for part in (fit, test))
    found = evaluate_landmarks(landmarks, still, fit, test)
    assert found["nme_percent"] < 0.01 < found["untrained_nme_percent"]
    assert set(found["categories"]) == {"car", "chair"}
    assert found["mean_shape_nme_percent"] == pytest.approx(found["untrained_nme_percent"], rel=0.2)
