"""`python -m experiments.report RUN`: what a run has reached so far, finished or stopped."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from c3jax.tools.errors import UsageError
from c3jax.training.checkpoints import Checkpoints
from experiments.engine import cli, locks, runs
from experiments.registry import load_trained
from experiments.show.report import conclude


@dataclass(frozen=True)
class Options:
    """Evaluate a run at its newest checkpoint: confidence, results.json and report.html.

    A run that was stopped can go on afterwards, and replaces them at its end.
    """

    run: tyro.conf.Positional[Path]
    """run folder, such as runs/c3_faces/NAME"""


def main() -> None:
    """Evaluates the run."""
    found = runs.find_run(tyro.cli(Options, prog="python -m experiments.report").run)
    folder = found.folder
    if found.step is not None:
        raise UsageError(f"a report is of a whole run: give {folder}")
    trained = load_trained(folder)
    with locks.locked(folder):
        with Checkpoints(folder / "checkpoints", read_only=True) as checkpoints:
            seconds = checkpoints.meta()["seconds"]
        data = trained.recipe.load_data(trained.config.data)
        stopped = not has_ended(folder, trained.step)
        print(f"report: {conclude(trained, data, folder, seconds, stopped=stopped)}")


def has_ended(folder: Path, step: int) -> bool:
    """Whether the run wrote its results itself, at the end, which was this step."""
    if not (folder / "results.json").exists():
        return False
    before = runs.read_json(folder / "results.json")
    return "stopped" not in before and before.get("steps") == step


if __name__ == "__main__":
    cli.guarded(main)
