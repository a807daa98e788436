"""The cross-image flow module: its start, its symmetry, its linear form."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P
from numpy.testing import assert_allclose, assert_array_equal

from c3jax import correlation_4d, dead_fraction, gaussian_kernel, mutual_matching, separable_conv4d
from c3jax.losses import weak_matching
from c3jax.models import flow
from c3jax.models.flow import LAYERS, FlowModule
from tests.tolerances import REORDERED

SOURCE = jax.random.normal(jax.random.key(0), (2, 4, 5, 6))
TARGET = jax.random.normal(jax.random.key(1), (2, 3, 4, 6))


def build(**fields):
    module = FlowModule(kernel_size=3, **fields)
    return module, jax.jit(module.init)(jax.random.key(2), SOURCE, TARGET)


@pytest.mark.parametrize(
    "fields",
    [
        {"channels": (2, 1)},
        {"channels": (1,), "linear": True},
        *({"channels": (1,), "layers": layers, "negative_slope": 0.1} for layers in LAYERS),
    ],
)
def test_exchanging_the_images_transposes_the_correlation(fields):
    module, variables = build(**fields)
    apply = jax.jit(module.apply)
    forward, backward = apply(variables, SOURCE, TARGET), apply(variables, TARGET, SOURCE)
    assert forward.shape == (2, 4, 5, 3, 4)
    assert_allclose(forward, backward.transpose(0, 3, 4, 1, 2), **REORDERED)


@pytest.mark.parametrize("layers", LAYERS)
def test_features_of_bfloat16_meet_kernels_of_float32(layers):
    """As in a mixed-precision step: in the dtype of the features, and gradients in each its own."""
    module, variables = build(channels=(2, 1), layers=layers)
    narrow = SOURCE.astype(jnp.bfloat16), TARGET.astype(jnp.bfloat16)

    def total(variables, source, target):
        return module.apply(variables, source, target).astype(jnp.float32).sum()

    value, of_kernels = jax.jit(jax.value_and_grad(total))(variables, *narrow)
    assert_allclose(value, jax.jit(total)(variables, SOURCE, TARGET), rtol=0.05)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(of_kernels)} == {"float32"}
    shape = jax.eval_shape(module.apply, variables, *narrow)
    assert shape.dtype == jnp.bfloat16


def test_examples_of_a_shard_map_are_those_of_one_device():
    module, variables = build(channels=(2, 1), chunk=1)
    mesh = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,))
    specs = {"in_specs": (P(), P("data"), P("data")), "out_specs": P("data"), "check_vma": False}
    spread = jax.shard_map(module.apply, mesh=mesh, **specs)

    def total(apply, variables):
        return jnp.square(apply(variables, SOURCE, TARGET)).sum()

    found, expected = (
        jax.jit(jax.value_and_grad(functools.partial(total, apply)))(variables)
        for apply in (spread, module.apply)
    )
    chex.assert_trees_all_close(found, expected, rtol=1e-4, atol=1e-6)


def test_it_starts_as_the_separable_gaussian():
    """One linear layer is exact: both orders of filtering agree, so the block is twice one."""
    module, variables = build(channels=(1,), linear=True)
    gaussian = gaussian_kernel(3, stddev=1.0)[:, :, None, None]
    volume = mutual_matching(correlation_4d(SOURCE, TARGET))[..., None]
    smoothed = separable_conv4d(volume, gaussian, gaussian)[..., 0]
    expected = mutual_matching(2 * smoothed)
    found = jax.jit(module.apply)(variables, SOURCE, TARGET)
    assert_allclose(found, expected, **REORDERED)


def test_more_layers_and_channels_start_near_the_gaussian_of_the_positive_part():
    module, variables = build(channels=(8, 8, 1))
    gaussian = gaussian_kernel(3, stddev=1.0)[:, :, None, None]
    volume = mutual_matching(correlation_4d(SOURCE, TARGET))[..., None]

    def block(c):
        return jax.nn.relu(separable_conv4d(c, gaussian, gaussian, activation=jax.nn.relu))

    swapped = block(volume.transpose(0, 3, 4, 1, 2, 5)).transpose(0, 3, 4, 1, 2, 5)
    expected = mutual_matching((block(volume) + swapped)[..., 0])
    found = jax.jit(module.apply)(variables, SOURCE, TARGET)
    assert float(jnp.corrcoef(found.ravel(), expected.ravel())[0, 1]) > 0.99


@pytest.mark.parametrize("layers", LAYERS)
def test_the_kernels_get_gradients(layers):
    module, variables = build(channels=(2, 1), layers=layers)
    loss = jax.jit(jax.grad(lambda v: (module.apply(v, SOURCE, TARGET) ** 2).sum()))
    for leaf in jax.tree.leaves(loss(variables)):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 0


@pytest.mark.parametrize("layers", ["separable", "full"])
def test_linear_layers_start_near_the_gaussian(layers):
    module, variables = build(channels=(8, 1), linear=True, mutual=False, layers=layers)
    gaussian = gaussian_kernel(3, stddev=1.0)[:, :, None, None]
    smoothed = separable_conv4d(correlation_4d(SOURCE, TARGET)[..., None], gaussian, gaussian)
    found = jax.jit(module.apply)(variables, SOURCE, TARGET)
    assert_allclose(found, 2 * smoothed[..., 0], rtol=0.1, atol=0.01)


def test_parameters_keep_their_names():
    """Trained checkpoints hold them."""

    def names(**fields):
        return set(build(channels=(2, 1), **fields)[1]["params"])

    sides = {f"kernel_{side}_{layer}" for side in ("source", "target") for layer in (0, 1)}
    assert names() == names(layers="centre_pivot") == sides
    assert names(layers="full") == {"kernel_0", "kernel_1"}


def test_one_linear_layer_of_centre_pivot_is_half_the_sum_of_both_smoothings():
    module, variables = build(channels=(1,), linear=True, layers="centre_pivot", mutual=False)
    gaussian = gaussian_kernel(3, stddev=1.0)[:, :, None, None]
    volume = correlation_4d(SOURCE, TARGET)[..., None]
    impulse = jnp.zeros((3, 3, 1, 1)).at[1, 1].set(1.0)
    both = separable_conv4d(volume, gaussian, impulse) + separable_conv4d(volume, impulse, gaussian)
    # Symmetric, so twice the block of gain 1/2 on either side.
    found = jax.jit(module.apply)(variables, SOURCE, TARGET)
    assert_allclose(found, both[..., 0], **REORDERED)


def test_without_mutual_matching_one_linear_layer_filters_the_features_instead(monkeypatch):
    module, _ = build(channels=(1,), linear=True, mutual=False)
    kernels = jax.random.normal(jax.random.key(3), (2, 3, 3, 1, 1))
    variables = {"params": {"kernel_source_0": kernels[0], "kernel_target_0": kernels[1]}}
    volume = correlation_4d(SOURCE, TARGET)[..., None]
    both = separable_conv4d(volume, *kernels) + separable_conv4d(volume, *kernels[::-1])
    monkeypatch.setattr(flow, "separable_conv4d", None)
    found = jax.jit(module.apply)(variables, SOURCE, TARGET)
    assert_allclose(found, both[..., 0], **REORDERED)
    with pytest.raises(TypeError, match="not callable"):  # mutual matching is not linear
        module.clone(mutual=True).apply(variables, SOURCE, TARGET)


@pytest.mark.parametrize("chunk", [1, 2])
def test_chunks_of_examples_change_neither_results_nor_gradients(chunk):
    module, variables = build(channels=(1,))
    several = [jnp.concatenate([maps, maps[:1] ** 2]) for maps in (SOURCE, TARGET)]

    def result_and_gradient(module):
        return jax.jit(jax.value_and_grad(lambda v: (module.apply(v, *several) ** 2).sum()))(
            variables
        )

    expected, found = map(result_and_gradient, (module, module.clone(chunk=chunk)))
    jax.tree.map(lambda a, b: assert_allclose(a, b, **REORDERED), found, expected)


def step_memory(module, batch, grid, features=4):
    """Bytes of temporary memory of NC-Net's weak loss and its gradient, compiled only."""
    maps = jax.ShapeDtypeStruct((batch, grid, grid, features), jnp.float32)

    def loss(variables, source, target):
        positive = module.apply(variables, source, target)
        negative = module.apply(variables, source, jnp.roll(target, 1, axis=0))
        return weak_matching(positive, negative).mean()

    variables = jax.eval_shape(module.init, jax.random.key(0), maps, maps)
    compiled = jax.jit(jax.grad(loss)).lower(variables, maps, maps).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def test_chunks_of_examples_bound_the_memory():
    module = FlowModule(channels=(1,), kernel_size=3)
    whole, chunked = (step_memory(module.clone(chunk=chunk), 16, 6) for chunk in (None, 1))
    assert chunked < whole / 4


