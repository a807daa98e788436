"""A network with noise, batch normalisation and a loss statistic: all that a step carries."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from c3jax.training.state import init_state
from c3jax.training.step import AXIS, Aux, make_train_step, replicate, shard_batch

NUM_EXAMPLES = 8
LEARNING_RATE = 0.1
OPTIMIZER = optax.sgd(LEARNING_RATE, momentum=0.9)


class Toy(nn.Module):
    axis_name: str | None = None
    frozen_norm: bool = False

    @nn.compact
    def __call__(self, inputs, *, train):
        hidden = nn.Dense(6, name="trunk")(inputs)
        hidden = nn.BatchNorm(
            use_running_average=self.frozen_norm or not train,
            momentum=0.9,
            axis_name=self.axis_name,
            name="norm",
        )(hidden)
        return nn.Dense(1, name="head")(nn.tanh(hidden))[..., 0]


def toy_loss(params, state, batch, keys, *, module):
    """Squared error of noisy inputs; `factor` scales the loss of each example."""
    noise = jax.vmap(lambda key: jax.random.normal(key, (3,)))(keys)
    outputs, updated = module.apply(
        state.variables(params), batch["source"] + 0.1 * noise, train=True, mutable=["batch_stats"]
    )
    losses = batch["factor"] * (outputs - batch["target"]) ** 2
    mean = jax.lax.pmean(jax.lax.stop_gradient(losses.mean()), AXIS)
    loss_stats = {"mean": 0.9 * state.loss_stats["mean"] + 0.1 * mean}
    return losses, Aux({"raw": losses.mean()}, updated["batch_stats"], loss_stats)


def toy_batch(step: int, *, factor=1.0, batch_size: int = NUM_EXAMPLES):
    """The batch of a step, a function of the step alone."""
    generator = np.random.default_rng(step)
    return {
        "source": generator.normal(size=(batch_size, 3)).astype(np.float32),
        "target": generator.normal(size=batch_size).astype(np.float32),
        "factor": np.broadcast_to(np.float32(factor), (batch_size,)),
    }


@functools.cache
def toy_variables(module):
    return jax.jit(functools.partial(module.init, train=False))(
        jax.random.key(0), jnp.zeros((1, 3))
    )


@functools.cache
def toy_step(num_devices, module, loss):
    """Compiled once for all tests of a process."""
    loss_fn = functools.partial(loss, module=module)
    return make_train_step(loss_fn, OPTIMIZER, devices=jax.local_devices()[:num_devices])


def toy_state(module=None, *, frozen=()):
    variables = jax.tree.map(jnp.copy, toy_variables(module or Toy()))  # a step donates its state
    return init_state(
        variables, optimizer=OPTIMIZER, loss_stats={"mean": jnp.ones(())}, frozen=frozen
    )


class Runner:
    """Steps of the toy network on some of the devices."""

    def __init__(self, num_devices=1, *, module=None, loss=toy_loss, frozen=()):
        module = module or Toy()
        self.devices = jax.local_devices()[:num_devices]
        self.train_step = toy_step(num_devices, module, loss)
        self.state = replicate(toy_state(module, frozen=frozen), self.devices)
        self.first = jax.tree.map(np.array, self.state)

    def step(self, batch):
        """Takes a step; returns its metrics."""
        index = np.arange(len(batch["source"]), dtype=np.int32)
        batch = shard_batch({**batch, "example_index": index}, len(self.devices))
        self.state, metrics = self.train_step(self.state, batch, jax.random.key(7))
        return metrics


def assert_same_bits(one, other):
    """Trees of one structure whose leaves have the same dtypes and bytes."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for (path, a), b in zip(
        jax.tree_util.tree_leaves_with_path(one), jax.tree.leaves(other), strict=True
    ):
        a, b = np.asarray(a), np.asarray(b)
        name = jax.tree_util.keystr(path)
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), name
