"""Scores, transformation maps, and the directions in which they carry maps and points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.compiled import c3jax
from tests.reference import matching as reference
from tests.reference import warps
from tests.tolerances import FLOAT32, FLOAT64

RANDOM = np.random.default_rng(0)
VOLUME = RANDOM.normal(size=(2, 3, 4, 5))
SIDES = ["source", "target"]


@pytest.fixture(scope="module")
def shifted():
    """Source and target crop one scene: source cell (y, x) is target cell (y - 1, x - 2).

    The source is 5 x 8 cells, the target 4 x 6, so the two sides cannot be exchanged unnoticed.
    """
    scene = RANDOM.normal(size=(5, 8, 16))
    source, target = scene, scene[1:5, 2:8]
    return source, target, c3jax.correlation_4d(source, target)


def test_worked_scores_of_two_source_and_three_target_cells():
    volume = jnp.log(jnp.array([[1.0, 2, 1], [3.0, 2, 1]])).reshape(1, 2, 1, 3)
    by_source = c3jax.match_scores(volume, over="source").reshape(2, 3)
    assert_allclose(by_source, [[0.25, 0.5, 0.5], [0.75, 0.5, 0.5]], rtol=1e-6)
    by_target = c3jax.match_scores(volume, over="target").reshape(2, 3)
    assert_allclose(by_target, np.array([[3, 6, 3], [6, 4, 2]]) / 12, rtol=1e-6)


def test_worked_transformation_maps_of_two_source_and_three_target_cells():
    scores = jnp.array([[0.25, 0.5, 0.4], [0.75, 0.5, 0.6]]).reshape(2, 1, 1, 3)
    hard = c3jax.transformation_map(scores, over="source")
    assert_allclose(hard, [[[-1, 1], [-1, -1], [-1, 1]]])  # of equals the first
    soft = c3jax.transformation_map(scores, over="source", hard=False)
    assert_allclose(soft, [[[-1, 0.5], [-1, 0], [-1, 0.2]]], atol=1e-6)
    to_target = c3jax.transformation_map(scores, over="target")
    assert_allclose(to_target, [[[0, -1]], [[-1, -1]]])


@pytest.mark.parametrize("over", SIDES)
def test_scores_and_maps_equal_slow_reference(over, x64):
    scores = reference.match_scores(VOLUME, over, 0.5)
    assert_allclose(c3jax.match_scores(VOLUME, over=over, temperature=0.5), scores, **FLOAT64)
    for hard in (True, False):
        slow = reference.transformation_map(scores, over, hard)
        assert_allclose(c3jax.transformation_map(scores, over=over, hard=hard), slow, **FLOAT64)
    slow = reference.kernel_transformation_map(scores, over, 0.8)
    fast = c3jax.kernel_transformation_map(scores, over=over, stddev=0.8)
    assert_allclose(fast, slow, **FLOAT64)


def test_worked_kernel_map_of_three_source_cells_and_one_target_cell():
    scores = jnp.array([[0.3], [0.1], [0.6]]).reshape(1, 3, 1, 1)  # best is x = 1
    near, far = np.exp(-0.5), np.exp(-2.0)  # one and two cells away
    x = (-0.3 * far + 0.6) / (0.3 * far + 0.1 * near + 0.6)
    found = c3jax.kernel_transformation_map(scores, over="source", stddev=1.0)
    assert_allclose(found, [[[x, -1]]], rtol=1e-6)


@pytest.mark.parametrize("over", SIDES)
def test_a_kernel_map_lies_between_the_hard_and_the_soft_one(over):
    scores = c3jax.match_scores(VOLUME, over=over)
    for hard, stddev in ((True, 1e-2), (False, 1e3)):
        assert_allclose(
            c3jax.kernel_transformation_map(scores, over=over, stddev=stddev),
            c3jax.transformation_map(scores, over=over, hard=hard),
            atol=1e-5,
        )


@pytest.mark.parametrize("over", SIDES)
def test_soft_warp_equals_slow_reference(over, x64):
    maps = RANDOM.normal(size=(2, 3, 2) if over == "source" else (4, 5, 2))
    slow = reference.soft_warp(maps, VOLUME, over)
    assert_allclose(c3jax.soft_warp(maps, VOLUME, over=over), slow, **FLOAT64)


def test_carried_points_equal_slow_reference(x64):
    points, transformation = RANDOM.uniform(-1.5, 1.5, (7, 2)), RANDOM.normal(size=(4, 5, 2))
    slow = warps.sample(transformation, np.clip(points, -1, 1))
    assert_allclose(c3jax.carry_points(points, transformation), slow, **FLOAT64)


@pytest.mark.parametrize(("over", "axes"), [("source", (-4, -3)), ("target", (-2, -1))])
def test_scores_sum_to_one_over_their_side(over, axes):
    scores = c3jax.match_scores(VOLUME, over=over)
    assert_allclose(scores.sum(axes), np.ones(scores.sum(axes).shape), rtol=1e-5)


def test_over_source_lives_on_the_target_grid_and_holds_source_locations(shifted):
    source, target, volume = shifted
    scores = c3jax.match_scores(volume, over="source", temperature=0.01)
    for hard in (True, False):
        t_ij = c3jax.transformation_map(scores, over="source", hard=hard)
        assert t_ij.shape == (4, 6, 2)
        assert_allclose(t_ij, c3jax.grid((5, 8))[1:5, 2:8], atol=1e-4)


def test_over_target_lives_on_the_source_grid_and_holds_target_locations(shifted):
    source, target, volume = shifted
    scores = c3jax.match_scores(volume, over="target", temperature=0.01)
    for hard in (True, False):
        t_ji = c3jax.transformation_map(scores, over="target", hard=hard)
        assert t_ji.shape == (5, 8, 2)
        assert_allclose(t_ji[1:, 2:], c3jax.grid((4, 6)), atol=1e-4)


def test_over_source_warps_maps_of_the_source_to_the_target(shifted):
    source, target, volume = shifted
    scores = c3jax.match_scores(volume, over="source", temperature=0.01)
    warped = c3jax.warp(source, c3jax.transformation_map(scores, over="source"))
    assert_allclose(warped, target, **FLOAT32)
    soft = c3jax.soft_warp(source, scores, over="source")
    assert_allclose(soft, target, atol=1e-3)


def test_over_target_warps_maps_of_the_target_to_the_source(shifted):
    source, target, volume = shifted
    scores = c3jax.match_scores(volume, over="target", temperature=0.01)
    warped = c3jax.warp(target, c3jax.transformation_map(scores, over="target"))
    assert_allclose(warped[1:, 2:], source[1:, 2:], **FLOAT32)
    soft = c3jax.soft_warp(target, scores, over="target")
    assert_allclose(soft[1:, 2:], source[1:, 2:], atol=1e-3)


def test_over_source_carries_points_from_target_to_source_and_back(shifted):
    _, _, volume = shifted
    points_px = np.array([[0.0, 0.0], [2.5, 1.25], [5.0, 3.0]])  # in the target
    in_target = c3jax.to_normalized(points_px, (4, 6))
    in_source = c3jax.to_normalized(points_px + np.array([2, 1]), (5, 8))
    t_ij = c3jax.transformation_map(volume, over="source")
    assert_allclose(c3jax.carry_points(in_target, t_ij), in_source, atol=1e-5)
    t_ji = c3jax.transformation_map(volume, over="target")
    assert_allclose(c3jax.carry_points(in_source, t_ji), in_target, atol=1e-5)


def test_swapping_the_images_swaps_the_directions(shifted):
    _, _, volume = shifted
    swapped = c3jax.transpose_volume(volume)
    assert_array_equal(
        c3jax.transformation_map(swapped, over="source"),
        c3jax.transformation_map(volume, over="target"),
    )
    assert_allclose(
        c3jax.match_scores(swapped, over="source"),
        c3jax.transpose_volume(c3jax.match_scores(volume, over="target")),
        **FLOAT32,
    )


def test_temperature_to_zero_makes_the_soft_map_hard():
    scores = c3jax.match_scores(VOLUME, over="source", temperature=1e-4)
    soft = c3jax.transformation_map(scores, over="source", hard=False)
    assert_allclose(soft, c3jax.transformation_map(VOLUME, over="source"), atol=1e-5)


def test_points_outside_are_carried_like_those_at_the_border():
    cells = c3jax.grid((4, 5))
    out = c3jax.carry_points(jnp.array([[3.0, 0.0], [-1.1, -9.0]]), cells)
    assert_allclose(out, [[1, 0], [-1, -1]], atol=1e-6)


def test_the_hard_map_has_no_gradient_and_a_flat_volume_a_finite_one():
    def through(volume, hard):
        scores = c3jax.match_scores(volume, over="source")
        return c3jax.transformation_map(scores, over="source", hard=hard)[..., 0].sum()

    flat = jnp.zeros((2, 3, 4, 5))
    hard = jax.jit(jax.grad(lambda v: through(v, True)))(jnp.asarray(VOLUME))
    assert_array_equal(hard, np.zeros(VOLUME.shape))
    soft = jax.jit(jax.grad(lambda v: through(v, False)))(flat)
    assert np.isfinite(soft).all() and np.abs(soft).max() > 0


def test_refusals():
    with pytest.raises(ValueError, match="over must be one of 'source', 'target', got 'both'"):
        c3jax.match_scores(VOLUME, over="both")
    with pytest.raises(ValueError, match="over must be one of"):
        c3jax.transformation_map(VOLUME, over="i")
    with pytest.raises(ValueError, match="stddev must be positive, got 0"):
        c3jax.kernel_transformation_map(VOLUME, over="source", stddev=0)
    with pytest.raises(ValueError, match="over must be one of"):
        c3jax.soft_warp(jnp.zeros((2, 3, 1)), VOLUME, over=None)
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        c3jax.match_scores(VOLUME, over="source", temperature=0)
