"""The landmark regressor, errors and counts."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.compiled import metrics
from tests.reference import metrics as reference
from tests.tolerances import FLOAT32, FLOAT64

RANDOM = np.random.default_rng(0)


def faces(count, landmarks=10, keypoints=5, spread=0.05, noise=0.01):
    """Landmarks that move little about a mean shape, keypoints a noisy linear map of them."""
    mean = RANDOM.uniform(-0.8, 0.8, size=(landmarks, 2))
    points = mean + spread * RANDOM.normal(size=(count, landmarks, 2))
    weights = RANDOM.normal(size=(2 * landmarks, 2 * keypoints)) / landmarks
    true = ((points + 1).reshape(count, -1) @ weights - 1).reshape(count, keypoints, 2)
    return points, true + noise * RANDOM.normal(size=true.shape)


def test_worked_regressor_counts_from_the_corner():
    # From the corner, the keypoint is twice the landmark in x and half of it in y.
    landmarks = jnp.array([[[-1.0, 1.0]], [[0.0, -1.0]]])
    keypoints = jnp.array([[[-1.0, 0.0]], [[1.0, -1.0]]])
    regressor = metrics.fit_landmark_regressor(landmarks, keypoints)
    assert_allclose(regressor(jnp.zeros((1, 1, 2))), [[[1.0, -0.5]]], atol=1e-5)
    assert_allclose(regressor.weights, [[2, 0], [0, 0.5]], atol=1e-5)


def test_worked_error_of_two_points():
    predicted = jnp.array([[[3.0, 4.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 3.0]]])
    error = metrics.normalized_mean_error(predicted, jnp.zeros((2, 2, 2)), jnp.array([10.0, 4.0]))
    assert_allclose(error, [25, 50])


def test_worked_pck_counts_points_on_the_limit_and_only_valid_ones():
    predicted = jnp.array([[[3.0, 4.0], [0.0, 5.1], [99.0, 0.0]]])
    true, length = jnp.zeros((1, 3, 2)), jnp.array([50.0])
    valid = jnp.array([[True, True, False]])
    assert_allclose(metrics.pck(predicted, true, length, alpha=0.1), [100 / 3])
    assert_allclose(metrics.pck(predicted, true, length, alpha=0.1, valid=valid), [50])


def test_worked_health():
    points = jnp.array([[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [6.0, 8.0]]])
    health = metrics.landmark_health(points)
    assert_allclose(health.stddev, [0, 5])
    assert_allclose(health.distances, [[0, 5], [5, 0]])


def test_inter_ocular_distance_is_that_of_the_chosen_points():
    keypoints = jnp.array([[[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]])
    assert_allclose(metrics.inter_ocular_distance(keypoints), [5])
    assert_allclose(metrics.inter_ocular_distance(keypoints, eyes=(0, 2)), [10])


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("count", [1, 5, 2000])
def test_regressor_equals_slow_reference_also_with_few_faces(count, intercept):
    landmarks, keypoints = faces(count + 200)
    regressor = metrics.fit_landmark_regressor(
        landmarks[:count], keypoints[:count], intercept=intercept
    )
    found = regressor(landmarks[count:])
    mean, offset = -1.0, -1.0  # the corner
    if intercept:  # of all exact fits the library's is shortest without the constant
        mean, offset = landmarks[:count].mean(0), keypoints[:count].mean(0)
    landmarks = landmarks - mean - 1
    slow = reference.regress(
        landmarks[:count], keypoints[:count] - offset - 1, landmarks[count:], intercept=False
    )
    assert_allclose(found, slow + offset + 1, atol=2e-4)


def test_intercept_equals_a_column_of_ones_when_there_are_faces_enough():
    landmarks, keypoints = faces(500)
    regressor = metrics.fit_landmark_regressor(landmarks, keypoints, intercept=True)
    slow = reference.regress(landmarks, keypoints, landmarks, intercept=True)
    assert_allclose(regressor(landmarks), slow, atol=2e-4)


def test_errors_equal_slow_reference(x64):
    predicted, true = RANDOM.normal(size=(2, 6, 4, 2))
    length, valid = RANDOM.uniform(1, 3, size=6), RANDOM.uniform(size=(6, 4)) < 0.7
    valid[:, 0] = True
    assert_allclose(
        metrics.normalized_mean_error(predicted, true, length),
        reference.normalized_mean_error(predicted, true, length),
        **FLOAT64,
    )
    assert_allclose(
        metrics.pck(predicted, true, length, alpha=0.7, valid=valid),
        reference.pck(predicted, true, length, 0.7, valid),
        **FLOAT64,
    )


def test_regressor_finds_a_linear_map_and_its_error_is_zero():
    landmarks, keypoints = faces(300, noise=0.0)
    regressor = metrics.fit_landmark_regressor(landmarks[:200], keypoints[:200])
    assert_allclose(regressor(landmarks[200:]), keypoints[200:], atol=1e-4)


def test_shifted_keypoints_need_the_intercept():
    landmarks = RANDOM.uniform(-1, 1, size=(100, 2, 2))
    keypoints = 0.5 * landmarks + 0.7
    through_corner = metrics.fit_landmark_regressor(landmarks, keypoints)
    free = metrics.fit_landmark_regressor(landmarks, keypoints, intercept=True)
    assert_allclose(free(landmarks), keypoints, atol=1e-5)
    assert np.abs(through_corner(landmarks) - keypoints).max() > 0.1


@pytest.mark.parametrize("intercept", [False, True])
def test_collapsed_landmarks_do_not_blow_up_the_regressor(intercept):
    landmarks, keypoints = faces(400)
    landmarks[:, 3] = landmarks[:, 4]  # coincide always
    landmarks[:, 5] = 0.25  # never moves
    landmarks[:, 6] = landmarks[:, 7] + 1e-7 * RANDOM.normal(size=(400, 2))  # but for rounding
    regressor = metrics.fit_landmark_regressor(
        landmarks[:200], keypoints[:200], intercept=intercept
    )
    assert np.abs(regressor.weights).max() < 10
    error = np.linalg.norm(regressor(landmarks[200:]) - keypoints[200:], axis=-1).mean()
    assert error < np.linalg.norm(keypoints[200:] - keypoints[:200].mean(0), axis=-1).mean()


def test_landmarks_without_any_movement_predict_the_mean_shape():
    _, keypoints = faces(50)
    still = np.full((50, 3, 2), 0.3)
    regressor = metrics.fit_landmark_regressor(still, keypoints)
    assert_allclose(regressor(still[:1])[0], keypoints.mean(0), atol=1e-5)


def test_error_does_not_depend_on_the_unit():
    predicted, true = RANDOM.normal(size=(2, 6, 4, 2))
    length = RANDOM.uniform(1, 3, size=6)
    assert_allclose(
        metrics.normalized_mean_error(7 * predicted, 7 * true, 7 * length),
        metrics.normalized_mean_error(predicted, true, length),
        **FLOAT32,
    )


def test_pck_grows_with_alpha_to_all_points():
    predicted, true = RANDOM.normal(size=(2, 6, 4, 2))
    shares = [metrics.pck(predicted, true, jnp.ones(6), alpha=a) for a in (0.5, 1.0, 2.0, 99.0)]
    assert (np.diff(np.stack(shares), axis=0) >= 0).all()
    assert_array_equal(shares[-1], np.full(6, 100))


def test_a_pair_without_valid_points_is_nan_and_the_others_are_not():
    valid = jnp.array([[False, False], [True, False]])
    out = metrics.pck(
        jnp.zeros((2, 2, 2)), jnp.zeros((2, 2, 2)), jnp.ones(2), alpha=0.1, valid=valid
    )
    assert_array_equal(out, [np.nan, 100])


def test_worked_error_of_two_matches_and_of_the_valid_one():
    predicted = jnp.array([[[3.0, 4.0], [0.0, 1.0]], [[0.0, 0.0], [6.0, 8.0]]])
    true, valid = jnp.zeros((2, 2, 2)), jnp.array([[True, False], [True, True]])
    assert_allclose(metrics.endpoint_error(predicted, true), [3, 5])
    assert_allclose(metrics.endpoint_error(predicted, true, valid=valid), [5, 5])


def test_endpoint_error_equals_slow_reference(x64):
    predicted, true = RANDOM.normal(size=(2, 6, 4, 2))
    valid = RANDOM.uniform(size=(6, 4)) < 0.7
    valid[:, 0] = True
    assert_allclose(
        metrics.endpoint_error(predicted, true, valid=valid),
        reference.endpoint_error(predicted, true, valid),
        **FLOAT64,
    )


def test_a_shift_is_its_length_and_unknown_matches_do_not_matter():
    true = RANDOM.normal(size=(3, 7, 2)).astype(np.float32)
    shifted, valid = true + [3, 4], np.ones((3, 7), bool)
    true[:, 2] = np.nan
    valid[:, 2] = False
    assert_allclose(metrics.endpoint_error(shifted, true, valid=valid), 5, rtol=1e-5)


def test_a_pair_without_valid_matches_is_nan_and_the_others_are_not():
    valid = jnp.array([[False, False], [True, False]])
    points = jnp.zeros((2, 2, 2))
    assert_array_equal(metrics.endpoint_error(points, points, valid=valid), [np.nan, 0])


def test_refusals():
    points = jnp.zeros((3, 4, 2))
    with pytest.raises(ValueError, match=r"landmarks must have shape \[n, 4, 2\], got \(3, 5, 2\)"):
        metrics.fit_landmark_regressor(points, points)(jnp.zeros((3, 5, 2)))
    with pytest.raises(ValueError, match="alpha must be positive, got 0"):
        metrics.pck(points, points, jnp.ones(3), alpha=0)
    with pytest.raises(ValueError, match=r"valid of shape \(3, 5\) has P = 5"):
        metrics.pck(points, points, jnp.ones(3), alpha=0.1, valid=jnp.ones((3, 5), bool))
    with pytest.raises(ValueError, match=r"eyes must be two different points of 4, got \(1, 1\)"):
        metrics.inter_ocular_distance(points, eyes=(1, 1))
    with pytest.raises(ValueError, match=r"eyes must be two different points of 4, got \(0, 4\)"):
        metrics.inter_ocular_distance(points, eyes=(0, 4))
    with pytest.raises(ValueError, match=r"valid of shape \(3, 5\) has P = 5"):
        metrics.endpoint_error(points, points, valid=jnp.ones((3, 5), bool))