@pytest.mark.slow
def test_a_step_at_400_px_with_16_pairs_in_chunks_takes_less_than_2_gib():
    whole, chunked = (
        step_memory(FlowModule(chunk=chunk), 16, 25, features=1024) for chunk in (None, 1)
    )
    assert chunked < 2 * 2**30 < whole / 8


def test_a_leaky_slope_brings_a_dead_block_back():
    module, variables = build(channels=(1,))
    variables = jax.tree.map(jnp.negative, variables)
    variables["params"]["kernel_source_0"] *= -1  # outputs are negative but for what ReLU cuts
    dead = module.apply(variables, SOURCE**2, TARGET**2)
    assert_array_equal(dead_fraction(dead), np.ones(2))
    leaky = module.clone(negative_slope=0.1)
    assert_array_equal(dead_fraction(leaky.apply(variables, SOURCE**2, TARGET**2)), np.zeros(2))


def test_channels_that_do_not_end_in_one_are_refused():
    with pytest.raises(ValueError, match=r"channels must end with 1, got \(4, 2\)"):
        build(channels=(4, 2))


def test_options_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="layers must be one of 'separable', .*, got 'dense'"):
        build(layers="dense")
    with pytest.raises(ValueError, match="start must be one of 'gaussian', .*, got 'random'"):
        build(start="random")
    with pytest.raises(ValueError, match="negative_slope must not be negative, got -0.1"):
        build(negative_slope=-0.1)
    with pytest.raises(ValueError, match="chunk must be a number of examples from 1 on, got 0"):
        build(chunk=0)
