"""What people run: `python -m experiments.NAME`."""

import os
import signal
import sys

from c3jax.tools import process


def _leave(number, frame) -> None:
    """Ends a command that has only begun to import: some imports swallow KeyboardInterrupt."""
    os.write(2, b"\ninterrupted\n")
    os._exit(128 + number)


def begin() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


process.fill_standard_streams()
# Python's name for a module that it is about to run.
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _leave)
