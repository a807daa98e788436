"""The steps of C3 on one and on four devices."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from c3jax.models.c3 import C3
from c3jax.models.pyramid import RandomPyramid
from c3jax.models.resnet import ResNet
from c3jax.training.state import init_state
from c3jax.training.step import AXIS, local, make_train_step, replicate, shard_batch
from data_pipelines.sampling import shard
from experiments.c3_faces.presets import LAPTOP_SMALL
from experiments.c3_faces.steps import unpaired_loss
from experiments.terms.cross_image import init_loss_stats
from experiments.terms.networks import Networks
from tests.tolerances import REORDERED

SIZE, NUM_PAIRS, STEPS, RATE = 16, 8, 20, 1e-3
# Without synthetic pairs: their warps are most of what is to be compiled, and random.
LOSS = dataclasses.replace(LAPTOP_SMALL.loss, synthetic=0.0, joint_flow=0.0)
CONFIG = dataclasses.replace(LAPTOP_SMALL, loss=LOSS)
AFTER_20_STEPS = {"rtol": 1e-3, "atol": 1e-3}


def make_networks():
    widths = (4, 4, 4, 4)
    trunk = ResNet("small", stages=("stem",), normalization="batch", widths=widths, axis_name=AXIS)
    model = C3(
        trunk=trunk,
        num_landmarks=3,
        landmark_stages=("stem",),
        flow_stages=("stem",),
        appearance_channels=4,
        pose_channels=4,
        decoder_channels=4,
        min_decoder_channels=4,
        image_shape=(SIZE, SIZE),
        stddev=0.3,
        init_stddev=None,
        flow_channels=(1,),
        flow_linear=True,
        axis_name=AXIS,
    )
    return Networks(model, RandomPyramid(widths=(4,)))


@functools.cache
def first_variables():
    return jax.jit(make_networks().model.init)(jax.random.key(0), jnp.zeros((1, SIZE, SIZE, 3)))


class Run:
    """Stage 2 on so many devices."""

    def __init__(self, num_devices):
        networks, variables = make_networks(), first_variables()
        images = np.random.default_rng(0).integers(0, 256, (2 * NUM_PAIRS, SIZE, SIZE, 3), np.uint8)
        optimizer = optax.sgd(RATE, momentum=0.9)
        loss_fn = functools.partial(unpaired_loss, networks=networks, config=CONFIG)
        self.devices = jax.devices()[:num_devices]
        self.step = make_train_step(loss_fn, optimizer, devices=self.devices)
        self.batch = {
            "source": images[:NUM_PAIRS],
            "target": images[NUM_PAIRS:],
            "example_index": np.arange(NUM_PAIRS, dtype=np.int32),
        }
        loss_stats = init_loss_stats(networks, SIZE, variables)
        state = init_state(variables, optimizer=optimizer, loss_stats=loss_stats)
        self.states, self.metrics = [state], []

    def run(self, steps):
        state = replicate(jax.tree.map(jnp.copy, self.states[0]), self.devices)
        # The part of this process, where there are several.
        part = {
            name: shard(v, jax.process_index(), jax.process_count())
            for name, v in self.batch.items()
        }
        batch = shard_batch(part, len(local(self.devices)))
        for _ in range(steps):
            state, metrics = self.step(state, batch, jax.random.key(1))
            self.states.append(jax.tree.map(np.array, state))
            self.metrics.append(jax.tree.map(np.array, metrics))
        self.last = state
        return self

    def first_gradient(self):
        """What the optimiser has got: after one step the momentum is the gradient."""
        return self.states[1].opt_state[0].trace


def assert_close(one, other, tolerance):
    jax.tree.map(functools.partial(np.testing.assert_allclose, **tolerance), one, other)


@pytest.fixture(scope="module")
def runs():
    return [Run(n).run(STEPS) for n in (1, 4)]


def test_the_first_loss_gradient_and_statistics_agree(runs):
    one, four = runs
    assert_close(one.metrics[0], four.metrics[0], REORDERED)
    gradients = [run.first_gradient() for run in runs]
    assert_close(*gradients, REORDERED)
    assert optax.tree.norm(gradients[0]) > 0.1
    for name in ("batch_stats", "loss_stats"):
        assert_close(getattr(one.states[1], name), getattr(four.states[1], name), REORDERED)


def test_20_steps_agree(runs):
    one, four = runs
    assert_close(one.metrics[-1], four.metrics[-1], AFTER_20_STEPS)
    assert_close(one.states[-1].params, four.states[-1].params, AFTER_20_STEPS)
    assert one.metrics[-1]["loss"] < one.metrics[0]["loss"]
    assert int(one.states[-1].skipped) == 0


def test_every_device_holds_the_same_state(runs):
    for path, leaf in jax.tree_util.tree_leaves_with_path(runs[1].last):
        first, *others = [np.asarray(shard.data).tobytes() for shard in leaf.addressable_shards]
        assert len(others) == 3 and set(others) == {first}, jax.tree_util.keystr(path)


def test_the_learned_trunk_moves(runs):
    first, last = runs[0].states[0], runs[0].states[-1]
    for before, after in ((first.params, last.params), (first.batch_stats, last.batch_stats)):
        moved = jax.tree.map(lambda a, b: bool((np.asarray(a) != b).any()), before, after)
        assert all(jax.tree.leaves(moved["trunk"]))
