"""Isotonic regression, and Mahalanobis distances of new examples to known ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from c3jax.confidence import (
    Familiar,
    Isotonic,
    fit_familiar,
    fit_isotonic,
    fit_mahalanobis,
    mahalanobis_distance,
)

RANDOM = np.random.default_rng(0)


def pooled(outputs):
    """Rising isotonic regression, slowly: max over the past of min over the future of means."""
    count = len(outputs)

    def least(a, n):
        return min(np.mean(outputs[a : b + 1]) for b in range(n, count))

    return [max(least(a, n) for a in range(n + 1)) for n in range(count)]


def test_a_worked_isotonic_regression():
    found = fit_isotonic([1, 2, 2, 4, 5], [0, 1, 0, 0.2, 1], increasing=True)
    assert_array_equal(found.inputs, [1, 2, 4, 5])  # 1/2 at 2 and .2 at 4 are pooled: 1.2 of three
    assert_allclose(found.outputs, [0, 0.4, 0.4, 1])
    assert_allclose(found([0, 1.5, 3, 4.5, 9]), [0, 0.2, 0.4, 0.7, 1])


@pytest.mark.parametrize("increasing", [True, False])
def test_isotonic_regression_equals_the_slow_reference(increasing):
    inputs, outputs = np.arange(30.0), RANDOM.normal(size=30)
    sign = 1 if increasing else -1
    order = RANDOM.permutation(30)
    found = fit_isotonic(inputs[order], outputs[order], increasing=increasing)
    assert_allclose(found(inputs), sign * np.array(pooled(sign * outputs)), atol=1e-12)
    assert (np.diff(sign * found.outputs) >= 0).all() and (np.diff(found.inputs) > 0).all()


def test_a_probability_is_the_share_of_its_examples():
    values = np.repeat([1.0, 2.0, 3.0], 1000)
    near = RANDOM.uniform(size=3000) < np.repeat([0.9, 0.5, 0.1], 1000)
    found = fit_isotonic(values, near, increasing=False)
    assert_allclose(found([1, 2, 3]), near.reshape(3, -1).mean(1))
    assert_allclose(fit_isotonic([2.0], [True], increasing=True)([0, 5]), [1, 1])


def test_isotonic_regression_refuses_nothing_and_what_is_not_finite():
    for inputs, outputs in (([], []), ([1, np.nan], [0, 1]), ([1.0], [np.inf])):
        with pytest.raises(ValueError, match="inputs must be one or more finite numbers"):
            fit_isotonic(inputs, outputs, increasing=True)
    with pytest.raises(ValueError, match="n = 2"):
        fit_isotonic([1], [0, 1], increasing=True)


def test_distances_are_those_of_the_shrunken_covariance():
    features = RANDOM.normal(size=(50, 4)) @ RANDOM.normal(size=(4, 4)) + 3
    mean, whitening = fit_mahalanobis(features, shrinkage=0.1)
    covariance = np.cov(features.T)
    shrunken = 0.9 * covariance + 0.1 * np.trace(covariance) / 4 * np.eye(4)
    away = features - features.mean(0)
    expected = np.sqrt(np.einsum("nc,cd,nd->n", away, np.linalg.inv(shrunken), away))
    assert_allclose(mahalanobis_distance(features, mean, whitening), expected)


def test_directions_beyond_the_principal_components_do_not_count():
    features = RANDOM.normal(size=(40, 5)) * [9, 7, 5, 0.1, 0.1]
    mean, whitening = fit_mahalanobis(features, dimensions=3)
    assert whitening.shape == (5, 3) and fit_mahalanobis(features[:3])[1].shape == (5, 2)
    new = mean + [[0, 0, 0, 4, 4], [0, 0, 9, 0, 0]]
    near, far = mahalanobis_distance(new, mean, whitening)
    assert near < 0.5 and far > 1


def test_every_known_example_is_left_out_in_turn():
    features = RANDOM.normal(size=(9, 20))
    found = fit_familiar(features, dimensions=3)
    expected = []
    for row in range(9):
        others = np.delete(features, row, 0)
        expected += list(
            mahalanobis_distance(features[[row]], *fit_mahalanobis(others, dimensions=3))
        )
    assert_allclose(found.distances, np.sort(expected))


def test_the_score_is_the_share_that_is_farther_away_than_an_allowance_leaves():
    known = Familiar(np.zeros(1), np.ones((1, 1)), np.array([1.0, 2.0, 2.0, 4.0]))
    new = 1.15 * np.array([[0], [-1], [2], [3], [-9]])
    assert_allclose(known.score(new), [1, 0.75, 0.25, 0.25, 0])


def test_a_new_example_of_the_kind_has_any_score_and_another_has_none():
    features = RANDOM.normal(size=(300, 8)) * np.arange(1, 9)
    known = fit_familiar(features[:150], dimensions=4)
    scores = known.score(features[150:])
    assert 0.3 < scores.mean() < 0.7 and (scores < 0.01).mean() < 0.05
    assert (known.score(features[150:] + 60) == 0).all()


def test_equal_examples_and_wrong_ones():
    assert np.isfinite(fit_familiar(np.ones((5, 3))).distances).all()
    with pytest.raises(ValueError, match="of two examples or more, got 1"):
        fit_mahalanobis(np.ones((1, 3)))
    with pytest.raises(ValueError, match="features must be finite"):
        fit_mahalanobis([[1, np.nan], [0, 1]])
    with pytest.raises(ValueError, match="dimensions must be positive"):
        fit_mahalanobis(np.ones((2, 3)), dimensions=0)


def test_knots_are_read_between_and_held_outside():
    falling = Isotonic(np.array([1.0, 2.0]), np.array([0.8, 0.2]))
    assert_allclose(falling([[0.0, 1.5], [2.0, 7.0]]), [[0.8, 0.5], [0.2, 0.2]])
