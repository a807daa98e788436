"""Thin-plate splines."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.compiled import c3jax
from tests.reference import warps as reference
from tests.tolerances import FLOAT32, FLOAT64

RANDOM = np.random.default_rng(0)
AFFINE = np.eye(2, 3) + RANDOM.normal(scale=0.2, size=(2, 3))
WEIGHTS = RANDOM.normal(scale=0.05, size=(9, 2))
SPLINE = c3jax.ThinPlateSpline(AFFINE, WEIGHTS)
POINTS = RANDOM.uniform(-1.2, 1.2, size=(6, 2))
SHIFT = c3jax.ThinPlateSpline(jnp.array([[1.0, 0, 0.5], [0, 1, -1]]), jnp.zeros((4, 2)))


def test_worked_spline_with_one_weight_at_the_upper_right_control_point():
    spline = c3jax.ThinPlateSpline(jnp.eye(2, 3), jnp.zeros((4, 2)).at[1, 0].set(0.1))
    out = c3jax.apply_warp(spline, jnp.array([[1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]))
    bend = 0.1 * np.array([0.0, 4 * np.log(4), 8 * np.log(8)])
    assert_allclose(out, [[1, -1], [1 + bend[1], 1], [-1 + bend[2], 1]], rtol=1e-6)


def test_points_and_grids_equal_slow_reference(x64):
    slow = reference.spline(AFFINE, WEIGHTS, POINTS)
    assert_allclose(c3jax.apply_warp(SPLINE, POINTS), slow, **FLOAT64)
    slow = reference.spline(AFFINE, WEIGHTS, reference.cells((5, 7))).reshape(5, 7, 2)
    assert_allclose(c3jax.warp_grid(SPLINE, (5, 7)), slow, **FLOAT64)


def test_grid_is_the_warp_of_the_grid_with_batch_axes():
    splines = jax.tree.map(lambda x: jnp.asarray(RANDOM.normal(size=(2, 3, *x.shape))), SPLINE)
    grids = jax.jit(c3jax.warp_grid, static_argnums=1)(splines, (5, 7))
    cells = jnp.broadcast_to(c3jax.grid((5, 7)), (2, 3, 5, 7, 2))
    assert_allclose(grids, jax.jit(c3jax.apply_warp)(splines, cells), **FLOAT32)


def test_no_weights_leave_the_affine_map():
    out = c3jax.apply_warp(SPLINE._replace(weights=0 * WEIGHTS), POINTS)
    assert_allclose(out, POINTS @ AFFINE[:, :2].T + AFFINE[:, 2], **FLOAT32)


def test_number_of_control_points_is_inferred():
    assert SPLINE.control_points == 3 and SHIFT.control_points == 2


def test_image_is_looked_up_at_the_warped_grid():
    image = RANDOM.normal(size=(5, 7, 2))
    out = jax.jit(c3jax.warp_image, static_argnames="padding")(image, SPLINE, padding="reflect")
    points = reference.spline(AFFINE, WEIGHTS, reference.cells((5, 7)))
    slow = reference.sample(image, points, "reflect").reshape(5, 7, 2)
    assert_allclose(out, slow, **FLOAT32)


def test_a_landmark_of_the_warped_image_lies_at_its_warp_in_the_original():
    # A blob at l in the original is seen at x in the warped image, g(x) = l.
    seen_at = jnp.array([[0.2, -0.4]])
    lies_at = c3jax.apply_warp(SHIFT, seen_at)
    assert_allclose(lies_at, [[0.7, -1.4]], atol=1e-6)
    small = c3jax.ThinPlateSpline(jnp.asarray(AFFINE), jnp.asarray(0.2 * WEIGHTS))
    lies_at = c3jax.apply_warp(small, seen_at)
    blob = c3jax.gaussian_maps(lies_at, (65, 81), stddev=0.1)
    found = c3jax.soft_argmax(c3jax.warp_image(blob, small), temperature=1e-3)
    assert_allclose(found, seen_at, atol=0.02)


def test_gradient_at_a_control_point_is_finite():
    gradient = jax.jit(jax.grad(lambda p: c3jax.apply_warp(SPLINE, p).sum()))(jnp.zeros((1, 2)))
    assert np.isfinite(gradient).all()


def test_refuses_splines_and_points_that_do_not_fit():
    with pytest.raises(ValueError, match=r"tps_affine must have shape \[..., 2, 3\], got \(3, 3\)"):
        c3jax.apply_warp(SPLINE._replace(affine=jnp.zeros((3, 3))), POINTS)
    with pytest.raises(ValueError, match=r"tps_weights must have k \* k rows, .* got 8"):
        c3jax.warp_grid(SPLINE._replace(weights=jnp.zeros((8, 2))), (2, 3))
    with pytest.raises(ValueError, match=r"tps_weights must have k \* k rows, .* got 1"):
        c3jax.warp_grid(SPLINE._replace(weights=jnp.zeros((1, 2))), (2, 3))
    with pytest.raises(ValueError, match=r"tps_weights of shape .* batch axes = \(5,\)"):
        c3jax.warp_grid(SPLINE._replace(weights=jnp.zeros((5, 9, 2))), (2, 3))
    with pytest.raises(ValueError, match="shape must be"):
        c3jax.warp_grid(SPLINE, (0, 3))
    with pytest.raises(
        ValueError, match=r"tps_affine of shape .*, but image has batch axes = \(5,\)"
    ):
        c3jax.warp_image(jnp.zeros((5, 4, 6, 1)), SPLINE)
    with pytest.raises(ValueError, match="padding must be one of"):
        c3jax.warp_image(jnp.zeros((4, 6, 1)), SPLINE, padding="wrap")
