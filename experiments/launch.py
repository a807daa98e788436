"""`python -m experiments.launch -n 2 c3_faces ARGS...`: an experiment in several processes here.

For one machine with several GPUs, and for trying on a laptop what a cluster runs. Clusters start
the processes themselves: see `cluster/`.
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

from experiments.engine import cli
from experiments.engine.errors import UsageError

# So long after the first death the others may take to notice it; JAX ends them before.
GRACE_S = 120


class Parser(argparse.ArgumentParser):
    """Refuses in one line, where argparse would print its whole usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see python -m experiments.launch --help)")


def main() -> None:
    """Starts the processes, passes on what they say and what they are told, waits for all."""
    options = parse(sys.argv[1:])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    run = [start(options, index, address) for index in range(options.processes)]

    def forward(number, frame):
        for process in run:
            if process.poll() is None:
                process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
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
    if dead is not None:
        again = shlex.join(["python", "-m", "experiments.launch", *sys.argv[1:]])
        print(
            f"process {dead} of {len(run)} {describe(run[dead].returncode)} first; the others "
            f"cannot go on without it. To go on from the last checkpoint: {again}",
            file=sys.stderr,
        )
    raise SystemExit(max(status(process.wait()) for process in run))


def parse(arguments: list[str]) -> argparse.Namespace:
    """The launcher's options, and those of the experiment as `arguments`.

    Raises:
      UsageError: a wrong one.
    """
    parser = Parser(prog="python -m experiments.launch", description=__doc__, allow_abbrev=False)
    parser.add_argument("-n", "--processes", type=int, required=True, help="how many processes")
    parser.add_argument("--devices", type=int, default=1, help="GPUs or CPU devices of each")
    parser.add_argument("experiment", help=f"one of {', '.join(experiments())}")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the experiment")
    options = parser.parse_args(arguments)
    for flag, value in (("-n", options.processes), ("--devices", options.devices)):
        if value < 1:
            raise UsageError(f"{flag} must be 1 or more, got {value}")
    if options.experiment not in experiments():
        known = ", ".join(experiments())
        raise UsageError(f"there is no experiment '{options.experiment}'; choose one of {known}")
    for argument in options.arguments:
        if argument.startswith(("--processes.address", "--processes.count", "--processes.index")):
            raise UsageError(f"{argument}: the launcher gives it; leave it out")
    return options


def experiments() -> list[str]:
    """Names of the experiments that can be trained."""
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/__main__.py"))


def start(options: argparse.Namespace, index: int, address: str) -> subprocess.Popen:
    """Process `index`, in a session of its own: a Ctrl-C of the terminal goes to the launcher."""
    own = range(index * options.devices, (index + 1) * options.devices)
    environment = os.environ | {
        "JAX_NUM_CPU_DEVICES": str(options.devices),
        "JAX_LOCAL_DEVICE_IDS": ",".join(map(str, own)),  # of GPUs alone
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
    """Waits until one ends badly, whose index is returned, or all end well."""
    while True:
        ended = [process.poll() for process in run]
        for index, code in enumerate(ended):
            if code:
                return index
        if None not in ended:
            return None
        time.sleep(0.05)


def status(code: int) -> int:
    """A return code as a shell tells it: 128 and the signal's number for a killed process."""
    return 128 - code if code < 0 else code


def describe(code: int) -> str:
    """How a process ended."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"failed (status {code})"


if __name__ == "__main__":
    cli.guarded(main)
