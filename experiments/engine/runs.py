"""Run folders, `runs/EXPERIMENT/NAME`: config.json, metrics.jsonl, results.json, checkpoints."""

import dataclasses
import functools
import json
import os
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from c3jax.inference.files import CONFIG, WEIGHTS
from c3jax.tools.errors import UsageError
from c3jax.tools.outputs import json_text
from experiments.engine.locks import locked

# Fields that may change from one start of a run to the next.
EVERY = ("log_every", "check_every", "checkpoint_every")
FREE = ("name", "runs", "keep_checkpoints", "data.cache", *EVERY)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """The options that every experiment has."""

    seed: int = 0
    name: str | None = None
    """run folder: runs/EXPERIMENT/NAME; by default named after preset, data, variant and seed"""
    init_from: Path | None = None
    """start from the parameters of this run, or of this exported model"""
    precision: Literal["float32", "bfloat16"] = "float32"
    """of the networks' activations in training; all else is float32, checkpoints too"""
    log_every: int = 50
    check_every: int = 1000
    """steps between checks of the networks' health"""
    checkpoint_every: int = 1000
    keep_checkpoints: int = 2
    """how many of them are kept, the newest"""
    runs: Path = Path("runs")
    """folder of all runs"""

    def unread(self) -> dict[str, str]:
        """Options of the model that nothing reads, each with the option for it; none by default."""
        return {}


def open_run(
    folder: Path,
    experiment: str,
    preset: str,
    config: Any,
    command: str | None = None,
    *,
    num_train: int | None = None,
) -> None:
    """Makes the run folder; a run that has saved a checkpoint keeps its configuration.

    `command` is what starts the run, and goes on with it; `num_train` how many pictures or pairs
    it is trained on.

    Raises:
      UsageError: it has saved a checkpoint, and was trained on another number of them.
    """
    from experiments.engine import processes

    if not processes.is_first():
        return
    if has_steps(folder):
        before = read_json(folder / "config.json").get("num_train", num_train)
        if before != num_train:
            raise UsageError(
                f"{folder} was trained on {before} pictures or pairs, now there are {num_train}: "
                f"restore them, or choose another --name (with --init-from {folder})"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    described = {"experiment": experiment, "preset": preset, "config": to_json(config)}
    known = {"command": command, "num_train": num_train}
    described |= {name: each for name, each in known.items() if each is not None}
    write_json(folder / "config.json", described)


def has_steps(folder: Path) -> bool:
    """Whether a run has saved a checkpoint; until then its configuration may change."""
    return (folder / "config.json").exists() and any(folder.glob("checkpoints/[0-9]*"))


def check_run(folder: Path, config: Any) -> None:
    """Looks at a run folder before anything is read or written.

    Raises:
      UsageError: a run is at work there, or it holds a run of another configuration; the message
        names the process, or the fields.
    """
    if folder.is_dir():
        with locked(folder):
            pass
    if not has_steps(folder):
        return
    described = read_json(folder / "config.json").get("config", {})
    stored = from_json(type(config), described)  # with new defaults
    if differing := differences(to_json(stored), to_json(config)):
        named = [f"{name}: {old} there, {new} here" for name, (old, new) in differing.items()]
        raise UsageError(
            f"{folder} holds a run of another configuration ({'; '.join(named[:5])}): "
            "choose another --name, or delete that folder"
        )


@dataclass(frozen=True)
class Run:
    """A trained run: `folder`, its `step`, and config.json (experiment, preset, config)."""

    folder: Path
    step: int | None
    described: dict[str, Any]


def find_run(path: Path) -> Run:
    """The run of a run folder, or of one of its checkpoints (`RUN/checkpoints/STEP`).

    Raises:
      UsageError: there is no run.
    """
    path = path.expanduser()
    if not path.is_dir():
        raise UsageError(f"{path} is no folder; give a run folder such as runs/c3_faces/NAME")
    step = int(path.name) if path.parent.name == "checkpoints" and path.name.isdigit() else None
    folder = path.parent.parent if step is not None else path
    return Run(folder, step, read_json(folder / "config.json"))


def is_exported(path: Path) -> bool:
    """Whether a path is an exported model, not a run."""
    return path.suffix == ".safetensors" or (path / WEIGHTS).exists()


def data_of(path: Path) -> str | None:
    """The name of the data that a run or an exported model was trained on, if it says so."""
    path = path.expanduser()
    if not is_exported(path):
        return find_run(path).described["config"]["data"]["name"]
    folder = path.parent if path.suffix == ".safetensors" else path
    trained_on = read_json(folder / CONFIG).get("trained_on")  # any JSON
    return trained_on.get("data") if isinstance(trained_on, dict) else None


def read_json(path: Path, kind: type = dict) -> Any:
    """The object, or what `kind` is, of a JSON file; UsageError names one missing or broken."""
    try:
        if isinstance(found := json.loads(path.read_text(encoding="utf-8")), kind):
            return found
        raise ValueError(f"it holds no {'object' if kind is dict else kind.__name__}")
    except FileNotFoundError:
        raise UsageError(f"{path} is missing: is {path.parent} a run folder?") from None
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}") from None


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file whole or not at all; dataclasses in it become objects."""
    replace_text(path, json_text(value, indent=2) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all, also when the process is killed."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(temporary, path)


def flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts with dotted names.

    >>> flatten({"a": {"b": 1}, "c": 2})
    {'a.b': 1, 'c': 2}
    """
    flat: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict):
            flat |= flatten(item, f"{prefix}{name}.")
        else:
            flat[prefix + name] = item
    return flat


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Fields whose values differ, by dotted name; fields that name or place a run are left out."""
    one, other = flatten(one), flatten(other)
    return {
        field: (one.get(field), other.get(field))
        for field in {**one, **other}
        if field not in FREE and one.get(field) != other.get(field)
    }


def to_json(config: Any) -> Any:
    """A configuration as JSON values."""
    return json.loads(json.dumps(dataclasses.asdict(config), default=str))


def from_json(cls: type, value: Any) -> Any:
    """The configuration of type `cls` that `to_json` wrote.

    Raises:
      UsageError: an unknown field, as another version of the project would write.
    """
    import cattrs

    try:
        return _converter().structure(value, cls)
    except cattrs.BaseValidationError as error:
        wrong = "; ".join(cattrs.transform_error(error, "config.json"))
        raise UsageError(f"{wrong}: another version's run") from error


@functools.cache
def _converter():
    """Dataclasses from JSON values."""
    import cattrs

    def is_choice(cls) -> bool:
        return isinstance(cls, types.UnionType) and all(
            dataclasses.is_dataclass(each) for each in typing.get_args(cls)
        )

    def choose(value, choice):  # what knows the most fields
        fields = {cls: {f.name for f in dataclasses.fields(cls)} for cls in typing.get_args(choice)}
        return converter.structure(
            value, min(fields, key=lambda cls: len(value.keys() - fields[cls]))
        )

    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook_func(is_choice, choose)
    return converter
