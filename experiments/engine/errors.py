"""What a run that a signal stops ends with."""

import signal


class Interrupted(Exception):
    """Stopped by a signal after the state was saved; `status` is the exit status.

    Several processes, of which one was told, end with 0.
    """

    def __init__(self, signal_number: int, step: int, *, several: bool = False):
        name = signal.Signals(signal_number).name
        super().__init__(f"{name}: saved at step {step:,}; the same command goes on from there")
        self.status = 0 if several else 128 + signal_number
