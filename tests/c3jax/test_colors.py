"""Random colours: what stays, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.compiled import c3jax
from tests.gradients import assert_gradient

IMAGE = np.random.default_rng(0).uniform(0.05, 0.95, (3, 4, 3))
KEY = jax.random.key(1)


def test_without_strength_the_image_stays():
    assert_allclose(c3jax.random_colors(KEY, IMAGE, strength=0.0), IMAGE, rtol=1e-6)


def test_equal_pixels_stay_equal_and_colours_change():
    image = jnp.asarray(IMAGE).at[0, 0].set(IMAGE[2, 3])
    changed = c3jax.random_colors(KEY, image, strength=1.0)
    assert_array_equal(changed[0, 0], changed[2, 3])
    assert float(jnp.abs(changed - image).mean()) > 0.05
    assert float(changed.min()) >= 0 and float(changed.max()) <= 1


def test_grey_stays_grey_but_for_shift_and_gamma():
    """Rows of the random matrix sum to 1."""
    grey = jnp.full((1, 2, 3), 0.5)
    keys = jax.random.split(KEY, 500)
    changed = jax.vmap(lambda key: c3jax.random_colors(key, grey, strength=0.5))(keys)
    assert float(jnp.median(changed)) == pytest.approx(0.5, abs=0.02)


def test_keys_tell_changes_apart():
    first, second = (c3jax.random_colors(key, IMAGE, strength=1.0) for key in jax.random.split(KEY))
    assert float(jnp.abs(first - second).max()) > 0.1


def test_gradients_are_finite_also_where_colours_are_clipped(x64):
    image = 0.3 + 0.4 * IMAGE[:1]
    assert_gradient(lambda i: c3jax.random_colors(KEY, i, strength=0.2), image)
    black = jnp.zeros((2, 2, 3))
    found = jax.grad(lambda i: c3jax.random_colors(KEY, i, strength=1.0).sum())(black)
    assert np.isfinite(found).all()


def test_refusals():
    with pytest.raises(ValueError, match="strength must not be negative, got -1"):
        c3jax.random_colors(KEY, IMAGE, strength=-1)


def test_a_palette_is_a_wave_of_the_colours():
    """A slow version, by the draws of the same keys."""
    wave_key, phase_key = jax.random.split(KEY)
    waves = np.asarray(0.6 * jax.random.normal(wave_key, (3, 3), jnp.float32), np.float64)
    phases = np.asarray(jax.random.uniform(phase_key, (3,), jnp.float32), np.float64)
    expected = np.empty_like(IMAGE)
    for y, x, c in np.ndindex(IMAGE.shape):
        turn = sum(waves[c, d] * IMAGE[y, x, d] for d in range(3)) + phases[c]
        expected[y, x, c] = (1 + np.sin(2 * np.pi * turn)) / 2
    found = c3jax.random_palette(KEY, jnp.asarray(IMAGE, jnp.float32), frequency=0.6)
    assert_allclose(found, expected, atol=1e-5)


def test_palettes_turn_light_and_dark_around_as_often_as_not():
    image = jnp.array([[[0.1, 0.1, 0.1], [0.5, 0.5, 0.5]]])
    keys = jax.random.split(KEY, 500)
    greys = jax.vmap(lambda key: c3jax.random_palette(key, image))(keys).mean(-1)[:, 0]
    assert float((greys[:, 0] < greys[:, 1]).mean()) == pytest.approx(0.5, abs=0.08)


def test_refusals_of_a_palette():
    with pytest.raises(ValueError, match="frequency must not be negative, got -1"):
        c3jax.random_palette(KEY, IMAGE, frequency=-1)
