"""A run that is interrupted in every way ends with the bits of one that is not."""

import json
import random
import resource
import signal
import time
from pathlib import Path

import pytest

from c3jax.training.checkpoints import Checkpoints
from tests.experiments.conftest import SIZE, TINY

STEPS = 20  # of each stage
STAGES = f"--warmup.steps 0 --pretrain.steps {STEPS} --joint.steps {STEPS}"
SCHEDULE = f"{STAGES} --checkpoint-every 2".split()
C3 = f"--preset laptop_small --data.name folder --data.image-size {SIZE} --log-every 1".split()
PATIENCE_S = 300


def rows(folder: Path) -> int:
    metrics = folder / "metrics.jsonl"
    return metrics.read_bytes().count(b"\n") if metrics.exists() else 0


def wait_for(process, condition):
    """Returns when `condition()` holds; the process must live until then."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def kill(process):
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def kill_while_it_writes(process, checkpoints: Path):
    """Kills the process when it has begun a checkpoint and not ended it."""

    def half_written():
        return any(checkpoints.glob("*orbax-checkpoint-tmp*"))

    while True:
        wait_for(process, half_written)
        process.send_signal(signal.SIGSTOP)
        if half_written():
            break
        process.send_signal(signal.SIGCONT)
    kill(process)
    assert half_written()


def fill_the_disk(process) -> str:
    """From now on files may be as long as the metrics, not as a checkpoint: what is said?"""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2**18, resource.RLIM_INFINITY))
    _, told = process.communicate()
    assert process.returncode == 2
    return told


def last_step(folder: Path) -> int:
    """Of the newest whole checkpoint."""
    return max((int(p.name) for p in folder.glob("checkpoints/*") if p.name.isdigit()), default=0)


def last_arrays(folder: Path):
    """Dtype, shape and digest of every array in the newest checkpoint, by name."""
    with Checkpoints(folder / "checkpoints", read_only=True) as checkpoints:
        return checkpoints.meta()["leaves"]


def results(folder: Path):
    found = json.loads((folder / "results.json").read_text())
    found.pop("seconds")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("network", [TINY, C3], ids=["imm", "c3"])
def test_an_interrupted_run_ends_with_the_bits_of_an_uninterrupted_one(
    start, pictures, tmp_path, network
):
    def begin(name):
        return start(
            *network, *SCHEDULE, "--data.path", pictures, "--runs", tmp_path, "--name", name
        )

    whole, broken = tmp_path / "c3_faces/whole", tmp_path / "c3_faces/broken"
    process = begin("whole")
    _, told = process.communicate()
    assert process.returncode == 0, told

    process, enough = begin("broken"), random.randint(3, 6)
    wait_for(process, lambda: rows(broken) >= enough)
    kill(process)

    kill_while_it_writes(begin("broken"), broken / "checkpoints")

    process, before = begin("broken"), last_step(broken)
    wait_for(process, lambda: last_step(broken) > before)
    told, step = fill_the_disk(process), last_step(broken)
    unwritten = broken / f"checkpoints/{step + 2}"
    assert told.startswith(f"error: the checkpoint {unwritten} cannot be written")
    assert "File too large" in told and told.count("\n") == 1

    process = begin("broken")
    wait_for(process, lambda: last_step(broken) > step)
    process.terminate()
    _, told = process.communicate()
    step = last_step(broken)
    assert told.startswith(f"\nSIGTERM: saved at step {step}; the same command goes on from there")
    assert told.endswith(f"python -m experiments.report {broken} shows what was reached\n")
    assert process.returncode == 143

    process = begin("broken")
    out, told = process.communicate()
    assert process.returncode == 0, told
    assert f"resumed at step {step} of {2 * STEPS}" in out
    assert not list(broken.glob("checkpoints/*tmp*"))
    assert (broken / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    assert last_step(broken) == last_step(whole) == 2 * STEPS
    assert last_arrays(broken) == last_arrays(whole)
    assert results(broken) == results(whole)
