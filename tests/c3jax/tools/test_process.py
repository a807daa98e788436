"""Signals that stop a command, whatever they meet."""

import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from c3jax.tools import process

IN_A_CALLBACK = """
import gc, signal, sys, time
from c3jax.tools import process

def meet(phase, info):
    if phase == "start" and not met:
        met.append(phase)
        signal.raise_signal({number})
        time.sleep(0.01)  # its handler raises here, in a callback, where exceptions are ignored

process.end_orderly()
met = []
gc.callbacks.append(meet)
try:
    gc.collect()
    time.sleep(20)
finally:
    print("files are closed")
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_in_a_callback_of_the_collector_is_not_lost(name):
    number = int(getattr(signal, name))
    code = IN_A_CALLBACK.format(number=number)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=15)
    assert done.returncode in (128 + number, -number)  # Python ends itself by an interrupt
    assert done.stdout == "files are closed\n" and "ignored" not in done.stderr


@pytest.mark.parametrize("error", [SystemExit("a message"), SystemExit(2), ValueError("x")])
def test_other_exceptions_that_are_ignored_are_told_as_before(error):
    lost, told = SimpleNamespace(exc_type=type(error), exc_value=error), []
    process._end_after_all(told.append, lost)
    assert told == [lost]
