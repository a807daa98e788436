"""One run in several processes: who they are, that they agree, and how they end."""

import json
import os
import signal
import time

import jax
import numpy as np
import pytest

from c3jax.tools.errors import UsageError
from c3jax.training.checkpoints import Checkpoints
from experiments.engine import cli, processes
from experiments.engine.processes import Processes, find
from tests.c3jax.training.toy import assert_same_bits, toy_state
from tests.experiments import toy_run
from tests.tolerances import REORDERED

FLAGS = {"address": "host:1234", "count": "4", "index": "1"}
SLURM = {
    "SLURM_JOB_ID": "77",
    "SLURM_STEP_NODELIST": "node[3-4]",
    "SLURM_NTASKS": "8",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
}
KUBERNETES = {
    "JAX_COORDINATOR_ADDRESS": "train-worker-0-0.train:1234",
    "JAX_NUM_PROCESSES": "2",
    "JOB_COMPLETION_INDEX": "1",
}
STEPS, HEARTBEAT_S = 8, 10
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        ({}, {}, Processes()),
        (FLAGS, {}, Processes(4, 1, "host:1234", 30)),
        (FLAGS | {"heartbeat": "7"}, SLURM, Processes(4, 1, "host:1234", 7)),
        ({}, SLURM, Processes(8, 5, None, 30)),
        ({}, SLURM | {"SLURM_NTASKS": "1"}, Processes()),
        ({"count": "1"}, SLURM, Processes()),
        ({"heartbeat": "9"}, KUBERNETES, Processes(2, 1, "train-worker-0-0.train:1234", 9)),
        ({}, {"JOB_COMPLETION_INDEX": "1"}, Processes()),
        ({}, {"SLURM_JOB_ID": "77", "SLURM_NTASKS": "8"}, Processes()),  # a script, no step
    ],
)
def test_flags_go_before_the_cluster_and_the_cluster_before_one(options, environment, expected):
    assert find(options, environment) == expected


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        ({"count": "2"}, {}, "give --processes.address and --processes.index beside"),
        (FLAGS | {"address": "host"}, {}, "--processes.address must be HOST:PORT .*'host'"),
        (FLAGS | {"index": "4"}, {}, "--processes.index must be below --processes.count = 4"),
        (FLAGS | {"count": "none"}, {}, "--processes.count must be a whole number.*'none'"),
        ({"heartbeat": "0"}, {}, "--processes.heartbeat must be a whole number, 1 or more"),
        ({}, KUBERNETES | {"JOB_COMPLETION_INDEX": "2"}, "JOB_COMPLETION_INDEX must be below"),
    ],
)
def test_what_cannot_be_is_refused(options, environment, message):
    with pytest.raises(UsageError, match=message):
        find(options, environment)


def test_an_option_of_the_command_line_is_read_and_taken_out(monkeypatch):
    joined = []
    monkeypatch.setattr(processes, "join", joined.append)
    arguments = ["--processes.address=h:1", "--processes.count", "2", "--processes.index", "0"]
    _, config, _ = cli.parse(
        lambda data_name: {"toy": toy_run.Config()}, [*arguments, "--steps", "9"], prog="toy"
    )
    assert joined == [Processes(2, 0, "h:1", 30)] and config.steps == 9


def test_one_process_alone_does_everything_at_once():
    assert not processes.several() and processes.is_first() and processes.shard() == {}
    assert processes.agree(7) == 7
    vote = processes.make_vote()
    assert [vote(wish) for wish in (0, 15, 0)] == [0, 15, 0]
    with processes.first_alone("nothing"):
        pass


def test_slurms_node_list_gives_the_address(monkeypatch):
    """JAX reads SLURM's variables; that it takes the first node is what `find` relies on."""
    asked = {}
    monkeypatch.setattr(jax.distributed, "initialize", lambda *a, **k: asked.update(k, place=a))
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    processes.join(find({}, SLURM))
    assert asked["place"] == (None, 8, 5) and asked["cluster_detection_method"] == "slurm"


def state_of(folder, step=None):
    with Checkpoints(folder / "checkpoints", read_only=True) as checkpoints:
        return checkpoints.restore(toy_state(toy_run.TOY), step)


def rows(folder):
    path = folder / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def begin(folder, layout, *, steps=STEPS, **options):
    """The toy network on (processes, devices of each)."""
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return toy_run.start(*layout, f"--folder={folder}", f"--steps={steps}", *given)


def test_two_processes_take_a_step_together(tmp_path):
    said = toy_run.finish(begin(tmp_path, (2, 1), steps=1))
    assert "ended at step 1 on 2 devices" in said and len(rows(tmp_path)) == 1
    toy_run.train(toy_run.Config(tmp_path / "alone", 1))  # on the four devices of the tests
    assert_close(state_of(tmp_path), state_of(tmp_path / "alone"))
    assert [row["step"] for row in rows(tmp_path)] == [1]


