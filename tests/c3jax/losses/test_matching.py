"""The weak loss of NC-Net."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.compiled import losses
from tests.reference import matching as reference
from tests.tolerances import FLOAT64

RANDOM = np.random.default_rng(0)
POSITIVE, NEGATIVE = RANDOM.normal(size=(2, 3, 2, 3, 4, 5))


def test_worked_confidence_of_two_source_and_three_target_cells():
    volume = jnp.log(jnp.array([[1.0, 2, 1], [3.0, 2, 1]])).reshape(1, 2, 1, 3)
    expected = ((0.75 + 0.5 + 0.5) / 3 + (2 / 4 + 3 / 6) / 2) / 2
    assert_allclose(losses.match_confidence(volume), expected, rtol=1e-6)


def test_confidence_equals_slow_reference(x64):
    slow = [reference.match_confidence(volume, 0.5) for volume in POSITIVE]
    assert_allclose(losses.match_confidence(POSITIVE, temperature=0.5), slow, **FLOAT64)


def test_weak_loss_is_the_confidence_of_the_false_pair_less_that_of_the_true_one(x64):
    slow = [
        reference.match_confidence(n) - reference.match_confidence(p)
        for p, n in zip(POSITIVE, NEGATIVE, strict=True)
    ]
    assert_allclose(losses.weak_matching(POSITIVE, NEGATIVE), slow, **FLOAT64)


def test_confidence_goes_from_chance_to_one():
    identity = jnp.eye(6).reshape(2, 3, 2, 3)
    assert_allclose(losses.match_confidence(0 * identity), 1 / 6, rtol=1e-6)
    assert_allclose(losses.match_confidence(identity, temperature=1e-3), 1, rtol=1e-6)


def test_exchanging_true_and_false_pairs_changes_the_sign():
    forth, back = (losses.weak_matching(*p) for p in ((POSITIVE, NEGATIVE), (NEGATIVE, POSITIVE)))
    assert_allclose(forth, -back, rtol=1e-6)


def test_negatives_of_the_same_class_do_not_count():
    valid = jnp.array([True, False, True])
    free = losses.weak_matching(POSITIVE, NEGATIVE)
    masked = losses.weak_matching(POSITIVE, NEGATIVE, valid=valid)
    assert_array_equal(masked, np.where(valid, free, 0))


def test_gradient_is_finite_for_flat_volumes():
    flat = jnp.zeros((2, 3, 4, 5))
    gradient = jax.jit(jax.grad(lambda v: losses.match_confidence(v)))(flat)
    assert np.isfinite(gradient).all()


def test_refusals():
    with pytest.raises(ValueError, match=r"valid of shape \(2,\) has batch axes"):
        losses.weak_matching(POSITIVE, NEGATIVE, valid=jnp.ones(2, bool))
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        losses.match_confidence(POSITIVE, temperature=0)
