"""`python -m experiments.runs [FOLDER]`: the runs of a folder, their state, and how to go on."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import tyro

from c3jax.tools.errors import UsageError
from c3jax.tools.outputs import json_text
from experiments.engine import cli, runs
from experiments.engine.locks import FAILURE, holder_of
from experiments.show.comparison import METRICS
from experiments.show.page import Table, as_text

DEPTH = 3  # folders from the one that is given to a run
ERRORS = ("landmarks.nme_percent", "alignment.pck.0.10", "self_check.warp_error_percent")


@dataclass(frozen=True)
class Options:
    """List runs: running, finished, stopped, failed or empty; step, error, and how to go on."""

    folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="[FOLDER]")]] = Path("runs")
    """folder of all runs, or one above it"""
    json: bool = False
    """as JSON, with the commands of all"""


@dataclass(frozen=True)
class Listed:
    """A run and what became of it.

    state: `running`, `finished`, `failed`, `stopped` (with a checkpoint) or `empty`. process: that
    trains there. step: of the newest checkpoint; of a running one the last that was logged. errors:
    by key of results.json. failure: why it failed. command: what goes on with it, None of old runs.
    """

    folder: str
    experiment: str | None
    state: str
    process: str | None
    step: int | None
    errors: dict[str, float]
    failure: str | None
    command: str | None


def main() -> None:
    """Prints the runs."""
    options = tyro.cli(Options, prog="python -m experiments.runs")
    top = options.folder.expanduser()
    if not top.is_dir():
        raise UsageError(f"{top} is no folder; give the folder of runs, by default runs")
    listed = [look_at(folder) for folder in find_runs(top)]
    if options.json:
        print(json_text([asdict(run) for run in listed], indent=2))
    elif not listed:
        print(f"no runs in {top}")
    else:
        print(as_text(table_of(listed, top)))
        for run in listed:
            print_more(run, top)


def find_runs(top: Path) -> Iterator[Path]:
    """Run folders at or below a folder, sorted; what is exported is no run."""
    below = (sorted(top.glob("/".join("*" * depth))) for depth in range(1, DEPTH + 1))
    for folder in (top, *chain.from_iterable(below)):
        if (folder / ".holder").is_file() or "experiment" in described(folder):
            yield folder


def described(folder: Path, file: str = "config.json") -> dict[str, Any]:
    """A JSON file of a folder; empty where there is none, or one that cannot be read."""
    try:
        return runs.read_json(folder / file)
    except (UsageError, OSError):
        return {}


def look_at(folder: Path) -> Listed:
    """A run by what lies in its folder."""
    config, process = described(folder), holder_of(folder)
    steps = [int(path.name) for path in folder.glob("checkpoints/*") if path.name.isdigit()]
    step, numbers, failure = max(steps, default=None), {}, None
    if process:
        state, step = "running", last_logged(folder / "metrics.jsonl") or step
    elif (folder / FAILURE).is_file():
        state = "failed"
        failure = (folder / FAILURE).read_text("utf-8", "backslashreplace").partition("\n")[0]
    elif (folder / "results.json").exists():
        numbers = runs.flatten(described(folder, "results.json"))
        state = "stopped" if "stopped" in numbers else "finished"
        if not numbers:
            state, failure = "failed", "results.json is damaged"
    else:
        state = "empty" if step is None else "stopped"
    errors = {key: numbers[key] for key in ERRORS if isinstance(numbers.get(key), int | float)}
    experiment, command = config.get("experiment"), config.get("command")
    return Listed(str(folder), experiment, state, process, step, errors, failure, command)


def last_logged(path: Path) -> int | None:
    """The step of the last whole row of metrics.jsonl."""
    lines = path.read_bytes().splitlines() if path.is_file() else []
    for line in reversed(lines):
        try:
            return json.loads(line)["step"]
        except (ValueError, KeyError, TypeError):  # a row that is being written, or is damaged
            continue
    return None


def table_of(listed: list[Listed], top: Path) -> Table:
    """One run a row, with the first error that it has."""
    rows = []
    for run in listed:
        name, error = next(iter(run.errors.items()), (None, None))
        told = f"{METRICS[name]} {error:.2f}" if name else None
        rows.append((str(Path(run.folder).relative_to(top)), run.state, run.step, told))
    return Table(["run", "state", "step", "measured"], rows)


def print_more(run: Listed, top: Path) -> None:
    """Who is at work, why it failed, and what goes on with a run that has not ended well."""
    name = Path(run.folder).relative_to(top)
    if run.process:
        print(f"\n{name}: {run.process}")
    elif run.state != "finished":
        again = (
            run.command or f"the command that began it ({run.folder}/config.json has its options)"
        )
        why = f": {run.failure}" if run.failure else ""
        print(f"\n{name}: {run.state}{why}\n  go on: {again}")


if __name__ == "__main__":
    cli.guarded(main)
