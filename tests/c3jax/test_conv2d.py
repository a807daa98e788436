"""The convolutions for a CPU are the convolution, and their gradients its gradients."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from c3jax import _conv2d
from tests.gradients import assert_gradient
from tests.reference import correlation as reference
from tests.tolerances import FLOAT64

RANDOM = np.random.default_rng(0)
CHANNELS = [(1, 1), (1, 3), (3, 1), (2, 2)]


@pytest.fixture
def small_chunks(monkeypatch):
    """Two cells of a 1 x 2 map and two maps at a time: every loop turns."""
    monkeypatch.setattr(_conv2d, "CELLS_AT_A_TIME", 24)
    monkeypatch.setattr(_conv2d, "MAPS_AT_A_TIME", 2)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("size", [1, 3, 5])
def test_it_equals_the_slow_reference(size, channels, x64, small_chunks):
    maps, kernel = (
        RANDOM.normal(size=(6, 3, 4, channels[0])),
        RANDOM.normal(size=(size,) * 2 + channels),
    )
    slow = np.stack([reference.conv2d(one, kernel) for one in maps])
    assert_allclose(jax.jit(_conv2d.conv2d)(maps, kernel), slow, **FLOAT64)


@pytest.mark.parametrize("channels", CHANNELS)
def test_its_gradients_are_those_of_the_convolution(channels, x64, small_chunks):
    maps, kernel = RANDOM.normal(size=(6, 3, 4, channels[0])), RANDOM.normal(size=(3, 3, *channels))

    def gradients(convolution):
        return jax.jit(jax.grad(lambda *a: jnp.sin(convolution(*a)).sum(), (0, 1)))(maps, kernel)

    for fast, plain in zip(gradients(_conv2d.conv2d), gradients(_conv2d.plain_conv2d), strict=True):
        assert_allclose(fast, plain, **FLOAT64)


def test_gradients_against_differences_in_a_loop_over_examples(x64, small_chunks):
    maps, kernel = RANDOM.normal(size=(2, 4, 2, 3, 2)), RANDOM.normal(size=(3, 3, 2, 3))
    assert_gradient(lambda m, k: jax.lax.map(lambda one: _conv2d.conv2d(one, k), m), maps, kernel)


@pytest.mark.parametrize(
    ("n", "wanted", "size"), [(625, 5, 5), (12, 5, 6), (7, 3, 7), (7, 2, 1), (1, 9, 1)]
)
def test_chunks_have_the_divisor_nearest_to_the_size_wanted(n, wanted, size):
    assert _conv2d._split(np.zeros((n, 2)), wanted).shape == (n // size, size, 2)


def test_accelerators_get_the_convolution_itself():
    maps, kernel = jnp.zeros((4, 3, 3, 2)), jnp.zeros((3, 3, 2, 2))
    step = jax.grad(lambda *a: _conv2d.conv2d(*a).sum(), (0, 1))
    for platform, loops in (("cpu", True), ("cuda", False)):
        lowered = jax.export.export(jax.jit(step), platforms=[platform])(maps, kernel)
        assert ("stablehlo.while" in lowered.mlir_module()) == loops


@pytest.mark.parametrize("padding", ["SAME", 1])
def test_a_layers_gradients_are_those_of_a_plain_convolution(monkeypatch, padding, x64):
    monkeypatch.setattr(_conv2d, "LAYER_CELLS_AT_A_TIME", 2 * 5 * 7)  # two maps of four
    maps = np.random.default_rng(0).normal(size=(4, 5, 7, 3))
    plain = nn.Conv(2, (3, 3), padding=padding, param_dtype=jnp.float64)
    layer = plain.copy(conv_general_dilated=_conv2d.conv_general_dilated)
    variables = plain.init(jax.random.key(0), maps)

    def gradients(network):
        return jax.jit(jax.grad(lambda v, m: jnp.sin(network.apply(v, m)).sum(), (0, 1)))(
            variables, maps
        )

    jax.tree.map(lambda a, b: assert_allclose(a, b, **FLOAT64), gradients(layer), gradients(plain))
    assert "custom_vjp" in str(jax.make_jaxpr(layer.apply)(variables, maps))


@pytest.mark.parametrize(
    "options",
    [{"strides": 2}, {"padding": "VALID"}, {"kernel_dilation": 2}, {"kernel_size": (5, 5)}],
)
def test_a_layer_of_another_kind_is_left_to_xla(options):
    maps = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype(np.float32)
    plain = nn.Conv(**{"features": 2, "kernel_size": (3, 3)} | options)
    layer = plain.copy(conv_general_dilated=_conv2d.conv_general_dilated)
    variables = plain.init(jax.random.key(0), maps)
    assert "custom_vjp" not in str(jax.make_jaxpr(layer.apply)(variables, maps))
    assert_array_equal(layer.apply(variables, maps), plain.apply(variables, maps))
