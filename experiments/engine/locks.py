"""Who is at work in a run's folder, and how a run has failed there."""

import contextlib
import os
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from c3jax.tools.errors import UsageError
from experiments.engine import processes
from experiments.engine.errors import Interrupted

FAILURE = "error.txt"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other runs out of a folder; of several processes of one run the first does.

    Raises:
      UsageError: a run is at work there; the message names its process.
    """
    lock, holder = FileLock(folder / ".lock"), folder / ".holder"
    if processes.is_first():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0.2)  # who only asks for the holder has it for a moment
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        except Timeout:
            raise UsageError(
                f"{folder}: {_named(holder)} is training there; wait for it, or choose another "
                "--name"
            ) from None
        except NotImplementedError:  # a file system without locks
            pass
    try:
        yield
    finally:
        lock.release()


def holder_of(folder: Path) -> str | None:
    """The process that trains in a folder, as `process 12 on HOST`; None: none that can be seen."""
    if not (folder / ".lock").exists():
        return None
    try:
        with FileLock(folder / ".lock", timeout=0):
            return None
    except Timeout:
        return _named(folder / ".holder")
    except (OSError, NotImplementedError):  # a folder of others, a file system without locks
        return None


def _named(holder: Path) -> str:
    return holder.read_text() if holder.exists() else "another process"


@contextlib.contextmanager
def noting_failure(folder: Path) -> Iterator[None]:
    """Leaves `error.txt` in a run's folder where it fails: the error, and where it came from."""
    file = folder / FAILURE
    if processes.is_first():
        file.unlink(missing_ok=True)
    try:
        yield
    except Interrupted:
        raise
    except Exception as error:
        told = f"{str(error).strip() or type(error).__name__}\n\n{traceback.format_exc()}"
        if processes.is_first():
            with contextlib.suppress(OSError):  # such as a full disk
                file.write_bytes(told.encode("utf-8", "backslashreplace"))
        raise
