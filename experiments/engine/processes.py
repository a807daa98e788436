"""One run in several processes: joining them, who does what, stopping at the same step.

Every process takes its part of each batch; the first writes, prints and evaluates. In a run of one
process every function here does nothing.
"""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import jax
import numpy as np
from jax.experimental import multihost_utils

from c3jax.tools.errors import UsageError

HELP = """
One run in several processes: --processes.address HOST:PORT of the first, --processes.count,
--processes.index from 0, --processes.heartbeat seconds after which a silent process counts as dead
(30). SLURM steps and indexed Kubernetes jobs are recognised; --processes.count 1 forbids it."""
# How long a process that has nothing left to do waits for the first, which evaluates.
SHUTDOWN_TIMEOUT_S = 7 * 24 * 3600
SLURM = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID")
FLAGS = ("--processes.address", "--processes.count", "--processes.index")
KUBERNETES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JOB_COMPLETION_INDEX")


@dataclass(frozen=True)
class Processes:
    """The `--processes.*` options; `address` None: SLURM knows it."""

    count: int = 1
    index: int = 0
    address: str | None = None
    heartbeat: int = 30


def find(options: Mapping[str, str | None], environment: Mapping[str, str]) -> Processes:
    """What the options say, else what SLURM or Kubernetes says, else one process.

    Args:
      options: of `--processes.*`, by name, as they were typed; None: not typed.
      environment: `os.environ`.

    Raises:
      UsageError: an option that is missing beside the others, or wrong.
    """
    given = {name: value for name, value in options.items() if value is not None}
    heartbeat = _integer("--processes.heartbeat", given.pop("heartbeat", "30"), least=1)
    typed = {f"--processes.{name}": value for name, value in given.items()}
    if given == {"count": "1"}:
        return Processes(heartbeat=heartbeat)
    if given:
        missing = [name for name in FLAGS if name not in typed]
        if missing:
            raise UsageError(f"give {' and '.join(missing)} beside {next(iter(typed))}")
        return _read(typed, FLAGS, heartbeat)
    if all(name in environment for name in KUBERNETES):
        return _read(environment, KUBERNETES, heartbeat)
    if all(name in environment for name in SLURM) and int(environment["SLURM_NTASKS"]) > 1:
        count, index = (int(environment[name]) for name in ("SLURM_NTASKS", "SLURM_PROCID"))
        return Processes(count, index, None, heartbeat)
    return Processes(heartbeat=heartbeat)


def join(processes: Processes) -> None:
    """Waits for the other processes; call it before anything touches a device.

    Raises:
      UsageError: they do not come.
    """
    if processes.count == 1:
        return
    # The loop handles SIGTERM itself, and JAX's handler would keep it from ever ending a process.
    jax.config.update("jax_enable_preemption_service", False)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(
            processes.address,
            processes.count,
            processes.index,
            cluster_detection_method="slurm" if processes.address is None else "deactivate",
            heartbeat_timeout_seconds=processes.heartbeat,
            shutdown_timeout_seconds=SHUTDOWN_TIMEOUT_S,
        )
    except RuntimeError as error:
        raise UsageError(
            f"process {processes.index} of {processes.count} cannot join the others at "
            f"{processes.address or 'the address that SLURM gives'}: {str(error).splitlines()[0]}"
        ) from None
    if processes.index:  # the first process speaks for all
        sys.stdout.flush()
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.close(silence)


def several() -> bool:
    """Whether this process is one of several."""
    return jax.distributed.is_initialized()


def is_first() -> bool:
    """Whether this process writes, prints and evaluates."""
    return not several() or jax.process_index() == 0


def shard() -> dict[str, int]:
    """This process's part of a stream, as arguments of `data_pipelines.streams`."""
    if not several():
        return {}
    return {"shard_index": jax.process_index(), "shard_count": jax.process_count()}


@contextlib.contextmanager
def first_alone(what: str) -> Iterator[None]:
    """The first process runs the block before the others, which find its files on the disk."""
    if not is_first():
        multihost_utils.sync_global_devices(what)
    yield
    if several() and is_first():
        multihost_utils.sync_global_devices(what)


def agree(value: int) -> int:
    """The first process's value."""
    return int(multihost_utils.broadcast_one_to_all(np.int32(value))) if several() else value


def check_same(name: str, digest: str) -> None:
    """Refuses what is not the same in all processes.

    Raises:
      UsageError: the first process has another.
    """
    ours = np.frombuffer(bytes.fromhex(digest), np.uint8)
    if several() and (multihost_utils.broadcast_one_to_all(ours) != ours).any():
        raise UsageError(
            f"process {jax.process_index()} has another {name} than process 0: all processes need "
            "the same command, the same weights and the same version"
        )


def make_vote() -> Callable[[int], int]:
    """`vote(signal number or 0) -> the greatest number that any process gave one vote ago`.

    All processes vote at the same steps. The result is read a step late, so that no device waits.
    """
    if not several():
        return lambda wish: wish
    greatest = jax.pmap(lambda wish: jax.lax.pmax(wish, "devices"), axis_name="devices")
    pending: list[jax.Array] = []

    def vote(wish: int) -> int:
        pending.append(greatest(np.full(jax.local_device_count(), wish, np.int32)))
        return int(np.max(pending.pop(0))) if len(pending) > 1 else 0

    return vote


@contextlib.contextmanager
def failing_together() -> Iterator[None]:
    """Ends a failing process of several at once, where JAX would wait for the others.

    The others notice it within their heartbeat, and end too.
    """
    try:
        yield
    except BaseException as error:
        status = error.code if isinstance(error, SystemExit) else 1
        if not several() or not status:
            raise
        lost = any(name in str(error) for name in ("Gloo", "NCCL"))  # a partner of a collective
        if isinstance(error, jax.errors.JaxRuntimeError) and lost:
            print(f"error: another process is gone: {str(error).splitlines()[0]}", file=sys.stderr)
        elif not isinstance(error, SystemExit):
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(status))


def _read(values: Mapping[str, str], names: tuple[str, str, str], heartbeat: int) -> Processes:
    """Address, count and index, checked, from where they stand under `names`."""
    address = values[names[0]]
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()):
        raise UsageError(f"{names[0]} must be HOST:PORT of the first process, got {address!r}")
    count = _integer(names[1], values[names[1]], least=1)
    index = _integer(names[2], values[names[2]], least=0)
    if index >= count:
        raise UsageError(f"{names[2]} must be below {names[1]} = {count}, got {index}")
    return Processes(count, index, address, heartbeat)


def _integer(name: str, value: str, *, least: int) -> int:
    if not value.isdigit() or int(value) < least:
        raise UsageError(f"{name} must be a whole number, {least} or more, got {value!r}")
    return int(value)
