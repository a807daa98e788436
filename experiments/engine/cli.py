"""From the command line to a configuration, and from errors to one line and an exit status."""

import dataclasses
import os
import sys
import traceback
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from experiments.engine.errors import Interrupted, UsageError

ConfigT = TypeVar("ConfigT")


def parse(
    presets: dict[str, ConfigT],
    choose: Callable[[], tuple[str, str]],
    arguments: list[str] | None = None,
    *,
    prog: str,
) -> tuple[str, ConfigT]:
    """The preset's name and the configuration of a command line; joins the other processes.

    Args:
      presets: configurations by name.
      choose: without `--preset`, returns the name and says why in a sentence, which is printed.
      arguments: without the program's name; those of the process by default.
      prog: how the command is called, for help texts.
    """
    import tyro

    from experiments.engine import processes

    arguments = list(sys.argv[1:] if arguments is None else arguments)
    places = (field.name for field in dataclasses.fields(processes.Processes))
    given = {place: take_option(arguments, f"--processes.{place}") for place in places}
    processes.join(processes.find(given, os.environ))
    name = take_option(arguments, "--preset")
    if name is None:
        name, why = choose()
        print(f"preset: {name} ({why})")
    elif name not in presets:
        fail(f"there is no preset '{name}'; choose --preset {' | '.join(presets)}")
    else:
        print(f"preset: {name} (named)")
    default = presets[name]
    about = f"{type(default).__doc__}\n\n{processes.HELP}"
    config = tyro.cli(
        type(default),
        default=default,
        args=arguments,
        prog=prog,
        description=about,
        config=(tyro.conf.AvoidSubcommands,),  # of a union the preset has chosen one
    )
    return name, config


def take_option(arguments: list[str], option: str) -> str | None:
    """The value of an option, which is taken out of the arguments; None where it is not given."""
    for index, argument in enumerate(arguments):
        if argument == option:
            if index + 1 == len(arguments):
                fail(f"{option} needs a value")
            value = arguments[index + 1]
            del arguments[index : index + 2]
            return value
        if argument.startswith(option + "="):
            del arguments[index]
            return argument.partition("=")[2]
    return None


def fail(message: str) -> None:
    """Prints one line and ends with exit status 2."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)


def guarded(main: Callable[[], Any]) -> None:
    """Runs `main`; the user's errors become one line and exit status 2, Ctrl-C 130.

    The user's errors are those of the experiments, and arguments that the library or the data
    pipelines refuse. Everything else is a fault of the program, and keeps its traceback.
    """
    from c3jax.training.checkpoints import CheckpointError
    from data_pipelines.errors import DataError
    from experiments.engine import processes
    from experiments.engine.compilation import keep_compiled

    keep_compiled()
    with processes.failing_together():
        try:
            main()
        except Interrupted as stop:
            if processes.is_first():
                print(f"\n{stop}", file=sys.stderr)
            raise SystemExit(stop.status) from None
        except KeyboardInterrupt:
            print("\ninterrupted", file=sys.stderr)
            raise SystemExit(130) from None
        except (UsageError, DataError, CheckpointError) as error:
            fail(str(error))
        except OSError as error:  # without a file's name it comes from writing
            fail(str(error) if error.filename else f"the disk cannot be written: {error.strerror}")
        except Exception as error:
            if isinstance(error, ValueError) and _raised_by(error) in ("c3jax", "data_pipelines"):
                fail(str(error))
            if "No space left" in str(error) or "RESOURCE_EXHAUSTED" in str(error):
                fail(f"the disk (or the memory) is full: {str(error).splitlines()[0]}")
            raise


def _raised_by(error: Exception) -> str:
    """The package whose code raised `error`."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_globals.get("__name__", "").partition(".")[0]


def to_json(config: Any) -> Any:
    """A configuration as JSON values."""
    if dataclasses.is_dataclass(config):
        return {f.name: to_json(getattr(config, f.name)) for f in dataclasses.fields(config)}
    if isinstance(config, tuple | list):
        return [to_json(value) for value in config]
    return str(config) if isinstance(config, Path) else config


def from_json(cls: Any, value: Any) -> Any:
    """The configuration of type `cls` that `to_json` wrote.

    Raises:
      UsageError: an unknown or missing field, as another version of the project would write.
    """
    if value is None:
        return None
    options = typing.get_args(cls) or (cls,)
    if isinstance(value, dict):
        return _fields_from_json(options, value)
    if isinstance(value, list):
        return tuple(value)
    return Path(value) if Path in options else value


def _fields_from_json(classes: tuple[Any, ...], value: dict[str, Any]) -> Any:
    """The configuration of the first class that knows all the fields."""
    hints = {cls: typing.get_type_hints(cls) for cls in classes}
    unknown = {cls: sorted(set(value) - set(hints[cls])) for cls in classes}
    cls = min(classes, key=lambda each: len(unknown[each]))
    if unknown[cls]:
        raise UsageError(f"config.json has unknown fields {unknown[cls]}: another version's run")
    fields = {name: from_json(hints[cls][name], field) for name, field in value.items()}
    try:
        return cls(**fields)
    except TypeError as error:
        raise UsageError(f"config.json: {error}: another version's run") from error
