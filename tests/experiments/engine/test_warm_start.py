"""How soon the first training step comes: at the first start of a command, and at the second."""

import os
import subprocess
import sys
import time

import pytest

from tests.experiments.conftest import REPOSITORY

COMMAND = (
    "-m experiments.c3_faces --preset laptop_small --data.name rendered_faces "
    "--data.train-examples 64 --data.fit-examples 8 --data.test-examples 8 --log-every 1"
).split()


def seconds_to_the_first_step(folder, name: str) -> float:
    """From the start of the process to the row of step 1."""
    arguments = ["--data.cache", folder / "data", "--runs", folder, "--name", name]
    rows, started = folder / f"c3_faces/{name}/metrics.jsonl", time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *COMMAND, *map(str, arguments)],
        cwd=REPOSITORY,
        env=os.environ | {"JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"), "XLA_FLAGS": ""},
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None and not (rows.exists() and rows.stat().st_size):
        time.sleep(0.02)
    seconds = time.monotonic() - started
    assert process.poll() is None
    process.kill()
    process.wait()
    return seconds


@pytest.mark.slow
def test_the_second_start_takes_a_third_of_the_first(tmp_path):
    cold, *warm = (seconds_to_the_first_step(tmp_path, f"run{number}") for number in range(3))
    assert min(warm) <= cold / 3
