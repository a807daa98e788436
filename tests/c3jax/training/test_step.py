"""The pmapped step: what the number of devices may change, and what a bad update leaves alone."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from c3jax.training.state import init_state
from c3jax.training.step import AXIS, Aux, make_train_step, replicate, shard_batch
from tests.c3jax.training.toy import (
    LEARNING_RATE,
    NUM_EXAMPLES,
    Runner,
    Toy,
    assert_same_bits,
    toy_batch,
    toy_step,
)
from tests.tolerances import REORDERED

# A step on four devices adds in another order than on one.
AFTER_20_STEPS = {"rtol": 1e-3, "atol": 1e-3}
INDEPENDENT_OF_DEVICES = [Toy(axis_name=AXIS), Toy(frozen_norm=True)]


def assert_close(one, other, tolerance):
    jax.tree.map(functools.partial(assert_allclose, **tolerance), one, other)


def moved(runner):
    """How far the parameters went; after one step, the gradient times the learning rate."""
    return jax.tree.map(np.subtract, runner.first.params, runner.state.params)


@pytest.mark.parametrize("module", INDEPENDENT_OF_DEVICES, ids=["synchronised", "frozen"])
def test_one_and_four_devices_agree(module):
    one, four = Runner(1, module=module), Runner(4, module=module)
    for step in range(20):
        metrics = [runner.step(toy_batch(step)) for runner in (one, four)]
        if step == 0:
            assert_close(*metrics, REORDERED)
            assert_close(moved(one), moved(four), REORDERED)
            assert optax.tree.norm(moved(one)) > 0.1 * LEARNING_RATE
            assert_close(one.state.batch_stats, four.state.batch_stats, REORDERED)
            assert_close(one.state.loss_stats, four.state.loss_stats, REORDERED)
    assert_close(*metrics, AFTER_20_STEPS)
    assert_close(one.state, four.state, AFTER_20_STEPS)
    assert optax.tree.norm(moved(one)) > 0.1


def test_batch_statistics_are_per_device_unless_synchronised():
    one, four = Runner(1), Runner(4)
    losses = [float(runner.step(toy_batch(0))["loss"]) for runner in (one, four)]
    assert abs(losses[0] - losses[1]) > 1e-3


def test_every_device_holds_the_same_state_and_metrics():
    # Statistics differ per device here, so a forgotten mean over devices would show.
    runner = Runner(4)
    for step in range(3):
        metrics = runner.step(toy_batch(step))
    for path, leaf in jax.tree_util.tree_leaves_with_path((runner.state, metrics)):
        first, *others = [np.asarray(shard.data) for shard in leaf.addressable_shards]
        assert len(others) == 3
        for other in others:
            assert first.tobytes() == other.tobytes(), jax.tree_util.keystr(path)


def own_numbers_loss(params, state, batch, keys):
    """Parameter `i` gets a random number of example `i` as its gradient."""
    numbers = jax.vmap(lambda key: jax.random.uniform(key, minval=1.0))(keys)
    losses = numbers * params["each"][batch["example_index"]]
    return losses, Aux({}, state.batch_stats, state.loss_stats)


@pytest.mark.parametrize("num_devices", [1, 2, 4])
def test_random_numbers_belong_to_step_and_example_whatever_the_devices(num_devices):
    devices, optimizer = jax.local_devices()[:num_devices], optax.sgd(float(NUM_EXAMPLES))
    train_step = make_train_step(own_numbers_loss, optimizer, devices=devices)
    variables = {"params": {"each": jnp.zeros(NUM_EXAMPLES)}}
    state = replicate(init_state(variables, optimizer=optimizer, loss_stats={}), devices)
    batch = shard_batch({"example_index": np.arange(NUM_EXAMPLES)}, num_devices)
    key, expected = jax.random.key(3), np.zeros(NUM_EXAMPLES)
    for step in range(2):
        state, _ = train_step(state, batch, key)
        step_key = jax.random.fold_in(key, step)
        expected -= [
            jax.random.uniform(jax.random.fold_in(step_key, i), minval=1.0)
            for i in range(NUM_EXAMPLES)
        ]
        assert_allclose(state.params["each"], expected, rtol=1e-6)


def test_the_step_donates_its_state():
    runner = Runner(4)
    runner.step(toy_batch(0))
    old = runner.state  # not the first, which the runner has read: JAX 0.11 keeps such arrays
    runner.step(toy_batch(1))
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(old))


def test_only_the_first_step_compiles():
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event) if "backend_compile" in event else None
    )
    toy_step.cache_clear()
    runner = Runner(4)
    runner.step(toy_batch(0))
    assert compiled
    compiled.clear()
    runner.step(toy_batch(1))
    assert not compiled


def poisoned(value):
    """A batch where one example alone, on one device, has such a loss."""
    factor = np.ones(NUM_EXAMPLES, np.float32)
    factor[5] = value
    return toy_batch(1, factor=factor)


def learned(state):
    """What a left-out update may not touch."""
    return state.params, state.opt_state, state.batch_stats, state.loss_stats


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("num_devices", [1, 4])
def test_an_update_with_a_loss_that_is_not_finite_is_left_out_and_counted(value, num_devices):
    runner = Runner(num_devices)
    runner.step(toy_batch(0))
    before = jax.tree.map(np.array, runner.state)
    metrics = [runner.step(poisoned(value)) for _ in range(2)]
    assert_same_bits(learned(before), learned(runner.state))
    assert [int(m["skipped_in_a_row"]) for m in metrics] == [1, 2]
    counts = (runner.state.step, runner.state.skipped, runner.state.skipped_in_a_row)
    assert [int(count) for count in counts] == [3, 2, 2]
    runner.step(toy_batch(3))
    assert (int(runner.state.skipped), int(runner.state.skipped_in_a_row)) == (2, 0)
    norm = optax.tree.norm(
        jax.tree.map(lambda a, b: np.asarray(a) - b, runner.state.params, before.params)
    )
    assert 0 < norm < np.inf


def kinked_loss(params, state, batch, keys, *, module):
    """Finite, but its gradient is that of the square root at zero."""
    losses = jnp.sqrt(params["head"]["bias"][0] * batch["factor"])
    return losses, Aux({}, state.batch_stats, state.loss_stats)


def test_an_update_with_a_gradient_that_is_not_finite_is_left_out():
    runner = Runner(1, loss=kinked_loss)
    metrics = runner.step(toy_batch(0))
    assert float(metrics["loss"]) == 0 and not np.isfinite(metrics["gradient_norm"])
    assert_same_bits(learned(runner.first), learned(runner.state))
    assert int(runner.state.skipped) == 1


def steep_loss(params, state, batch, keys, *, module):
    """Finite like its gradient, but a step at a rate of 1e30 is not."""
    losses = 1e10 * params["head"]["bias"][0] * batch["factor"]
    return losses, Aux({}, state.batch_stats, state.loss_stats)


def test_new_parameters_that_are_not_finite_are_left_out():
    runner = Runner(1)
    loss = functools.partial(steep_loss, module=None)
    optimizer = optax.sgd(1e30, momentum=0.9)
    runner.train_step = make_train_step(loss, optimizer, devices=runner.devices)
    metrics = runner.step(toy_batch(0))
    assert np.isfinite(metrics["loss"]) and np.isfinite(metrics["gradient_norm"])
    assert_same_bits(learned(runner.first), learned(runner.state))
    assert int(runner.state.skipped) == 1


def test_frozen_groups_keep_their_bits_and_have_no_moments():
    runner = Runner(4, frozen=("trunk",))
    for step in range(3):
        runner.step(toy_batch(step))
    assert_same_bits(runner.first.frozen, runner.state.frozen)
    moments = jax.tree_util.tree_leaves_with_path(runner.state.opt_state)
    paths = [jax.tree_util.keystr(path) for path, _ in moments]
    assert any("head" in path for path in paths) and not any("trunk" in path for path in paths)


def test_devices_take_consecutive_examples():
    sharded = shard_batch({"x": np.arange(12).reshape(6, 2)}, 3)
    assert_array_equal(sharded["x"][1], [[4, 5], [6, 7]])


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"batch of 6 \('source'\) does not divide over 4 devices"):
        shard_batch({"source": np.zeros((6, 2))}, 4)
