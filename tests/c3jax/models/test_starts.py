"""What 4D blocks start as: consensus adds up the matches of neighbours that agree; noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from c3jax import correlation_4d, mutual_matching
from c3jax.models.flow import LAYERS, FlowModule
from c3jax.models.starts import consensus_kernels, nearest_offsets
from tests.tolerances import REORDERED

SOURCE = jax.random.normal(jax.random.key(0), (2, 4, 5, 6))
TARGET = jax.random.normal(jax.random.key(1), (2, 3, 4, 6))


def slow_consensus(volume, *, size, count, stddev):
    """sum_m w(o_m) C(s + o_m, t + o_m), outside 0, by nested loops."""
    half = size // 2
    offsets = sorted(
        ((y, x) for y in range(-half, half + 1) for x in range(-half, half + 1)),
        key=lambda o: o[0] ** 2 + o[1] ** 2,
    )[:count]
    weights = np.exp([-(y**2 + x**2) / (2 * stddev**2) for y, x in offsets])
    weights /= weights.sum()
    found = np.zeros(volume.shape)
    for cell in np.ndindex(*volume.shape[1:]):
        for (y, x), weight in zip(offsets, weights, strict=True):
            at = (cell[0] + y, cell[1] + x, cell[2] + y, cell[3] + x)
            if min(at) >= 0 and all(i < n for i, n in zip(at, volume.shape[1:], strict=True)):
                found[(slice(None), *cell)] += weight * volume[(slice(None), *at)]
    return found


@pytest.mark.parametrize("channels, stddev", [((5, 1), 1.5), ((9, 9, 1), 0.8)])
def test_consensus_adds_up_the_matches_of_neighbours(channels, stddev):
    module = FlowModule(channels=channels, kernel_size=3, start="consensus", stddev=stddev)
    variables = jax.jit(module.init)(jax.random.key(2), SOURCE, TARGET)
    volume = np.maximum(mutual_matching(correlation_4d(SOURCE, TARGET)), 0)
    once = slow_consensus(np.asarray(volume, float), size=3, count=channels[0], stddev=stddev)
    expected = mutual_matching(jnp.asarray(2 * once, jnp.float32))  # symmetric as it is
    found = jax.jit(module.apply)(variables, SOURCE, TARGET)
    assert_allclose(found, expected, **REORDERED)


def test_full_layers_start_near_the_same_consensus():
    fields = {"channels": (9, 1), "kernel_size": 3, "start": "consensus", "linear": True}
    results = []
    for layers in ("separable", "full"):
        module = FlowModule(layers=layers, **fields)
        variables = jax.jit(module.init)(jax.random.key(2), SOURCE, TARGET)
        results.append(jax.jit(module.apply)(variables, SOURCE, TARGET))
    assert_allclose(*results, rtol=0.1, atol=0.01)


def test_every_kernel_that_sees_the_match_of_a_neighbour_gets_a_gradient():
    module = FlowModule(channels=(9, 1), kernel_size=3, start="consensus")
    variables = jax.jit(module.init)(jax.random.key(2), SOURCE, TARGET)
    loss = jax.jit(jax.grad(lambda v: (module.apply(v, SOURCE, TARGET) ** 2).sum()))
    for leaf in jax.tree.leaves(loss(variables)):
        assert np.isfinite(leaf).all()
        assert (np.abs(leaf).max((0, 1, 2)) > 0).all(), "no channel is dead"


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("stddev", [None, 0.3])
def test_the_normal_start_is_noise_around_zero_of_one_hundredth_or_as_told(layers, stddev):
    fields = {"channels": (16, 16, 1), "kernel_size": 3, "layers": layers}
    module = FlowModule(**fields, start="normal", stddev=stddev)
    params = jax.jit(module.init)(jax.random.key(2), SOURCE, TARGET)["params"]
    values = np.concatenate([leaf.ravel() for leaf in params.values()])
    assert values.std() == pytest.approx(stddev or 0.01, rel=0.05)
    assert abs(values.mean()) < 0.05 * values.std()
    assert len(np.unique(values)) > 0.99 * len(values), "each kernel is drawn anew"


def test_nearest_offsets_are_rings_around_the_centre():
    rows, columns = nearest_offsets(5, 9)
    squared = (rows - 2) ** 2 + (columns - 2) ** 2
    assert_array_equal(squared, [0, 1, 1, 1, 1, 2, 2, 2, 2])
    assert len(set(zip(rows, columns, strict=True))) == 9


@pytest.mark.parametrize("channels", [(1,), (8, 4, 1), (10, 1)])
def test_a_consensus_of_channels_that_do_not_fit_is_refused(channels):
    with pytest.raises(ValueError, match="consensus start needs two layers"):
        consensus_kernels(channels, 3, stddev=1.0)


def test_centre_pivot_has_no_consensus():
    module = FlowModule(channels=(4, 1), layers="centre_pivot", start="consensus")
    with pytest.raises(ValueError, match="needs layers 'separable' or 'full'"):
        module.init(jax.random.key(0), SOURCE, TARGET)
