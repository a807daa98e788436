"""What a run that a signal stops ends with."""

import shlex
import signal
from pathlib import Path


class Interrupted(Exception):
    """Stopped by a signal after the state was saved; `status` is the exit status.

    `folder` is that of the run. Several processes, of which one was told, end with 0.
    """

    def __init__(self, signal_number: int, step: int, folder: Path, *, several: bool = False):
        name = signal.Signals(signal_number).name
        super().__init__(
            f"{name}: saved at step {step:,}; the same command goes on from there, and "
            f"python -m experiments.report {shlex.quote(str(folder))} shows what was reached"
        )
        self.status = 0 if several else 128 + signal_number
