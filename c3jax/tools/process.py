"""Standard streams of a command, and the signals that stop it."""

import _thread
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn


def fill_standard_streams() -> None:
    """Closed standard streams, as of some schedulers, lead nowhere: no file takes their numbers."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")


def stop_signals() -> list[signal.Signals]:
    """SIGTERM, SIGINT and, unless it is ignored (nohup) or unknown, a closed terminal's SIGHUP."""
    hangup = [each for each in signal.Signals if each.name == "SIGHUP"]
    heard = [each for each in hangup if signal.getsignal(each) != signal.SIG_IGN]
    return [signal.SIGTERM, signal.SIGINT, *heard]


def end_orderly() -> None:
    """From here on signals that stop the process raise SystemExit, so that files are written."""
    if threading.current_thread() is threading.main_thread():  # others may handle no signals
        for number in stop_signals():
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end)
        before = sys.unraisablehook
        if getattr(before, "func", None) is not _end_after_all:
            sys.unraisablehook = functools.partial(_end_after_all, before)


def _end(number, frame) -> NoReturn:
    raise SystemExit(128 + number)


def _end_after_all(before: Callable, lost: Any) -> None:
    """Signals again where the exception of a signal was ignored, as in callbacks of gc."""
    code = getattr(lost.exc_value, "code", None) if lost.exc_type is SystemExit else None
    if lost.exc_type is KeyboardInterrupt:
        code = 128 + signal.SIGINT
    if isinstance(code, int) and code > 128:
        threading.Timer(0.1, _signal_main_thread, (code - 128,)).start()
    else:
        before(lost)


def _signal_main_thread(number: int) -> None:
    if sys.platform == "win32":
        _thread.interrupt_main(number)
    else:  # this ends a sleep, too
        signal.pthread_kill(threading.main_thread().ident or 0, number)
