"""What people run: `python -m experiments.NAME`."""

import os
import signal
import sys
import threading
from typing import NoReturn


def _leave(number, frame) -> None:
    """Ends a command that has only begun to import: some imports swallow KeyboardInterrupt."""
    os.write(2, b"\ninterrupted\n")
    os._exit(128 + number)


def _end(number, frame) -> NoReturn:
    raise SystemExit(128 + number)


def _fill_standard_streams() -> None:
    """Closed standard streams, as of some schedulers, lead nowhere: no file takes their numbers."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")


def begin() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt, and other signals that stop SystemExit."""
    from experiments.engine.errors import stop_signals

    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if threading.current_thread() is threading.main_thread():  # others may handle no signals
        for number in stop_signals():
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end)


_fill_standard_streams()
# Python's name for a module that it is about to run.
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _leave)
