"""The training loop on a toy network: stages, resuming, signals, what is written and when."""

import dataclasses
import functools
import itertools
import json
import os
import signal

import jax
import numpy as np
import optax
import pytest

from c3jax.tools.errors import UsageError
from c3jax.training.checkpoints import CheckpointError, Checkpoints
from experiments.engine import loop
from experiments.engine.errors import Interrupted
from experiments.engine.stages import Stage
from tests.c3jax.training.toy import Toy, assert_same_bits, toy_batch, toy_loss, toy_state

FIRST, SECOND = 4, 5
DEVICES = jax.local_devices()[:1]
OPTIMIZER = optax.sgd(0.1, momentum=0.9)


def loss_fn(params, state, batch, keys):
    return toy_loss(params, state, batch, keys, module=Toy())


@pytest.fixture(scope="module", autouse=True)
def compile_once():
    """One compilation for both stages and all tests."""
    make_train_step, compiled = loop.make_train_step, {}

    def make(*args, devices):
        key = (*args, tuple(devices))
        if key not in compiled:
            compiled[key] = make_train_step(*args, devices=devices)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "make_train_step", make)
        yield


def batches(start_step, *, offset=0, factor=lambda step: 1.0):
    for step in itertools.count(start_step):
        yield toy_batch(offset + step, factor=factor(offset + step))


def make_stages(factor=lambda step: 1.0):
    """Two stages; `factor(step)` scales the loss of a step, counted from 0 over both."""
    return [
        Stage(
            name,
            steps,
            loss_fn,
            OPTIMIZER,
            lambda start, offset=offset: batches(start, offset=offset, factor=factor),
        )
        for name, steps, offset in (("pretrain", FIRST, 0), ("joint", SECOND, FIRST))
    ]


def train(folder, stages=None, **options):
    folder.mkdir(exist_ok=True)
    defaults = {
        "seed": 3,
        "log_every": 1,
        "checkpoint_every": 100,
        "check_every": 100,
        "check": lambda state: [],
        "devices": DEVICES,
    }
    return loop.train(
        stages or make_stages(), toy_state(Toy()), folder=folder, **{**defaults, **options}
    )


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


class Killed(BaseException):
    """Ends the loop as a kill would: nothing that catches errors runs."""


def killed_after(step):
    def factor(now):
        if now == step:
            raise Killed
        return 1.0

    return factor


def restored(folder, step):
    with Checkpoints(folder / "checkpoints", read_only=True) as checkpoints:
        return checkpoints.restore(toy_state(Toy()), step)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder, state and rows of a run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    state, _ = train(folder)
    return folder, jax.tree.map(np.array, state), rows(folder)


def test_every_step_is_taken_and_written(whole):
    folder, state, written = whole
    assert int(state.step) == FIRST + SECOND
    assert [row["step"] for row in written] == list(range(1, FIRST + SECOND + 1))
    assert [row["stage"] for row in written] == ["pretrain"] * FIRST + ["joint"] * SECOND
    assert {"loss", "raw", "gradient_norm", "skipped_in_a_row"} < set(written[0])
    assert_same_bits(restored(folder, FIRST + SECOND), state)


@pytest.mark.parametrize("kills", [(4,), (2, 3, 8)])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path, whole, kills):
    for step in kills:
        with pytest.raises(Killed):
            train(tmp_path, make_stages(killed_after(step)), checkpoint_every=2)
    state, _ = train(tmp_path)
    assert_same_bits(whole[1], jax.tree.map(np.array, state))
    assert rows(tmp_path) == whole[2]


def test_each_stage_starts_with_a_fresh_optimiser(tmp_path):
    with pytest.raises(Killed):
        train(tmp_path, make_stages(killed_after(FIRST + 1)), checkpoint_every=1)
    before, after = restored(tmp_path, FIRST), restored(tmp_path, FIRST + 1)
    moved = jax.tree.map(np.subtract, before.params, after.params)
    # One step of momentum is the gradient alone; that of the stage before is not zero.
    momentum = jax.tree.map(lambda trace: 0.1 * trace, after.opt_state[0].trace)
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-6), momentum, moved)
    assert optax.tree.norm(before.opt_state[0].trace) > 0.1


def keeping(factor=lambda step: 1.0):
    """Two stages; the second goes on with the moments of the first."""
    first, second = make_stages(factor)
    return [first, dataclasses.replace(second, begin=lambda state: state)]


def test_a_stage_may_go_on_with_the_state_of_the_one_before_and_is_resumed_so(tmp_path):
    one = dataclasses.replace(make_stages()[0], steps=FIRST + SECOND)
    at_once, _ = train(tmp_path / "one", [one])
    at_once = jax.tree.map(np.array, at_once)
    for kill in (FIRST, FIRST + 1):
        with pytest.raises(Killed):
            train(tmp_path / str(kill), keeping(killed_after(kill)))
        kept, _ = train(tmp_path / str(kill), keeping())
        assert_same_bits(jax.tree.map(np.array, kept), at_once)


