"""NC-Net: the published formulas, its start, and that it can stand in for the flow module."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from c3jax.models.flow import FlowModule
from c3jax.models.ncnet import NCNet
from c3jax.weights import num_parameters
from tests.reference import ncnet as reference
from tests.tolerances import FLOAT32, REORDERED

RANDOM = np.random.default_rng(0)
SOURCE = RANDOM.uniform(size=(2, 4, 3, 5)).astype(np.float32)
TARGET = RANDOM.uniform(size=(2, 3, 2, 5)).astype(np.float32)
SMALL = NCNet(channels=(2, 1), kernel_size=3)


def as_params(weights):
    """Weights of the public layout, moved axis by axis."""
    params = {}
    for key, array in weights.items():
        _, _, number, kind = key.split(".")
        layer = int(number) // 2
        if kind == "bias":
            params[f"bias_{layer}"] = array
        else:
            params[f"kernel_{layer}"] = np.einsum("poiqrs->pqrsio", array)
    return {"params": params}


@pytest.fixture(scope="module")
def apply():
    return jax.jit(SMALL.apply)


def test_it_is_the_published_network(apply):
    weights = reference.random_weights((2, 1), 3)
    slow = [reference.ncnet(*pair, weights) for pair in zip(SOURCE, TARGET, strict=True)]
    assert min(np.max(one) for one in slow) > 0.1, "alive"
    assert_allclose(apply(as_params(weights), SOURCE, TARGET), slow, **FLOAT32)


def test_exchanging_the_images_transposes_the_correlation(apply):
    variables = as_params(reference.random_weights((2, 1), 3))
    forward, backward = apply(variables, SOURCE, TARGET), apply(variables, TARGET, SOURCE)
    assert forward.shape == (2, 4, 3, 3, 2)
    assert_allclose(forward, backward.transpose(0, 3, 4, 1, 2), **REORDERED)


def test_it_starts_within_the_bounds_of_the_public_code():
    params = jax.jit(NCNet().init)(jax.random.key(0), SOURCE, TARGET)["params"]
    for layer, fan_in in enumerate((625, 16 * 625, 16 * 625)):
        for kind in ("kernel", "bias"):
            largest = np.abs(params[f"{kind}_{layer}"]).max()
            assert largest <= fan_in**-0.5
        assert np.abs(params[f"kernel_{layer}"]).max() > 0.9 * fan_in**-0.5


def test_it_can_start_as_the_gaussian_of_the_flow_module():
    module = NCNet(channels=(4, 1), kernel_size=3, start="gaussian")
    params = jax.jit(module.init)(jax.random.key(0), SOURCE, TARGET)["params"]
    profile = np.exp(-0.5 * (np.indices((3,) * 4) - 1) ** 2).prod(0)
    first = params["kernel_0"].mean((4, 5))
    assert_allclose(first, profile / profile.sum(), rtol=0.05)
    assert_array_equal(params["bias_0"], np.zeros(4))


def test_it_can_start_as_the_consensus_of_the_flow_module():
    params = {}
    for module in (NCNet, FlowModule):
        kind = {} if module is NCNet else {"layers": "full"}
        one = module(channels=(4, 1), kernel_size=3, start="consensus", **kind)
        params[module] = jax.jit(one.init)(jax.random.key(0), SOURCE, TARGET)["params"]
    mean = [each["kernel_0"].mean((4, 5)) for each in params.values()]
    assert_allclose(*mean, atol=0.02)
    assert not np.asarray(params[NCNet]["kernel_0"])[0, 0, 0, 1].any()


def test_chunks_of_examples_change_neither_results_nor_gradients(apply):
    variables = as_params(reference.random_weights((2, 1), 3))
    chunked = jax.jit(SMALL.clone(chunk=1).apply)
    assert_allclose(
        chunked(variables, SOURCE, TARGET), apply(variables, SOURCE, TARGET), **REORDERED
    )


def test_biases_are_optional_and_counted():
    def count(module):
        shapes = jax.eval_shape(module.init, jax.random.key(0), SOURCE, TARGET)
        return num_parameters(shapes["params"])

    assert count(NCNet()) == 625 * (16 + 256 + 16) + 33
    assert count(NCNet(use_bias=False)) == 625 * (16 + 256 + 16)


def test_every_parameter_gets_a_gradient(apply):
    variables = as_params(reference.random_weights((2, 1), 3))
    loss = jax.jit(jax.grad(lambda v: (SMALL.apply(v, SOURCE, TARGET) ** 2).sum()))
    for leaf in jax.tree.leaves(loss(variables)):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 0


def test_channels_that_do_not_end_in_one_are_refused():
    with pytest.raises(ValueError, match=r"channels must end with 1, got \(4, 2\)"):
        NCNet(channels=(4, 2))
    with pytest.raises(ValueError, match="chunk must be a number of examples from 1 on, got 0"):
        NCNet(chunk=0).init(jax.random.key(0), jnp.zeros((1, 2, 2, 3)), jnp.zeros((1, 2, 2, 3)))
