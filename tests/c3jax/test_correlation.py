"""The 4D volume: cosine, mutual matching, what is dead in it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.compiled import c3jax
from tests.reference import correlation as reference
from tests.tolerances import FLOAT32, FLOAT64

RANDOM = np.random.default_rng(0)
SOURCE, TARGET = RANDOM.normal(size=(2, 3, 4)), RANDOM.normal(size=(4, 5, 4))
VOLUME = RANDOM.normal(size=(2, 3, 4, 5))
WITH_CHANNELS = RANDOM.normal(size=(2, 3, 4, 5, 2))


def test_worked_cosines_of_a_row_of_two_and_a_row_of_three():
    source = jnp.array([[[1.0, 0.0], [0.0, 2.0]]])
    target = jnp.array([[[3.0, 4.0], [0.0, 0.0], [-5.0, 0.0]]])
    volume = c3jax.correlation_4d(source, target)
    assert volume.shape == (1, 2, 1, 3)
    assert_allclose(volume[0, :, 0], [[0.6, 0, -1], [0.8, 0, 0]], atol=1e-6)


def test_worked_mutual_matching():
    volume = jnp.array([[0.8, 0.4, 0.1], [0.4, 0.2, 0.5]]).reshape(1, 2, 1, 3)
    best = np.array([[0.8 * 0.8, 0.4 * 0.8, 0.5 * 0.8], [0.8 * 0.5, 0.4 * 0.5, 0.5 * 0.5]])
    expected = np.array([[0.8, 0.4, 0.1], [0.4, 0.2, 0.5]]) ** 3 / best
    out = c3jax.mutual_matching(volume, epsilon=0.0).reshape(2, 3)
    assert_allclose(out, expected, rtol=1e-5)


def test_correlation_and_mutual_matching_equal_slow_reference(x64):
    slow = reference.correlation_4d(SOURCE, TARGET)
    assert_allclose(c3jax.correlation_4d(SOURCE, TARGET), slow, **FLOAT64)
    volume = np.abs(VOLUME)
    assert_allclose(c3jax.mutual_matching(volume), reference.mutual_matching(volume), **FLOAT64)


def test_dead_fraction_equals_slow_reference(x64):
    volume = RANDOM.normal(size=(3, 2, 3, 4, 5))
    volume[0, :, :, 1:, 2] = 0.25
    volume[1] = 0
    slow = [reference.dead_fraction(one) for one in volume]
    assert_allclose(c3jax.dead_fraction(volume), slow, **FLOAT64)
    assert slow[0] == 3 / 20 and slow[1:] == [1, 0]


def test_cosines_do_not_depend_on_lengths_and_lie_in_the_unit_interval():
    volume = c3jax.correlation_4d(SOURCE, TARGET)
    scaled = c3jax.correlation_4d(1e-2 * SOURCE, 1e3 * TARGET)
    assert_allclose(scaled, volume, **FLOAT32)
    assert np.abs(volume).max() <= 1 + 1e-6


def test_a_cell_matches_itself_with_cosine_one():
    volume = c3jax.correlation_4d(SOURCE, SOURCE)
    assert_allclose(jnp.einsum("abab->ab", volume), np.ones((2, 3)), rtol=1e-6)


def test_nc_net_epsilon_is_inside_the_root():
    length = np.sqrt(0.3**2 + 0.4**2 + 1e-1)
    out = c3jax.l2_normalize(jnp.array([0.3, 0.4]), epsilon=1e-1)
    assert_allclose(out, np.array([0.3, 0.4]) / length, rtol=1e-6)


def test_swapping_the_images_transposes_the_volume():
    swapped = c3jax.correlation_4d(TARGET, SOURCE)
    assert_allclose(
        c3jax.transpose_volume(c3jax.correlation_4d(SOURCE, TARGET)), swapped, **FLOAT32
    )
    assert swapped.shape == (4, 5, 2, 3)


def test_transposing_twice_is_the_identity_with_and_without_channels():
    batched = RANDOM.normal(size=(6, 2, 3, 4, 5, 2)).astype(np.float32)
    once = c3jax.transpose_volume(batched, channels=True)
    assert once.shape == (6, 4, 5, 2, 3, 2)
    assert once[5, 3, 4, 1, 2, 1] == jnp.asarray(batched)[5, 1, 2, 3, 4, 1]
    assert_array_equal(c3jax.transpose_volume(once, channels=True), batched)
    volume = VOLUME.astype(np.float32)
    assert_array_equal(c3jax.transpose_volume(c3jax.transpose_volume(volume)), volume)


def test_mutual_matching_commutes_with_the_transpose():
    first = c3jax.transpose_volume(c3jax.mutual_matching(np.abs(VOLUME)))
    second = c3jax.mutual_matching(c3jax.transpose_volume(np.abs(VOLUME)))
    assert_allclose(first, second, **FLOAT32)


def test_mutual_matching_keeps_mutual_best_matches_and_damps_the_others():
    volume = 0.5 * jnp.eye(4).reshape(2, 2, 2, 2) + 0.1
    out = c3jax.mutual_matching(volume)
    best = jnp.eye(4).reshape(2, 2, 2, 2) > 0
    assert_allclose(out[best], volume[best], rtol=1e-4)
    assert (out[~best] < 0.03 * volume[~best] * 36 / 36).all()


def test_mutual_matching_of_an_empty_volume_is_zero_and_so_is_its_gradient():
    empty = jnp.zeros((1, 2, 1, 2))
    assert_array_equal(c3jax.mutual_matching(empty), empty)
    gradient = jax.grad(lambda v: c3jax.mutual_matching(v).sum())(empty)
    assert_array_equal(gradient, empty)


def test_zero_features_give_zero_and_a_finite_gradient():
    source = jnp.asarray(SOURCE).at[0, 0].set(0.0)
    assert_array_equal(c3jax.correlation_4d(source, TARGET)[0, 0], np.zeros((4, 5)))
    gradient = jax.grad(lambda s: c3jax.correlation_4d(s, TARGET).sum())(source)
    assert np.isfinite(gradient).all()


def test_refuses_features_that_do_not_fit():
    with pytest.raises(ValueError, match="epsilon must not be negative, got -1"):
        c3jax.l2_normalize(jnp.zeros(3), epsilon=-1)


def test_refuses_volumes_of_the_wrong_rank():
    with pytest.raises(ValueError, match="volume must have shape"):
        c3jax.transpose_volume(jnp.zeros((2, 3, 4, 5)), channels=True)
    with pytest.raises(ValueError, match="epsilon must not be negative"):
        c3jax.mutual_matching(VOLUME, epsilon=-1e-5)
