"""From errors to one line and an exit status; faults of a command keep their traceback."""

import os
import signal
import subprocess
import sys

import jax.numpy as jnp
import pytest

from c3jax import soft_argmax
from c3jax.files.errors import DataError
from c3jax.tools import cli
from c3jax.tools.errors import UsageError, check_least
from c3jax.tools.measure.pck import by_alpha
from tests.c3jax.tools.test_command import REPOSITORY


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("main", "status", "said"),
    [
        (lambda: check_least("--every", 0, 1), 2, "error: --every must be at least 1, got 0"),
        (raising(DataError("no such folder")), 2, "error: no such folder"),
        (lambda: soft_argmax(jnp.zeros((2, 2, 1)), temperature=0.0), 2, "error: temperature must"),
        (raising(OSError(28, "No space left")), 2, "error: the disk cannot be written: No space"),
        (raising(FileNotFoundError(2, "No such file", "x.npz")), 2, "x.npz"),
        (raising(MemoryError()), 2, "error: the memory is full: lower --size (no more)"),
        (raising(RuntimeError("No space left on device\nmore")), 2, "error: the disk is full: No"),
        (raising(RuntimeError("RESOURCE_EXHAUSTED: 5 GB\nmore")), 2, "memory is full: lower --si"),
        (raising(KeyboardInterrupt()), 130, "interrupted"),
    ],
)
def test_errors_that_the_user_can_mend_are_one_line(main, status, said, capsys):
    with pytest.raises(SystemExit) as end:
        cli.guarded(main, smaller="--size")
    told = capsys.readouterr().err.strip()
    assert end.value.code == status and said in told and "\n" not in told


@pytest.mark.parametrize("main", [lambda: by_alpha([1.0]), raising(KeyError("a"))])
def test_faults_of_a_command_keep_their_traceback(main):
    with pytest.raises((ValueError, KeyError)) as fault:
        cli.guarded(main)
    assert not isinstance(fault.value, UsageError)


def test_a_home_is_found_behind_an_equals_sign(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(sys, "argv", ["c", "--out=~/a", "~/b", "--name", "c~", "--x=1~/d"])
    cli.guarded(lambda: None)
    assert sys.argv == ["c", "--out=/home/me/a", "/home/me/b", "--name", "c~", "--x=1~/d"]


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_a_command_lets_it_write_what_is_open(name):
    code = f"""
import signal
from c3jax.tools import cli
signal.signal(signal.{name}, signal.SIG_DFL)  # a terminal's, also under nohup
def main():
    try: signal.raise_signal(signal.{name})
    finally: print("written")
cli.guarded(main)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 128 + getattr(signal, name)
    assert (done.stdout, done.stderr) == ("written\n", "")


@pytest.mark.parametrize("asked", ["cuda", "nonsense"])
def test_a_device_that_jax_cannot_find_is_named(asked):
    code = "import jax; from c3jax.tools import cli; cli.guarded(lambda: jax.random.key(0))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=os.environ | {"JAX_PLATFORMS": asked},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert f"error: JAX finds no device for JAX_PLATFORMS={asked}: " in done.stderr
    assert "Traceback" not in done.stderr
