"""Losses with a known warp, and the hinge that keeps landmarks apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.compiled import c3jax, losses
from tests.reference import losses as reference
from tests.reference.matching import flow_cross_entropy
from tests.tolerances import FLOAT64

RANDOM = np.random.default_rng(0)
AFFINE, WEIGHTS = RANDOM.normal(size=(2, 3)), RANDOM.normal(scale=0.1, size=(9, 2))
SPLINE = c3jax.ThinPlateSpline(AFFINE, WEIGHTS)
POINTS = RANDOM.uniform(-1, 1, size=(2, 5, 2))
VOLUME = RANDOM.normal(size=(2, 3, 4, 5))
MATCHES = RANDOM.uniform(-1.3, 1.3, size=(4, 5, 2))  # some lie outside


def test_worked_warp_consistency():
    shift = c3jax.ThinPlateSpline(jnp.array([[1.0, 0, 1], [0, 1, 0]]), jnp.zeros((4, 2)))
    of_warped, of_original = jnp.array([[0.0, 0], [1, 1]]), jnp.array([[1.0, 2], [2, 1]])
    assert losses.warp_consistency(of_warped, of_original, shift) == 2


def test_worked_separation_hinge():
    points = jnp.array([[0.0, 0], [1, 0], [0, 2]])  # squared distances 1, 4, 5
    assert losses.separation_hinge(points, margin=2.0) == pytest.approx(2 * (4 - 1) / 6)
    assert losses.separation_hinge(points, margin=1.0) == 0


def test_worked_flow_cross_entropy_between_two_cells_and_outside():
    volume = jnp.log(jnp.array([[1.0, 3, 5], [3.0, 1, 5]])).reshape(1, 2, 1, 3)
    matches = jnp.array([[[-1.0, -1], [0.5, -1], [1.5, -1]]])  # cell 0; a quarter and three; none
    expected = (np.log(4) + 0.25 * np.log(4 / 3) + 0.75 * np.log(4)) / 2
    assert_allclose(losses.flow_cross_entropy(volume, matches), expected, rtol=1e-6)
    weights = jnp.array([[1.0, 3, 100]])
    expected = (np.log(4) + 3 * (0.25 * np.log(4 / 3) + 0.75 * np.log(4))) / 4
    found = losses.flow_cross_entropy(volume, matches, weights=weights)
    assert_allclose(found, expected, rtol=1e-6)
    assert losses.flow_cross_entropy(volume, matches, weights=0 * weights) == 0


def test_losses_equal_slow_reference(x64):
    slow = reference.warp_consistency(*POINTS, AFFINE, WEIGHTS)
    assert_allclose(losses.warp_consistency(*POINTS, SPLINE), slow, **FLOAT64)
    slow = reference.separation_hinge(POINTS[0], 0.9)
    assert_allclose(losses.separation_hinge(POINTS[0], margin=0.9), slow, **FLOAT64)
    slow = flow_cross_entropy(VOLUME, MATCHES, 0.3)
    assert_allclose(losses.flow_cross_entropy(VOLUME, MATCHES, temperature=0.3), slow, **FLOAT64)


def test_landmarks_that_move_with_the_image_are_consistent_the_wrong_way_round_they_are_not():
    original = c3jax.apply_warp(SPLINE, POINTS[0])
    assert losses.warp_consistency(POINTS[0], original, SPLINE) < 1e-10
    assert losses.warp_consistency(original, POINTS[0], SPLINE) > 0.01


def test_the_true_match_of_a_warped_pair_costs_least():
    scene = RANDOM.normal(size=(6, 8, 32))
    shift = c3jax.ThinPlateSpline(jnp.array([[1.0, 0, 2 / 7 * 2], [0, 1, 0]]), jnp.zeros((4, 2)))
    volume = c3jax.correlation_4d(scene, c3jax.warp_image(scene, shift))
    true = c3jax.warp_grid(shift, (6, 8))
    loss = losses.flow_cross_entropy(volume, true, temperature=0.05)
    wrong = losses.flow_cross_entropy(volume, true[::-1], temperature=0.05)
    assert loss < 0.05 < 5 < wrong


def test_matches_outside_do_not_count():
    inside = jnp.abs(MATCHES).max(-1) <= 1
    assert 0 < inside.sum() < inside.size
    moved = jnp.where(inside[..., None], MATCHES, 7.0)
    assert_allclose(
        losses.flow_cross_entropy(VOLUME, moved), losses.flow_cross_entropy(VOLUME, MATCHES)
    )
    assert losses.flow_cross_entropy(VOLUME, moved * 0 + 7) == 0


def test_a_flat_volume_costs_the_entropy_of_the_grid():
    loss = losses.flow_cross_entropy(jnp.zeros((2, 3, 4, 5)), c3jax.grid((4, 5)))
    assert_allclose(loss, np.log(6), rtol=1e-6)


def test_the_hinge_pushes_close_landmarks_apart_and_leaves_coincident_ones():
    points = jnp.array([[0.0, 0], [0.1, 0]])
    gradient = jax.grad(lambda p: losses.separation_hinge(p, margin=0.5))(points)
    assert_allclose(gradient, [[0.2, 0], [-0.2, 0]], rtol=1e-6)
    still = jax.grad(lambda p: losses.separation_hinge(p, margin=0.5))(jnp.zeros((3, 2)))
    assert_array_equal(still, np.zeros((3, 2)))


def test_gradients_of_masked_and_saturated_matches_are_finite():
    loss = jax.jit(jax.grad(lambda v, p: losses.flow_cross_entropy(v, p, temperature=1e-3)))
    assert np.isfinite(loss(1e3 * VOLUME, MATCHES)).all()
    assert_array_equal(loss(VOLUME, MATCHES * 0 + 7), np.zeros(VOLUME.shape))


def test_refusals():
    with pytest.raises(ValueError, match="points must hold at least two landmarks, got 1"):
        losses.separation_hinge(jnp.zeros((1, 2)), margin=0.1)
    with pytest.raises(ValueError, match="margin must be positive, got 0"):
        losses.separation_hinge(jnp.zeros((2, 2)), margin=0)
    with pytest.raises(ValueError, match="temperature must be positive, got -1"):
        losses.flow_cross_entropy(VOLUME, MATCHES, temperature=-1)
    with pytest.raises(ValueError, match="points_of_original of shape .* has K = 5"):
        losses.warp_consistency(POINTS[0, :4], POINTS[1], SPLINE)
