"""From the command line to a configuration, and from errors to one line and an exit status."""

import dataclasses
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal

import experiments
from c3jax.tools import cli as commands
from c3jax.tools import compilation
from c3jax.tools.errors import UsageError
from data_pipelines.load import OWN_DATA, DataConfig, celeb_a_folder, missing_of_celeb_a, unread
from experiments.engine import runs
from experiments.engine.errors import Interrupted
from experiments.engine.stages import StageConfig

Presets = Callable[[str | None], Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class DataName:
    """`--data.name`, on which the presets depend."""

    name: str | None = None


@dataclasses.dataclass(frozen=True)
class ProcessOptions:
    """The `--processes.*` options as they were typed."""

    address: str | None = None
    count: str | None = None
    index: str | None = None
    heartbeat: str | None = None


@dataclasses.dataclass(frozen=True)
class FirstOptions:
    """The options that are read before the configuration; None: not given."""

    preset: str | None = None
    data: DataName = DataName()
    processes: ProcessOptions = ProcessOptions()


def parse_run(experiment: str, presets: Presets) -> tuple[str, Any]:
    """The preset's name, and the configuration of the command line with a name for its run.

    The name has the preset, the data, their folder where they are one's own, what differs from the
    preset's method, and the seed.
    """
    command = f"python -m experiments.{experiment}"
    name, config, preset = parse(presets, prog=command)
    if isinstance(config.data, DataConfig):
        config = dataclasses.replace(config, data=resolve_data(config.data))
    check_read(config, preset)
    parts = (name, config.data.name, _own(config.data), config.variant(preset))
    run = config.name or "-".join([*filter(None, parts), f"seed{config.seed}"])
    return name, dataclasses.replace(config, name=run)


def _own(data: Any) -> str:
    """The name of the folder or table that one's own data are, for the name of a run."""
    if data.name not in OWN_DATA or data.path is None:
        return ""
    return re.sub(r"[^\w.-]+", "_", data.path.expanduser().resolve().name)


def command_line(experiment: str) -> str:
    """The command that this process was started with, as one alone would be."""
    words, kept = iter(sys.argv[1:]), []
    for word in words:
        if not word.startswith("--processes."):
            kept.append(word)
        elif "=" not in word:
            next(words, None)
    return shlex.join(["python", "-m", f"experiments.{experiment}", *kept])


def parse(
    presets: Presets, arguments: list[str] | None = None, *, prog: str
) -> tuple[str, Any, Any]:
    """The preset's name, the configuration of a command line, and the preset itself.

    Joins the other processes first.

    Args:
      presets: from the value of `--data.name` (None: not given) to configurations by name; the
        first is the default.
      arguments: without the program's name; those of the process by default.
      prog: how the command is called, for help texts.
    """
    import tyro

    from experiments.engine import processes

    first, rest = tyro.cli(
        FirstOptions, args=arguments, prog=prog, return_unknown_args=True, add_help=False
    )
    processes.join(processes.find(dataclasses.asdict(first.processes), os.environ))
    configs = presets(first.data.name)
    name = first.preset or next(iter(configs))
    if first.data.name is not None:
        rest += ["--data.name", first.data.name]
    if name not in configs:
        commands.fail(f"there is no preset '{name}'; choose --preset {' | '.join(configs)}")
    print(f"preset: {name} (of {' | '.join(configs)})")
    default = configs[name]
    config = tyro.cli(
        type(default),
        default=default,
        args=rest,
        prog=prog,
        description=f"{type(default).__doc__}\n\n--preset {' | '.join(configs)}\n{processes.HELP}",
        config=(tyro.conf.AvoidSubcommands,),  # of a union the preset has chosen one
    )
    return name, config, default


def check_read(config: Any, preset: Any) -> None:
    """Refuses options that differ from the preset's, and that nothing reads.

    A stage that the command line itself leaves out, with `--STAGE.steps 0`, may have options.

    Raises:
      UsageError: names them, and why.
    """
    changed = runs.differences(runs.to_json(config), runs.to_json(preset))
    why = config.unread()
    for name in changed:
        group, _, field = name.partition(".")
        stage, preset_stage = getattr(config, group), getattr(preset, group)
        if isinstance(stage, StageConfig) and stage.steps == 0 == preset_stage.steps:
            why[name] = f"{group}.steps 0"
        elif group == "data" and unread(config.data.name, [field]):
            why[name] = f"data.name {config.data.name}"
    if idle := [name for name in changed if name in why]:
        named = ", ".join(f"--{name} (with --{why[name]})".replace("_", "-") for name in idle)
        raise UsageError(f"nothing reads {named}: leave out what is idle, or give what reads it")


def resolve_data(config: DataConfig) -> DataConfig:
    """`auto` replaced by the data set that is used; says which and why.

    Raises:
      UsageError: `auto` with a folder that would not be read.
    """
    if config.name != "auto":
        return config
    without = _lacking(config)
    if without and config.path is not None:
        raise UsageError(
            f"--data.path {config.path} would not be read ({' and '.join(without)}): give "
            "--data.name folder for photos, labelled for photos with a table of points, or celeb_a"
        )
    name: Literal["rendered_faces", "celeb_a"] = "rendered_faces" if without else "celeb_a"
    why = " and ".join(without) or "CelebA is in place and an accelerator is present"
    print(f"data: {name} ({why}; --help names others)")
    return dataclasses.replace(config, name=name)


def _lacking(config: DataConfig) -> list[str]:
    """Phrases that say what is missing of an accelerator and of CelebA."""
    import jax

    lacking = ["no accelerator"] if jax.default_backend() == "cpu" else []
    missing, folder = missing_of_celeb_a(config), celeb_a_folder(config)
    if missing and folder.is_dir():
        names = ", ".join(file.name for file in missing)
        return [*lacking, f"CelebA in {folder} is incomplete (no {names})"]
    return [*lacking, f"no CelebA in {folder}"] if missing else lacking


def guarded(main: Callable[[], Any], *, smaller: str = "") -> None:
    """Runs a command as `c3jax.tools.cli.guarded` does, in each process of a run.

    A run that a signal has stopped ends with the status of that; a checkpoint that cannot be read
    is the user's error.
    """
    from c3jax.training.checkpoints import CheckpointError
    from experiments.engine import processes

    def begun() -> None:
        compilation.keep_compiled()
        experiments.begin()
        main()

    with processes.failing_together():
        try:
            commands.guarded(begun, smaller=smaller)
        except Interrupted as stop:
            if processes.is_first():
                print(f"\n{stop}", file=sys.stderr)
            raise SystemExit(stop.status) from None
        except CheckpointError as error:
            commands.fail(str(error))
