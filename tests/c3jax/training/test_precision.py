"""Activations in bfloat16: what is rounded, what is not, and how far the step is from float32."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from c3jax.models.layers import Decoder
from c3jax.models.resnet import ResNet
from c3jax.training.precision import PRECISIONS, with_activations
from c3jax.training.state import init_state
from c3jax.training.step import AXIS, Aux, make_train_step, replicate, shard_batch

SIZE, OPTIMIZER = 16, optax.sgd(0.1, momentum=0.9)
# bfloat16 has 8 bits; errors of several layers add up.
CLOSE = {"rtol": 3e-2, "atol": 3e-3}


class Auto(nn.Module):
    """Images from their features."""

    @nn.compact
    def __call__(self, images):
        trunk = ResNet("small", stages=("layer1",), normalization="batch", widths=(8,) * 4)
        features = trunk(images, train=True)["layer1"]
        assert features.dtype == jnp.float32
        return Decoder((SIZE, SIZE), 8, 4)(features, features[..., :1], train=True)


def reconstruction(params, state, batch, keys, *, module):
    images = batch["source"]
    outputs, updated = module.apply(state.variables(params), images, mutable=["batch_stats"])
    assert outputs.dtype == jnp.float32
    losses = jnp.square(outputs - images).mean((1, 2, 3))
    return losses, Aux({}, updated["batch_stats"], state.loss_stats)


LOSS = functools.partial(reconstruction, module=Auto())


@pytest.fixture(scope="module")
def first_state():
    variables = jax.jit(Auto().init)(jax.random.key(0), jnp.zeros((1, SIZE, SIZE, 3)))
    return init_state(variables, optimizer=OPTIMIZER, loss_stats={})


@pytest.fixture(scope="module")
def batch():
    images = np.random.default_rng(0).uniform(size=(4, SIZE, SIZE, 3)).astype(np.float32)
    return shard_batch({"source": images, "example_index": np.arange(4, dtype=np.int32)}, 1)


@pytest.fixture(scope="module")
def steps(first_state, batch):
    """State and metrics after one step in each precision."""
    devices, found = jax.devices()[:1], {}
    for precision in PRECISIONS:
        step = make_train_step(with_activations(LOSS, precision), OPTIMIZER, devices=devices)
        state = replicate(jax.tree.map(jnp.copy, first_state), devices)
        found[precision] = step(state, batch, jax.random.key(0))
    return found


def test_loss_gradients_and_statistics_agree_with_float32(steps):
    (state, metrics), (rounded, rounded_metrics) = (steps[name] for name in PRECISIONS)
    assert 0 < abs(float(metrics["loss"] - rounded_metrics["loss"])) < 0.01 * metrics["loss"]
    # After one step the momentum is the gradient.
    gradients, others = (s.opt_state[0].trace for s in (state, rounded))
    off = optax.tree.norm(jax.tree.map(jnp.subtract, gradients, others))
    assert 0 < off < 0.2 * optax.tree.norm(gradients)  # directions agree to 0.98
    close = functools.partial(np.testing.assert_allclose, **CLOSE)
    jax.tree.map(close, rounded.batch_stats, state.batch_stats)


def test_the_state_keeps_its_dtypes_and_is_finite(steps, first_state):
    rounded, _ = steps["bfloat16"]
    wanted, found = (jax.tree.map(lambda leaf: leaf.dtype, s) for s in (first_state, rounded))
    assert wanted == found
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(rounded))
    assert int(rounded.skipped) == 0


def convolutions(loss_fn, state, batch):
    """Dtypes of the inputs of all convolutions of a loss, and of its gradient."""
    sample = {name: value[0] for name, value in batch.items()}
    gradient = jax.grad(lambda params: loss_fn(params, state, sample, None)[0].sum())
    jaxpr = jax.make_jaxpr(gradient, axis_env=[(AXIS, 1)])(state.params)
    return [
        equation.invars[0].aval.dtype.name
        for equation in jaxpr.eqns
        if equation.primitive.name == "conv_general_dilated"
    ]


def test_all_convolutions_but_that_of_the_colours_are_rounded(first_state, batch):
    rounded = convolutions(with_activations(LOSS, "bfloat16"), first_state, batch)
    assert rounded.count("float32") == 3  # forward, and by its input and its kernel
    assert rounded.count("bfloat16") > 15
    assert "bfloat16" not in convolutions(LOSS, first_state, batch)


def test_float32_is_the_loss_itself_and_others_are_refused():
    assert with_activations(LOSS, "float32") is LOSS
    with pytest.raises(ValueError, match="precision must be one of .*'float16'"):
        with_activations(LOSS, "float16")
