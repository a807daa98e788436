"""Bilinear sampling and warping of images at points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.compiled import c3jax
from tests.reference import warps as reference
from tests.tolerances import FLOAT32, FLOAT64

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.normal(size=(4, 6, 3))
POINTS = RANDOM.uniform(-1.8, 1.8, size=(40, 2))
PADDINGS = ["zeros", "clamp", "reflect"]


def test_worked_samples_of_a_two_by_three_image():
    image = jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])[..., None]
    corners = jnp.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    assert_allclose(c3jax.sample(image, corners)[:, 0], [1, 3, 4, 7])
    between = jnp.array([[-0.5, -1.0], [0.0, 0.0], [0.5, 0.5]])
    expected = [1.5, 3.5, 0.25 * 2.5 + 0.75 * 6.0]
    assert_allclose(c3jax.sample(image, between)[:, 0], expected)


def test_worked_samples_outside():
    image = jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])[..., None]
    outside = jnp.array([[1.5, -1.0], [-3.0, 1.0]])  # half a pixel right, two pixels left
    for padding, expected in (("zeros", [1.5, 0]), ("clamp", [3, 4]), ("reflect", [2.5, 7])):
        assert_allclose(
            c3jax.sample(image, outside, padding=padding)[:, 0], expected, err_msg=padding
        )


@pytest.mark.parametrize("padding", PADDINGS)
def test_samples_equal_slow_reference(padding, x64):
    fast = c3jax.sample(IMAGE, POINTS, padding=padding)
    assert_allclose(fast, reference.sample(IMAGE, POINTS, padding), **FLOAT64)


@pytest.mark.parametrize("padding", PADDINGS)
def test_points_far_away_sample_finite_values_or_zero(padding):
    far = jnp.array([[1e9, -1e9], [-1e30, 0.0], [3.0, 0.0]])
    out = c3jax.sample(jnp.ones((4, 6, 1)), far, padding=padding)
    assert_allclose(out, np.zeros((3, 1)) + (padding != "zeros"), **FLOAT32)


def test_the_grid_of_the_image_samples_the_image():
    out = jax.jit(c3jax.warp)(IMAGE, c3jax.grid((4, 6)))
    assert_allclose(out, IMAGE, **FLOAT32)


def test_a_shift_of_whole_pixels_shifts_the_pixels():
    shifted = c3jax.grid((4, 6)) + jnp.array([2 * 2 / 5, -2 * 1 / 3])  # two right, one up
    out = jax.jit(c3jax.warp)(IMAGE, shifted)
    assert_allclose(out[1:, :4], IMAGE[:3, 2:], **FLOAT32)
    assert_allclose(out[0], 0, atol=1e-5)
    assert_allclose(out[:, 4:], 0, atol=1e-5)


def test_leading_axes_are_batch_for_points_of_any_rank():
    images = RANDOM.normal(size=(2, 3, 4, 6, 1))
    points = RANDOM.uniform(-1, 1, size=(2, 3, 5, 1, 7, 2))
    out = jax.jit(c3jax.sample)(images, points)
    assert out.shape == (2, 3, 5, 1, 7, 1)
    slow = reference.sample(images[1, 2], points[1, 2].reshape(-1, 2))
    assert_allclose(out[1, 2].reshape(-1, 1), slow, **FLOAT32)
    assert c3jax.sample(images[0, 0], points[0, 0, 0, 0, 0]).shape == (1,)


def test_an_image_of_one_row_is_sampled_along_it():
    row = jnp.arange(3.0).reshape(1, 3, 1)
    points = jnp.array([[-1.0, -1.0], [0.5, -1.0]])
    assert_allclose(c3jax.sample(row, points)[:, 0], [0, 1.5])


def test_sampling_is_linear_in_the_image_and_keeps_its_dtype():
    sample = jax.jit(c3jax.sample)
    twice = sample(2 * IMAGE, POINTS)
    assert_allclose(twice, 2 * sample(IMAGE, POINTS), **FLOAT32)
    low = c3jax.sample(jnp.ones((2, 3, 1), jnp.bfloat16), jnp.zeros((1, 2)))
    assert low.dtype == jnp.bfloat16


def test_gradient_at_pixel_centres_and_far_away_is_finite():
    points = jnp.concatenate([c3jax.grid((4, 6)).reshape(-1, 2), jnp.array([[1e9, -1e30]])])
    gradient = jax.jit(jax.grad(lambda p: c3jax.sample(IMAGE, p).sum()))(points)
    assert np.isfinite(gradient).all()


def test_refuses_points_and_images_that_do_not_fit():
    with pytest.raises(ValueError, match=r"batch axes \(5,\), got \(40, 2\)"):
        c3jax.sample(jnp.zeros((5, 4, 6, 1)), POINTS)
    with pytest.raises(ValueError, match=r"points must have shape .* got \(2,\)"):
        c3jax.sample(jnp.zeros((2, 4, 6, 1)), jnp.zeros(2))
    with pytest.raises(ValueError, match="padding must be one of 'zeros', 'clamp', 'reflect', got"):
        c3jax.sample(IMAGE, POINTS, padding="mirror")
