"""The coordinate convention: (x, y), corner pixel centres at +-1, pixels from 0."""

import jax
import jax.numpy as jnp
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.compiled import c3jax
from tests.reference import warps as reference
from tests.tolerances import FLOAT32


def test_grid_has_the_corner_centres_at_one_and_x_first():
    cells = c3jax.grid((2, 3))
    assert cells.shape == (2, 3, 2)
    assert_array_equal(cells[0], [[-1, -1], [0, -1], [1, -1]])
    assert_array_equal(cells[:, 2], [[1, -1], [1, 1]])


def test_grid_equals_slow_reference():
    assert_allclose(c3jax.grid((5, 7)).reshape(-1, 2), reference.cells((5, 7)), **FLOAT32)


def test_grid_has_the_dtype_asked_for(x64):
    assert c3jax.grid((2, 3)).dtype == jnp.float64
    assert c3jax.grid((2, 3), dtype=jnp.float32).dtype == jnp.float32


def test_corners_of_a_wide_image_in_both_units():
    points = jnp.array([[-1.0, -1], [1, -1], [-1, 1], [1, 1], [0, 0]])
    points_px = jnp.array([[0.0, 0], [6, 0], [0, 4], [6, 4], [3, 2]])
    assert_allclose(c3jax.to_pixels(points, (5, 7)), points_px)
    assert_allclose(c3jax.to_normalized(points_px, (5, 7)), points, **FLOAT32)


def test_units_invert_each_other():
    points = jax.random.uniform(jax.random.key(0), (4, 3, 2), minval=-2, maxval=2)
    there = c3jax.to_pixels(points, (128, 96))
    assert_allclose(c3jax.to_normalized(there, (128, 96)), points, **FLOAT32)


def test_an_axis_of_one_pixel_is_at_minus_one_in_both_directions():
    assert_array_equal(c3jax.grid((1, 1)), [[[-1, -1]]])
    assert_array_equal(c3jax.to_normalized(jnp.zeros(2), (1, 3)), [-1, -1])
    assert_array_equal(c3jax.to_pixels(jnp.array([-1.0, 1.0]), (1, 3)), [0, 0])


def test_gradient_of_pixels_is_half_the_size_less_one():
    slope = jax.jacobian(lambda p: c3jax.to_pixels(p, (5, 7)))(jnp.zeros(2))
    assert_allclose(slope, [[3, 0], [0, 2]])


@pytest.mark.parametrize("shape", [(0, 3), (2,), (2, 3, 1), (2.5, 3)])
def test_refuses_what_is_not_a_shape(shape):
    for call in (
        lambda: c3jax.grid(shape),
        lambda: c3jax.to_pixels(jnp.zeros(2), shape),
        lambda: c3jax.to_normalized(jnp.zeros(2), shape),
    ):
        with pytest.raises(ValueError, match=r"shape must be \(height, width\)"):
            call()
