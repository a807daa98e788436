"""Evaluation of JLAD: the worth of sigma, and regressed key points of objects."""

import numpy as np
import pytest

from experiments.jlad.objects import (
    Objects,
    evaluate_landmarks,
    keypoint_errors,
    mean_shapes,
    regression_errors,
)
from experiments.jlad.uncertainty import auroc, sparsification_area, uncertainty_quality

random = np.random.default_rng(0)


def test_the_area_is_the_mean_of_what_remains_over_the_mean_of_all():
    # Most certain first: errors 0, 1, 5 have means 0, 1/2 and 2.
    assert sparsification_area([0.1, 0.3, 0.2], [0.0, 5.0, 1.0]) == pytest.approx(2.5 / 3 / 2)
    assert sparsification_area([-0.1, -0.3, -0.2], [0.0, 5.0, 1.0]) > 1


def test_equal_uncertainties_take_out_at_random():
    error = random.uniform(0, 1, 50)
    assert sparsification_area(np.zeros(50), error) == pytest.approx(1)
    tied = sparsification_area([0.0, 0.0, 1.0], [1.0, 3.0, 5.0])  # means 2, 2 and 3
    assert tied == pytest.approx(7 / 3 / 3)


def test_no_order_is_better_than_the_oracle():
    error = random.exponential(1, 200)
    found = uncertainty_quality(random.normal(size=200), error, error > 1)
    assert found["oracle_area"] < found["sparsification_area"]
    assert found["sparsification_area"] == pytest.approx(found["random_area"], abs=0.2)
    assert found["pixels"] == 200


def test_auroc_counts_pairs_in_the_right_order_and_halves_of_ties():
    scores, hidden = np.array([1.0, 2.0, 2.0, 3.0, 0.0]), np.array([False, True, False, True, True])
    pairs = [np.sign(p - n) for p in scores[hidden] for n in scores[~hidden]]
    assert auroc(scores, hidden) == pytest.approx(np.mean([(s + 1) / 2 for s in pairs]))
    assert auroc([1, 2], [False, True]) == 1
    assert auroc([1, 2], [True, True]) is None


def objects(count=40, *, num_keypoints=3) -> Objects:
    return Objects(
        images=np.zeros((count, 8, 12, 3), np.uint8),
        categories=np.arange(count) % 2,
        keypoints_px=random.uniform(0, 8, (count, num_keypoints, 2)).astype(np.float32),
        seen=random.random((count, num_keypoints)) < 0.7,
        box_side=random.uniform(5, 8, count),
    )


def reference_errors(landmarks, fit: Objects, test: Objects):
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
            found[index] = 100 * np.mean(distances) / test.box_side[index]
    return found


def test_each_key_point_is_regressed_from_the_pictures_of_its_category_that_show_it():
    fit, test = objects(), objects(9)
    landmarks = tuple(random.uniform(-1, 1, (len(part.images), 2, 2)) for part in (fit, test))
    found = regression_errors(landmarks, fit, test)
    np.testing.assert_allclose(found, reference_errors(landmarks, fit, test), rtol=1e-3)


def test_key_points_that_are_not_seen_do_not_count():
    test = objects(2)._replace(seen=np.array([[True, False, True], [False] * 3]))
    predicted = test.keypoints_px + np.array([3, 4]) * np.array([1, 100, 0])[:, None]
    found = keypoint_errors(predicted, test)
    assert found[0] == pytest.approx(100 * 2.5 / test.box_side[0], rel=1e-5)
    assert np.isnan(found[1])


def test_the_mean_shape_is_that_of_the_category():
    fit, test = objects(), objects(2)
    of = (fit.categories == 1) & fit.seen[:, 2]
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