def test_the_end_of_a_stage_is_looked_at_before_it_is_saved(tmp_path):
    seen = []

    def look(stage, state):
        seen.append((stage.name, int(state.step)))
        if len(seen) == 1:
            raise Killed

    with pytest.raises(Killed):
        train(tmp_path, ended=look)
    train(tmp_path, ended=look)
    assert seen == [("pretrain", FIRST), ("pretrain", FIRST), ("joint", FIRST + SECOND)]


def test_a_finished_run_is_not_trained_again(tmp_path, whole):
    train(tmp_path)
    before = (tmp_path / "metrics.jsonl").read_bytes()

    def no_batches(start_step):
        raise AssertionError("trained again")

    stages = [dataclasses.replace(stage, batches=no_batches) for stage in make_stages()]
    state, seconds = train(tmp_path, stages)
    assert_same_bits(whole[1], jax.tree.map(np.array, state))
    assert (tmp_path / "metrics.jsonl").read_bytes() == before


def test_seconds_add_up_over_resumptions(tmp_path):
    with pytest.raises(Killed):
        train(tmp_path, make_stages(killed_after(5)))
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        before = checkpoints.meta()["seconds"]
    _, seconds = train(tmp_path)
    assert 0 < before < seconds


def test_rows_that_the_checkpoint_does_not_know_are_dropped_and_a_torn_line_too(tmp_path, whole):
    with pytest.raises(Killed):
        train(tmp_path, make_stages(killed_after(4)))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "stage": "joint", "loss": 1e9}\n{"step": 6, "sta')
    train(tmp_path)
    assert rows(tmp_path) == whole[2]


@pytest.mark.parametrize(
    "number, status", [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_saves_at_once_and_the_run_goes_on_bit_for_bit(
    tmp_path, whole, number, status, request
):
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where tests run under nohup
    request.addfinalizer(lambda: signal.signal(signal.SIGHUP, before))

    def factor(step):
        if step == 2:  # no step at which a checkpoint is due
            os.kill(os.getpid(), number)
        return 1.0

    with pytest.raises(Interrupted, match=f"{number.name}: saved at step 3") as stop:
        train(tmp_path, make_stages(factor))
    assert stop.value.status == status
    assert (tmp_path / "checkpoints/3").is_dir()
    state, _ = train(tmp_path)
    assert_same_bits(whole[1], jax.tree.map(np.array, state))
    assert rows(tmp_path) == whole[2]


def test_a_closed_terminal_is_ignored_under_nohup(tmp_path, whole):
    def factor(step):
        if step == 2:
            os.kill(os.getpid(), signal.SIGHUP)
        return 1.0

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        state, _ = train(tmp_path, make_stages(factor))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert_same_bits(whole[1], jax.tree.map(np.array, state))


def test_a_second_signal_does_not_wait_and_handlers_are_put_back(tmp_path):
    def factor(step):
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        return 1.0

    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, make_stages(factor))
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_five_losses_that_are_not_finite_end_the_run_and_no_checkpoint_has_them(tmp_path, whole):
    stages = make_stages(lambda step: np.nan if step >= 3 else 1.0)
    message = "not finite in 5 steps in a row, up to step 8; lower --joint.learning-rate"
    with pytest.raises(UsageError, match=message):
        train(tmp_path, stages, checkpoint_every=1)
    with Checkpoints(tmp_path / "checkpoints", read_only=True) as checkpoints:
        latest = checkpoints.latest_step()
    assert latest == 7
    state = restored(tmp_path, latest)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
    assert (int(state.skipped), int(state.skipped_in_a_row)) == (4, 4)


def test_four_losses_that_are_not_finite_are_passed_over(tmp_path):
    stages = make_stages(lambda step: np.nan if 3 <= step < 7 else 1.0)
    state, _ = train(tmp_path, stages)
    assert (int(state.skipped), int(state.skipped_in_a_row)) == (4, 0)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    save = Checkpoints.save

    def full(self, step, state, meta):
        if step > 3:
            raise CheckpointError("no room")
        save(self, step, state, meta)

    with monkeypatch.context() as context:
        context.setattr(Checkpoints, "save", full)
        with pytest.raises(CheckpointError, match="no room"):
            train(tmp_path, checkpoint_every=2)
    assert int(restored(tmp_path, None).step) == 2


def test_the_newest_checkpoints_are_kept(tmp_path):
    for keep in (2, 4):
        train(tmp_path / str(keep), checkpoint_every=1, keep=keep)
        kept = (tmp_path / str(keep) / "checkpoints").iterdir()
        assert sorted(int(each.name) for each in kept) == [*range(FIRST + SECOND + 1)][-keep:]


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    with pytest.raises(Killed):
        train(tmp_path, make_stages(killed_after(3)), checkpoint_every=2)
    stages = [dataclasses.replace(stage, optimizer=optax.adam(0.1)) for stage in make_stages()]
    with pytest.raises(CheckpointError, match="another optimiser.*opt_state.* there, "):
        train(tmp_path, stages)
