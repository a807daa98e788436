"""Distances of dense matches to the true ones."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.compiled import metrics
from tests.gradients import assert_gradient
from tests.reference import pck as reference
from tests.tolerances import FLOAT64

RANDOM = np.random.default_rng(0)


def test_worked_error_of_two_matches_and_of_the_valid_one():
    predicted = jnp.array([[[3.0, 4.0], [0.0, 1.0]], [[0.0, 0.0], [6.0, 8.0]]])
    true, valid = jnp.zeros((2, 2, 2)), jnp.array([[True, False], [True, True]])
    np.testing.assert_allclose(metrics.endpoint_error(predicted, true), [3, 5])
    np.testing.assert_allclose(metrics.endpoint_error(predicted, true, valid=valid), [5, 5])


def test_error_equals_slow_reference(x64):
    predicted, true = RANDOM.normal(size=(2, 6, 4, 2))
    valid = RANDOM.uniform(size=(6, 4)) < 0.7
    valid[:, 0] = True
    np.testing.assert_allclose(
        metrics.endpoint_error(predicted, true, valid=valid),
        reference.endpoint_error(predicted, true, valid),
        **FLOAT64,
    )


def test_a_shift_is_its_length_and_unknown_matches_do_not_matter():
    true = RANDOM.normal(size=(3, 7, 2)).astype(np.float32)
    shifted, valid = true + [3, 4], np.ones((3, 7), bool)
    true[:, 2] = np.nan
    valid[:, 2] = False
    np.testing.assert_allclose(metrics.endpoint_error(shifted, true, valid=valid), 5, rtol=1e-5)


def test_a_pair_without_valid_matches_is_nan_and_the_others_are_not():
    valid = jnp.array([[False, False], [True, False]])
    points = jnp.zeros((2, 2, 2))
    np.testing.assert_array_equal(metrics.endpoint_error(points, points, valid=valid), [np.nan, 0])


def test_gradient(x64):
    predicted, true = RANDOM.normal(size=(2, 3, 4, 2))
    assert_gradient(lambda p: metrics.endpoint_error(p, true), predicted)


def test_refusals():
    points = jnp.zeros((3, 4, 2))
    with pytest.raises(ValueError, match="true of shape .* has P = 5"):
        metrics.endpoint_error(points, jnp.zeros((3, 5, 2)))
    with pytest.raises(ValueError, match=r"valid of shape \(3, 5\) has P = 5"):
        metrics.endpoint_error(points, points, valid=jnp.ones((3, 5), bool))
