"""`python -m experiments.launch -n 2 c3_faces ARGS...`: an experiment in several processes here.

For one machine with several GPUs, and to try a cluster's run on a laptop. Clusters start the
processes themselves: see `cluster/`.
"""

import argparse
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, NoReturn

from c3jax.tools.errors import UsageError, check_least
from c3jax.tools.process import stop_signals
from experiments.engine import cli

# How long the others may outlive the first death. JAX ends them earlier.
GRACE_S = 120


class Parser(argparse.ArgumentParser):
    """Refuses in one line, where argparse would print its whole usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see python -m experiments.launch --help)")


def main() -> None:
    """Starts the processes, passes on their lines and the signals for them, waits for all."""
    options = parse(sys.argv[1:])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    run = [start(options, index, address) for index in range(options.processes)]

    def forward(number, frame):
        for process in run:
            if process.poll() is None:
                process.send_signal(number)

    for number in stop_signals():
        signal.signal(number, forward)
    voices = [
        threading.Thread(target=repeat, args=(pipe, f"[{index}] ", to), daemon=True)
        for index, process in enumerate(run)
        for pipe, to in ((process.stdout, sys.stdout), (process.stderr, sys.stderr))
    ]
    for voice in voices:
        voice.start()
    dead = first_dead(run)
    for process in run:
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
    for voice in voices:
        voice.join(10)
    codes = [process.wait() for process in run]
    if dead is not None:
        again = shlex.join(["python", "-m", "experiments.launch", *sys.argv[1:]])
        print(
            f"process {dead} of {len(run)} {ended(codes[dead])} first; the others cannot go on "
            f"without it. To go on from the last checkpoint: {again}",
            file=sys.stderr,
        )
    raise SystemExit(max(128 - code if code < 0 else code for code in codes))  # as a shell tells


def ended(code: int) -> str:
    """How a process ended."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"failed (status {code})"


def parse(arguments: list[str]) -> argparse.Namespace:
    """The launcher's options, and those of the experiment as `arguments`.

    Raises:
      UsageError: a wrong one.
    """
    known = sorted(path.parent.name for path in Path(__file__).parent.glob("*/__main__.py"))
    parser = Parser(prog="python -m experiments.launch", description=__doc__, allow_abbrev=False)
    parser.add_argument("-n", "--processes", type=int, required=True, help="how many processes")
    parser.add_argument("--devices", type=int, default=1, help="GPUs or CPU devices of each")
    parser.add_argument("experiment", choices=known)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the experiment")
    options = parser.parse_args(arguments)
    check_least("-n", options.processes, 1)
    check_least("--devices", options.devices, 1)
    for argument in options.arguments:
        if argument.startswith(("--processes.address", "--processes.count", "--processes.index")):
            raise UsageError(f"{argument}: the launcher gives it; leave it out")
    return options


def start(options: argparse.Namespace, index: int, address: str) -> subprocess.Popen:
    """Starts process `index` in a session of its own, so that Ctrl-C reaches the launcher only."""
    own = range(index * options.devices, (index + 1) * options.devices)
    environment = os.environ | {
        "JAX_NUM_CPU_DEVICES": str(options.devices),
        "JAX_LOCAL_DEVICE_IDS": ",".join(map(str, own)),  # counts for GPUs only
        "PYTHONUNBUFFERED": "1",
    }
    if options.processes == 1:
        del environment["JAX_LOCAL_DEVICE_IDS"]
    return subprocess.Popen(
        [*command(options.experiment), *flags(options, index, address)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def command(experiment: str) -> list[str]:
    """How an experiment is started."""
    return [sys.executable, "-m", f"experiments.{experiment}"]


def flags(options: argparse.Namespace, index: int, address: str) -> list[str]:
    """The arguments of process `index`."""
    places = {"address": address, "count": options.processes, "index": index}
    given = [f"--processes.{name}={value}" for name, value in places.items()]
    return given + options.arguments


def repeat(pipe: IO[str], prefix: str, to: IO[str]) -> None:
    """Every line of a process, with its number before it."""
    with pipe:
        for line in pipe:
            to.write(prefix + line)
            to.flush()


def first_dead(run: list[subprocess.Popen]) -> int | None:
    """Waits until all end well, or one badly, whose index is returned."""
    while True:
        ended = [process.poll() for process in run]
        for index, code in enumerate(ended):
            if code:
                return index
        if None not in ended:
            return None
        time.sleep(0.05)


if __name__ == "__main__":
    cli.guarded(main)
