"""Run folders, `runs/EXPERIMENT/NAME`: config.json, metrics.jsonl, results.json, checkpoints."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.engine.cli import from_json, to_json
from experiments.engine.errors import UsageError

# Fields that may change from one start of a run to the next.
FREE = ("name", "runs", "log_every", "check_every", "checkpoint_every", "data.cache")


def open_run(folder: Path, experiment: str, preset: str, config: Any) -> None:
    """Makes the run folder, or checks that it holds a run of the same configuration.

    A run that never saved a checkpoint has not begun: its configuration may still change.

    Raises:
      UsageError: the folder holds a run of another configuration; the message names the fields.
    """
    described = {"experiment": experiment, "preset": preset, "config": to_json(config)}
    path = folder / "config.json"
    if path.exists() and has_begun(folder):
        stored = from_json(type(config), read_json(path).get("config", {}))  # with new defaults
        differing = _differences(to_json(stored), described["config"])
        if differing:
            raise UsageError(
                f"{folder} holds a run of another configuration ({'; '.join(differing[:5])}): "
                "choose another --name, or delete that folder"
            )
        return
    from experiments.engine import processes

    if processes.is_first():
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, described)


def has_begun(folder: Path) -> bool:
    """Whether a run ever saved a checkpoint."""
    return any(folder.glob("checkpoints/[0-9]*"))


@dataclass(frozen=True)
class Run:
    """A trained run: `folder`, its `step`, and config.json (experiment, preset, config)."""

    folder: Path
    step: int | None
    described: dict[str, Any]

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.folder / "checkpoints"


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


def read_json(path: Path) -> Any:
    """A JSON file; a broken one is an error that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} is missing: is {path.parent} a run folder?") from None
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}") from None


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file whole or not at all."""
    replace_text(path, json.dumps(value, indent=2) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all, also when the process is killed."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _differences(old: dict, new: dict, prefix: str = "") -> list[str]:
    found = []
    for name in {**old, **new}:
        full, before, after = prefix + name, old.get(name), new.get(name)
        if full in FREE or before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            found += _differences(before, after, full + ".")
        else:
            found.append(f"{full}: {before} there, {after} here")
    return found
