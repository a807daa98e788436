"""From errors to one line and an exit status; faults of a command keep their traceback."""

import jax.numpy as jnp
import pytest

from c3jax import soft_argmax
from c3jax.files.errors import DataError
from c3jax.tools import cli
from c3jax.tools.errors import UsageError, check_least
from c3jax.tools.measure.pck import by_alpha


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
