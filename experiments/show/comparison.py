"""Numbers of several runs side by side: spread over seeds, paired differences, configurations."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from c3jax.tools.errors import UsageError
from experiments.engine import runs
from experiments.engine.runs import flatten

# Key in the flattened results.json -> what it is called. Lower is better, except for PCK, and
# for what should be 1: follow and same spot; in swaps yaw of j, colour of i.
METRICS = {
    "landmarks.nme_percent": "error, %",
    "landmarks.untrained_nme_percent": "untrained, %",
    "landmarks.mean_shape_nme_percent": "mean shape, %",
    "self_check.warp_error_percent": "warp error, %",
    "self_check.follow": "follow",
    "self_check.same_spot": "same spot",
    "consistency.landmarks_true.percent": "landmarks by truth, %",
    "consistency.landmarks_carried_by_flow.percent": "landmarks by flow, %",
    "consistency.flow_true.percent": "flow by truth, %",
    "landmarks.health.surface_spread_ratio": "surface spread",
    "swaps.reconstruction.error": "reconstruction",
    "swaps.pose.yaw.beta": "yaw of j",
    "swaps.color.alpha": "colour of i",
    "swaps.color.beta": "colour of j",
    "alignment.pck.0.05": "PCK@.05",
    "alignment.pck.0.10": "PCK@.10",
    "alignment.pck.0.15": "PCK@.15",
    "seconds": "seconds",
}


@dataclass(frozen=True)
class Finished:
    """A run with results: what tells its seed, and other runs, and its numbers by key of METRICS.

    config: fields by dotted name, without the seed and those that name or place a run.
    """

    name: str
    folder: Path
    experiment: str
    seed: int
    steps: int
    config: dict[str, Any]
    numbers: dict[str, float]


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but the seed."""

    name: str
    runs: tuple[Finished, ...]

    @property
    def seeds(self) -> list[int]:
        return sorted({run.seed for run in self.runs})

    @property
    def spreads(self) -> dict[str, "Spread"]:
        """The spread over the seeds of each number that any run has."""
        found = {key: list(self.by_seed(key).values()) for key in METRICS}
        return {key: spread(values) for key, values in found.items() if values}

    def by_seed(self, key: str) -> dict[int, float]:
        """A number for each seed that has it; the mean where a seed was run twice."""
        values: dict[int, list[float]] = {}
        for run in self.runs:
            if key in run.numbers:
                values.setdefault(run.seed, []).append(run.numbers[key])
        return {seed: float(np.mean(found)) for seed, found in values.items()}


@dataclass(frozen=True)
class Spread:
    """Mean, standard deviation (of a sample; None of one value) and count."""

    mean: float
    stddev: float | None
    count: int

    def __str__(self) -> str:
        digits = 2 if abs(self.mean) >= 1 else 4
        deviation = "" if self.stddev is None else f" ± {self.stddev:.{digits}f}"
        return f"{self.mean:.{digits}f}{deviation}"


def spread(values: Sequence[float]) -> Spread:
    """The spread of some values.

    >>> print(spread([1.0, 3.0]), spread([2.0]))
    2.00 ± 1.41 2.00
    """
    stddev = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), stddev, len(values))


def read_runs(paths: Sequence[Path]) -> list[Finished]:
    """The runs of run folders, each once.

    Raises:
      UsageError: fewer than two, one that is no run, or one that is not finished.
    """
    found = {run.folder.resolve(): run for run in map(runs.find_run, paths)}
    if len(found) < 2:
        raise UsageError(f"give two run folders or more to compare, got {len(found)}")
    short = [folder.name for folder in found]
    named = short if len(set(short)) == len(short) else [str(folder) for folder in found]
    finished = []
    for name, run in zip(named, found.values(), strict=True):
        if "experiment" not in run.described:
            raise UsageError(f"{run.folder} is no run folder, such as runs/c3_faces/NAME")
        path = run.folder / "results.json"
        if not path.exists():
            raise UsageError(
                f"{path} is missing: the run is not finished (the same command goes on with it)"
            )
        results, config = runs.read_json(path), flatten(run.described["config"])
        every = flatten(results)
        finished.append(
            Finished(
                name=name,
                folder=run.folder,
                experiment=run.described["experiment"],
                seed=results["seed"],
                steps=results["steps"],
                config={key: config[key] for key in config if key not in (*runs.FREE, "seed")},
                numbers={key: every[key] for key in METRICS if every.get(key) is not None},
            )
        )
    return finished


def group_runs(finished: Sequence[Finished]) -> list[Group]:
    """Groups of runs that differ in nothing but the seed, in the order in which they come."""
    groups: list[list[Finished]] = []
    for run in finished:
        alike = next((group for group in groups if group[0].config == run.config), None)
        if alike is None:
            groups.append(alike := [])
        alike.append(run)
    names = [_common_name([run.name for run in group]) for group in groups]
    if len(set(names)) < len(names):
        names = [group[0].name for group in groups]
    return [Group(name, tuple(group)) for name, group in zip(names, groups, strict=True)]


def paired_differences(first: Group, second: Group) -> dict[str, Spread]:
    """Second minus first over the seeds that both have, by key of METRICS."""
    found = {}
    for key in METRICS:
        one, other = first.by_seed(key), second.by_seed(key)
        if both := sorted(one.keys() & other.keys()):
            found[key] = spread([other[seed] - one[seed] for seed in both])
    return found


def differing_fields(groups: Sequence[Group]) -> dict[str, list[Any]]:
    """Configuration fields that are not the same in all groups, and their value in each."""
    configs = [group.runs[0].config for group in groups]
    fields = {field: [c.get(field) for c in configs] for config in configs for field in config}
    return {field: v for field, v in fields.items() if any(value != v[0] for value in v)}


def _common_name(names: list[str]) -> str:
    """What the names of runs have in common, without the seed at the end."""
    if len(names) == 1:
        return names[0]
    return re.sub(r"[-_. ]*(seed|s)?[-_. ]*$", "", os.path.commonprefix(names)) or names[0]
