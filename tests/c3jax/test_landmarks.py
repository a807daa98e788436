"""Soft-argmax and Gaussian maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.compiled import c3jax, library
from tests.reference import landmarks as reference
from tests.tolerances import FLOAT32, FLOAT64

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(5, 7, 3))
POINTS = RANDOM.uniform(-1.2, 1.2, size=(3, 2))
SOFT_ARGMAXES = [c3jax.soft_argmax, c3jax.marginal_soft_argmax]


def test_worked_soft_argmax_of_two_by_three_cells():
    # Weights 1, 2, 1 in the upper row and 0, 0, 4 (all / 8) in the lower one.
    with np.errstate(divide="ignore"):
        logits = np.log([[1.0, 2.0, 1.0], [0.0, 0.0, 4.0]])[..., None]
    points = c3jax.soft_argmax(jnp.maximum(logits, -1e9))
    assert_allclose(points, [[4 / 8, 0.0]], atol=1e-6)


def test_worked_marginal_soft_argmax_of_two_by_three_cells():
    # Column means are log (1, 2, 1), row means are equal.
    logits = np.log([[1.0, 4.0, 1.0], [1.0, 1.0, 1.0]])[..., None]
    assert_allclose(
        c3jax.marginal_soft_argmax(logits),
        [[0.0, (1 - 4 ** (1 / 3)) / (1 + 4 ** (1 / 3))]],
        atol=1e-6,
    )


def test_worked_gaussian_maps_of_two_by_three_cells():
    maps = c3jax.gaussian_maps(jnp.array([[1.0, -1.0]]), (2, 3), stddev=0.5)
    expected = np.exp([[-8.0, -2.0, 0.0], [-16.0, -10.0, -8.0]])
    assert_allclose(maps[..., 0], expected, rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("function", SOFT_ARGMAXES)
def test_soft_argmax_equals_slow_reference(function, temperature, x64):
    slow = getattr(reference, function.__name__)(LOGITS, temperature)
    assert_allclose(function(LOGITS, temperature=temperature), slow, **FLOAT64)


def test_gaussian_maps_equal_slow_reference(x64):
    slow = reference.gaussian_maps(POINTS, (5, 7), 0.3)
    assert_allclose(c3jax.gaussian_maps(POINTS, (5, 7), stddev=0.3), slow, **FLOAT64)


def test_bottleneck_is_soft_argmax_then_gaussian_maps():
    points, maps = c3jax.landmark_bottleneck(LOGITS, stddev=0.2, temperature=0.5)
    slow = reference.soft_argmax(LOGITS, 0.5)
    assert_allclose(points, slow, **FLOAT32)
    assert_allclose(maps, reference.gaussian_maps(slow, (5, 7), 0.2), **FLOAT32)
    finer = c3jax.landmark_bottleneck(LOGITS, stddev=0.2, shape=(9, 8))[1]
    assert finer.shape == (9, 8, 3)


def test_imm_gaussian_is_stddev_0_0707():
    maps = c3jax.gaussian_maps(jnp.zeros((1, 2)), (17, 17), stddev=0.1 / 2**0.5)[..., 0]
    x, y = np.meshgrid(np.linspace(-1, 1, 17), np.linspace(-1, 1, 17))
    assert_allclose(maps, np.exp(-(x**2 + y**2) / 0.1**2), rtol=1e-4, atol=1e-7)


def test_spatial_softmax_sums_to_one_over_space_not_over_channels():
    heatmaps = c3jax.spatial_softmax(LOGITS, temperature=0.5)
    assert_allclose(heatmaps.sum((0, 1)), np.ones(3), rtol=1e-5)
    assert_allclose(
        heatmaps[..., 1], np.exp(2 * LOGITS[..., 1]) / np.exp(2 * LOGITS[..., 1]).sum(), rtol=1e-5
    )


@pytest.mark.parametrize("corner", [(0, 0), (0, 6), (4, 0), (4, 6)])
@pytest.mark.parametrize("function", SOFT_ARGMAXES)
def test_a_sharp_corner_gives_the_corner(function, corner):
    logits = jnp.zeros((5, 7, 1)).at[corner].set(1e3)
    expected = [[2 * corner[1] / 6 - 1, 2 * corner[0] / 4 - 1]]
    assert_allclose(function(logits), expected, atol=1e-5)


def test_temperature_to_zero_gives_the_argmax():
    best = LOGITS.reshape(-1, 3).argmax(0)
    expected = c3jax.grid((5, 7)).reshape(-1, 2)[best]
    assert_allclose(c3jax.soft_argmax(LOGITS, temperature=1e-4), expected, atol=1e-5)


@pytest.mark.parametrize("function", SOFT_ARGMAXES)
def test_flat_scores_give_the_centre_whatever_their_level(function):
    for level in (0.0, -1e8, 1e8):
        assert_allclose(function(jnp.full((3, 4, 2), level)), np.zeros((2, 2)), atol=1e-6)


def test_soft_argmax_moves_with_its_map():
    logits = jnp.full((9, 11, 1), -1e3).at[3:5, 2:6, 0].set(RANDOM.normal(size=(2, 4)))
    moved = jnp.roll(logits, (2, 3), (0, 1))
    shift = c3jax.soft_argmax(moved) - c3jax.soft_argmax(logits)
    assert_allclose(shift, [[2 * 3 / 10, 2 * 2 / 8]], atol=1e-5)


def test_gaussian_peak_is_one_at_its_cell_and_falls_by_stddev():
    cells = c3jax.grid((5, 7))
    maps = c3jax.gaussian_maps(cells[2, 3:5], (5, 7), stddev=1 / 3)  # one cell of x
    assert maps[2, 3, 0] == maps[2, 4, 1] == 1
    assert_allclose(maps[2, 4, 0], np.exp(-0.5), rtol=1e-5)


def test_bottleneck_returns_the_point_that_made_the_map():
    points = jnp.array([[0.3, -0.2], [-0.5, 0.4]])
    maps = c3jax.gaussian_maps(points, (33, 21), stddev=0.1)
    found, again = c3jax.landmark_bottleneck(jnp.log(maps + 1e-30), stddev=0.1)
    assert_allclose(found, points, atol=1e-4)
    assert_allclose(again, maps, atol=1e-3)


def test_gradient_of_saturated_scores_is_finite():
    gradient = jax.grad(lambda z: c3jax.soft_argmax(z).sum())(1e8 * jnp.asarray(LOGITS))
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("function", [*SOFT_ARGMAXES, c3jax.spatial_softmax])
def test_refuses_wrong_temperatures(function):
    for temperature in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=f"temperature must be positive, got {temperature}"):
            function(jnp.zeros((2, 3, 1)), temperature=temperature)


def test_gaussian_maps_refuse_wrong_shapes_and_deviations():
    with pytest.raises(ValueError, match=r"shape must be \(height, width\)"):
        c3jax.gaussian_maps(jnp.zeros((4, 2)), (2, -3), stddev=1.0)
    with pytest.raises(ValueError, match="stddev must be positive, got 0"):
        c3jax.landmark_bottleneck(jnp.zeros((2, 3, 1)), stddev=0)


def test_a_traced_temperature_is_allowed():
    points = jax.jit(lambda t: library.soft_argmax(LOGITS, temperature=t))(0.5)
    assert_allclose(points, c3jax.soft_argmax(LOGITS, temperature=0.5), rtol=1e-5)


def test_a_worked_spread_of_two_by_three_cells():
    # Half at the upper left, half at the lower right corner: each is sqrt(2) from the middle.
    corners = jnp.zeros((2, 3, 1)).at[0, 0].set(3.0).at[1, 2].set(3.0)
    assert_allclose(c3jax.heatmap_spread(corners), [2**0.5], rtol=1e-6)
    line = jnp.array([[[1.0], [2.0], [1.0]], [[0.0], [0.0], [0.0]]])  # variance 1/2 along x
    assert_allclose(c3jax.heatmap_spread(line), [0.5**0.5], rtol=1e-6)


def test_the_spread_of_a_gaussian_is_its_deviation_along_both_axes():
    maps = c3jax.gaussian_maps(jnp.array([[0.1, -0.2]]), (65, 65), stddev=0.1)
    assert_allclose(c3jax.heatmap_spread(maps), [0.1 * 2**0.5], rtol=1e-3)


def test_the_spread_of_one_cell_and_of_nothing_is_small_and_has_a_gradient():
    for maps in (jnp.zeros((3, 4, 1)).at[2, 3].set(1.0), jnp.zeros((3, 4, 1))):
        assert c3jax.heatmap_spread(maps)[0] < 1e-5
        gradient = jax.grad(lambda m: c3jax.heatmap_spread(m).sum())(maps)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("find", [*SOFT_ARGMAXES, c3jax.heatmap_centroids])
def test_coordinates_of_narrow_maps_are_float32(find, dtype):
    cells = np.linspace(-1, 1, 64)
    bump = np.exp(-((cells[:, None] - 0.8037) ** 2 + (cells - 0.6113) ** 2) / 0.02)[..., None]
    maps = jnp.asarray(bump if find is c3jax.heatmap_centroids else 20 * bump, dtype)
    found = find(maps)
    assert found.dtype == jnp.float32
    expected = find(maps.astype(jnp.float32))
    np.testing.assert_allclose(found, expected, atol=1e-6)  # the same logits, another grid