def assert_close(one, other):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **REORDERED), one, other)


@slow
@pytest.mark.parametrize("chain", [((1, 4), (2, 2), (2, 1)), ((2, 1), (2, 2), (1, 4))])
def test_a_checkpoint_of_one_layout_goes_on_in_another(tmp_path, chain):
    for number, layout in enumerate((*chain, chain[0])):
        said = toy_run.finish(begin(tmp_path / "moved", layout, steps=2 + 2 * number))
        assert number == 0 or f"resumed at step {2 * number} of {2 + 2 * number}" in said
    toy_run.train(toy_run.Config(tmp_path / "whole", STEPS))
    assert_close(state_of(tmp_path / "moved"), state_of(tmp_path / "whole"))
    for moved, whole in zip(rows(tmp_path / "moved"), rows(tmp_path / "whole"), strict=True):
        for name in ("loss", "gradient_norm"):
            np.testing.assert_allclose(moved[name], whole[name], rtol=1e-5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder of a run of two processes that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    toy_run.finish(begin(folder, (2, 1), steps=20))
    return folder


def wait_for_rows(run, folder, count):
    deadline = time.monotonic() + 300
    while len(rows(folder)) < count:
        assert all(process.poll() is None for process in run), [p.communicate() for p in run]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@slow
@pytest.mark.parametrize("told", [0, 1])
def test_a_signal_to_one_process_saves_the_same_step_in_all(tmp_path, whole, told):
    run = begin(tmp_path, (2, 1), steps=20, pause=0.3)
    wait_for_rows(run, tmp_path, 3)
    started = time.monotonic()
    run[told].send_signal(signal.SIGTERM)
    heard = [process.communicate() for process in run]
    assert time.monotonic() - started < 30
    assert [process.returncode for process in run] == [0, 0]
    (saved,) = [int(path.name) for path in (tmp_path / "checkpoints").iterdir()]
    assert 3 <= saved < 20
    assert f"SIGTERM: saved at step {saved}; the same command goes on" in heard[0][1]
    assert "saved" not in heard[1][1]
    assert f"resumed at step {saved} of 20" in toy_run.finish(begin(tmp_path, (2, 1), steps=20))
    assert_same_bits(state_of(tmp_path), state_of(whole))
    assert rows(tmp_path) == rows(whole)


@slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_other_and_both_start_again(tmp_path, whole, killed):
    arguments = f"--folder={tmp_path} --steps=20 --pause=0.3 --checkpoint-every=2".split()
    run = toy_run.start(2, 1, *arguments, heartbeat=HEARTBEAT_S)
    wait_for_rows(run, tmp_path, 5)
    run[killed].kill()
    started = time.monotonic()
    for process in run:
        process.communicate()
    assert time.monotonic() - started < HEARTBEAT_S + 10
    assert run[killed].returncode == -signal.SIGKILL and run[1 - killed].returncode != 0
    assert "resumed at step" in toy_run.finish(begin(tmp_path, (2, 1), steps=20))
    assert_same_bits(state_of(tmp_path), state_of(whole))
    assert rows(tmp_path) == rows(whole)


@slow
def test_processes_that_start_from_other_weights_are_refused(tmp_path):
    run = toy_run.start(2, 1, f"--folder={tmp_path}", "--differ")
    heard = [process.communicate()[1] for process in run]
    assert "error: process 1 has another first state than process 0" in heard[1]
    assert run[1].returncode == 2 and run[0].returncode != 0


@slow
def test_a_refused_option_ends_all_processes(tmp_path):
    for process in begin(tmp_path, (2, 1), stepz=3):
        assert "stepz" in process.communicate()[1] and process.returncode == 2


@pytest.fixture(scope="module")
def c3_runs(tmp_path_factory):
    """What the C3 step gives on (processes, devices of each): losses, gradients, parameters."""
    folder, found = tmp_path_factory.mktemp("c3"), {}
    for layout in ((1, 4), (2, 2), (2, 1)):
        out = folder / f"{layout}.npz"
        toy_run.finish(toy_run.start(*layout, f"--out={out}", program="tests.experiments.c3_run"))
        found[layout] = dict(np.load(out))
    return found


@slow
@pytest.mark.parametrize("layout", [(2, 2), (2, 1)])
def test_the_c3_step_is_the_same_in_several_processes(c3_runs, layout):
    one, several = c3_runs[1, 4], c3_runs[layout]
    assert one.keys() == several.keys() and len(one) > 10
    for name, values in one.items():
        close = REORDERED if name.startswith("first") else {"rtol": 1e-3, "atol": 1e-3}
        np.testing.assert_allclose(several[name], values, **close, err_msg=name)
    assert several["last/loss"] < several["first/loss"]
