"""What ends a command with one line in place of a traceback."""

import signal


class UsageError(ValueError):
    """Wrong options, data or files; the message names them, what was got and how to fix it.

    The user's to mend: exit status 2.
    """


def check_least(option: str, value: float | None, least: float) -> None:
    """Raises UsageError for an option that is given and too small."""
    if value is not None and value < least:
        raise UsageError(f"{option} must be at least {least}, got {value}")


def stop_signals() -> list[signal.Signals]:
    """SIGTERM, SIGINT and, unless it is ignored (nohup) or unknown, a closed terminal's SIGHUP."""
    hangup = [each for each in signal.Signals if each.name == "SIGHUP"]
    heard = [each for each in hangup if signal.getsignal(each) != signal.SIG_IGN]
    return [signal.SIGTERM, signal.SIGINT, *heard]


class Interrupted(Exception):
    """Stopped by a signal after the state was saved; `status` is the exit status.

    Several processes, of which one was told, end with 0.
    """

    def __init__(self, signal_number: int, step: int, *, several: bool = False):
        name = signal.Signals(signal_number).name
        super().__init__(f"{name}: saved at step {step:,}; the same command goes on from there")
        self.status = 0 if several else 128 + signal_number
