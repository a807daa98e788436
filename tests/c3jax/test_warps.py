"""Affine maps, random warps and the border mask."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.compiled import c3jax, library
from tests.reference import warps as reference
from tests.tolerances import FLOAT32

RANDOM = np.random.default_rng(0)
OUTER, INNER = RANDOM.normal(size=(2, 2, 3))
STILL = {"rotation_stddev": 0.0, "scale_stddev": 0.0, "translation_stddev": 0.0}
# Of the source of an IMM pair; rotations in degrees.
IMM_SOURCE = {"rotation_stddev": 5.0, "scale_stddev": 0.1, "translation_stddev": 0.1}


def affine_map(affine, points):
    return points @ affine[:, :2].T + affine[:, 2]


@jax.jit
def draw(keys, options):
    """Many random warps; the deviations are traced, so that one compilation serves all."""
    return jax.vmap(lambda key: library.random_warp(key, **options))(keys)


def draws(count=1000, warp_stddevs=(0.001, 0.01)):
    options = {**IMM_SOURCE, "warp_stddevs": warp_stddevs}
    return draw(jax.random.split(jax.random.key(0), count), options)


def test_worked_affine_grid_of_two_by_three_cells():
    cells = c3jax.affine_grid(jnp.array([[0.0, 2, 0.5], [1, 0, 0]]), (2, 3))
    assert_allclose(cells[0], [[-1.5, -1], [-1.5, 0], [-1.5, 1]])
    assert_allclose(cells[1], [[2.5, -1], [2.5, 0], [2.5, 1]])


def test_affine_grid_equals_slow_reference_with_batch_axes():
    affine = RANDOM.normal(size=(2, 4, 2, 3))
    fast = c3jax.affine_grid(affine, (5, 7))
    assert fast.shape == (2, 4, 5, 7, 2)
    slow = affine_map(affine[1, 3], reference.cells((5, 7)))
    assert_allclose(fast[1, 3].reshape(-1, 2), slow, **FLOAT32)


def test_composed_affine_maps_act_one_after_the_other():
    points = RANDOM.normal(size=(5, 2))
    both = np.asarray(c3jax.compose(OUTER, INNER))
    expected = affine_map(OUTER, affine_map(INNER, points))
    assert_allclose(affine_map(both, points), expected, **FLOAT32)


def test_an_affine_map_after_a_spline_is_a_spline():
    spline = c3jax.ThinPlateSpline(INNER, RANDOM.normal(size=(9, 2)))
    points = RANDOM.normal(size=(5, 2))
    both = c3jax.compose(OUTER, spline)
    expected = affine_map(OUTER, np.asarray(c3jax.apply_warp(spline, points)))
    assert_allclose(c3jax.apply_warp(both, points), expected, rtol=1e-4, atol=1e-4)


def test_random_affine_is_a_similarity_with_the_deviations_asked_for():
    affine = np.asarray(draws().affine)
    a, b, c, d = affine[:, 0, 0], affine[:, 0, 1], affine[:, 1, 0], affine[:, 1, 1]
    assert_allclose(a, d)
    assert_allclose(b, -c)
    scale, angle = np.hypot(a, c), np.rad2deg(np.arctan2(c, a))
    assert_allclose(scale.mean(), 1, atol=0.02)
    assert_allclose(scale.std(), 0.1, rtol=0.1)
    assert_allclose(angle.mean(), 0, atol=0.6)
    assert_allclose(angle.std(), 5, rtol=0.1)
    assert_allclose(affine[:, :, 2].std(0), [0.1, 0.1], rtol=0.1)
    correlation = np.corrcoef(np.stack([scale, angle, affine[:, 0, 2], affine[:, 1, 2]]))
    assert np.abs(correlation - np.eye(4)).max() < 0.12


def test_affine_part_of_a_random_warp_is_a_random_affine():
    key = jax.random.key(3)
    spline = c3jax.random_warp(key, **IMM_SOURCE, warp_stddevs=(0, 0), control_points=2)
    affine_key = jax.random.split(key, 4)[0]
    assert_allclose(spline.affine, c3jax.random_affine(affine_key, **IMM_SOURCE), **FLOAT32)


def test_half_of_the_random_weights_move_more():
    weights = np.asarray(draws().weights)
    assert weights.shape == (1000, 100, 2)
    assert_allclose(weights.mean(), 0, atol=1e-4)
    assert_allclose(weights.std(), np.hypot(0.001, 0.01 / 2**0.5), rtol=0.02)
    # A mixture of two Gaussians, |w| < 3 deviations of the narrow one.
    share = 0.5 * 0.997 + 0.5 * 0.234
    assert_allclose(np.mean(np.abs(weights) < 0.003), share, atol=0.01)
    only_half = np.asarray(draws(warp_stddevs=(0.0, 0.01)).weights)
    assert_allclose(np.mean(only_half == 0), 0.5, atol=0.01)


def test_no_deviations_give_the_identity():
    spline = c3jax.random_warp(jax.random.key(0), **STILL, warp_stddevs=(0, 0), control_points=3)
    assert_allclose(c3jax.warp_grid(spline, (4, 6)), c3jax.grid((4, 6)), atol=1e-6)


def test_keys_are_used_once_and_examples_differ():
    with jax.debug_key_reuse(True):
        splines = draws(2)
    assert (splines.weights[0] != splines.weights[1]).all()
    assert (splines.affine[0] != splines.affine[1]).all()


def test_imm_pair_moves_the_landmarks_of_an_image_by_a_tenth_of_its_side():
    cells = np.asarray(c3jax.warp_grid(draws(), (4, 6)))
    moved = np.linalg.norm(cells - np.asarray(c3jax.grid((4, 6))), axis=-1).mean()
    assert 0.15 < moved < 0.4, moved


def test_worked_border_mask():
    mask = c3jax.border_mask((8, 9), margin=1, step=2)
    assert mask.shape == (8, 9, 1)
    ramp = (1 + np.tanh(np.array([-1, 1]) / 0.4)) / 2
    assert_allclose(mask[4, :, 0], [0, *ramp, 1, 1, 1, *ramp[::-1], 0], rtol=1e-5)
    assert_allclose(mask[1, 1, 0], ramp[0] ** 2, rtol=1e-5)


def test_border_mask_of_imm_is_symmetric_and_one_in_the_middle():
    mask = np.asarray(c3jax.border_mask((128, 96), margin=10, step=20))[..., 0]
    assert_array_equal(mask, mask[::-1, ::-1])
    assert (mask[30:98, 30:66] == 1).all() and (mask[:10] == 0).all() and (mask[:, -10:] == 0).all()
    assert (np.diff(mask[64, :48]) >= 0).all()
    assert_array_equal(c3jax.border_mask((2, 3), margin=0, step=0), np.ones((2, 3, 1)))


def test_refuses_deviations_sizes_and_shapes_that_make_no_sense():
    key = jax.random.key(0)
    for name in STILL:
        with pytest.raises(ValueError, match=f"{name} must not be negative, got -1"):
            c3jax.random_affine(key, **{**STILL, name: -1})
    with pytest.raises(ValueError, match=r"warp_stddevs\[1\] must not be negative, got -0.1"):
        c3jax.random_warp(key, **STILL, warp_stddevs=(0.1, -0.1))
    with pytest.raises(ValueError, match="control_points must be at least 2, got 1"):
        c3jax.random_warp(key, **STILL, warp_stddevs=(0.1, 0.1), control_points=1)
    with pytest.raises(ValueError, match="margin 3 and step 1 must .* fit twice into"):
        c3jax.border_mask((8, 7), margin=3, step=1)
    with pytest.raises(ValueError, match="margin -1 and step 1"):
        c3jax.border_mask((8, 7), margin=-1, step=1)
    with pytest.raises(ValueError, match=r"inner must have shape \[..., 2, 3\], got \(2, 2\)"):
        c3jax.compose(OUTER, jnp.zeros((2, 2)))
