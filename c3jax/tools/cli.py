"""From errors to one line and an exit status."""

import errno
import io
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from c3jax.files.errors import DataError
from c3jax.tools import process
from c3jax.tools.errors import UsageError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG)  # of writing


def fail(message: str) -> NoReturn:
    """Prints one line and ends with exit status 2."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)


def guarded(main: Callable[[], Any], *, smaller: str = "") -> None:
    """Runs `main`; the user's errors become one line and exit status 2, Ctrl-C 130.

    The user's errors are those of the commands, arguments that the library or the data pipelines
    refuse, and a full disk or memory. Everything else is a fault of the program, and keeps its
    traceback. A pipe that the reader closes ends the command quietly, as it ends others.

    Args:
      main: the command.
      smaller: the options that make it take less memory.
    """
    process.end_orderly()
    sys.argv[1:] = map(_at_home, sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):  # names of files need not be UTF-8
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to say
        raise SystemExit(128 + 13) from None
    except (UsageError, DataError) as error:
        fail(str(error))
    except OSError as error:
        if error.filename is None and error.errno in FULL:
            fail(f"the disk cannot be written: {error.strerror}")
        fail(str(error))
    except MemoryError as error:
        fail(_full_memory(error, smaller))
    except Exception as error:
        if isinstance(error, ValueError) and _is_refusal(error):
            fail(str(error))
        if "No space left" in str(error):
            fail(f"the disk is full: {str(error).splitlines()[0]}")
        if "RESOURCE_EXHAUSTED" in str(error):
            fail(_full_memory(error, smaller))
        if (asked := os.environ.get("JAX_PLATFORMS")) and not _finds_device():
            fail(f"JAX finds no device for JAX_PLATFORMS={asked}: unset that variable")
        raise


def _at_home(word: str) -> str:
    """`--out=~/found` as `--out=/home/me/found`: shells expand `~` where a word begins alone."""
    option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    return option + equals + os.path.expanduser(value)


def _finds_device() -> bool:
    import jax

    try:
        return bool(jax.devices())
    except (RuntimeError, AssertionError):  # the latter is JAX's own, of CUDA without a driver
        return False


def _full_memory(error: Exception, smaller: str) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"the memory is full{f': lower {smaller}' if smaller else ''} ({first or 'no more'})"


def _is_refusal(error: Exception) -> bool:
    """Whether the library or the data pipelines raised `error`, and not a command."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    module = frame.f_globals.get("__name__", "")
    return module.startswith(("c3jax.", "data_pipelines.")) and "c3jax.tools." not in module
