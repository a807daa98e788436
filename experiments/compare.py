"""`python -m experiments.compare RUN RUN ...`: runs side by side, in numbers and pictures."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from c3jax.tools.errors import UsageError
from experiments.engine import cli, runs
from experiments.registry import find_recipe, load_trained
from experiments.show import comparison
from experiments.show.comparison import METRICS, Group
from experiments.show.page import Gallery, Section, Table, as_text, render

OF_SEEDS = (
    "Deviation: of a sample, over seeds (n - 1); of two or three seeds it is a rough guess. Less "
    "is better but for PCK, follow, same spot, yaw of j and colour of i. Compilation is in seconds."
)


@dataclass(frozen=True)
class Options:
    """Compare runs: numbers with their spread over seeds, configurations, pictures.

    Runs that differ in nothing but the seed make up a group. Prints tables; writes an HTML page
    and the same numbers as JSON beside it.
    """

    runs: tyro.conf.Positional[
        Annotated[tuple[Path, ...], tyro.conf.arg(metavar="RUN RUN [MORE ...]")]
    ]
    """run folders, such as runs/c3_faces/NAME"""
    out: Path | None = None
    """the page to write, NAME.html; by default compare.html beside the first run"""
    pictures: bool = True
    """draw landmarks, Figure 1 and Figure 3 of the first run of each group, or its matches"""


def main() -> None:
    """Reads, compares, prints and writes."""
    options = tyro.cli(Options, prog="python -m experiments.compare")
    finished = comparison.read_runs(options.runs)
    groups = comparison.group_runs(finished)
    out = options.out or finished[0].folder.parent / "compare.html"
    if out.suffix != ".html" or out.is_dir():
        raise UsageError(f"--out must be a file that ends in .html, got {out}")
    tables, numbers = number_tables(groups), as_json(groups)
    drawn: list[Section] = []
    kinds = {find_recipe(run.experiment).pictures for run in finished}
    if options.pictures and len(kinds) == 1:
        drawn, common = draw(groups)
        numbers |= common
    if "common_flow" in numbers:
        tables.append(common_flow_table(numbers["common_flow"]))
    for table in tables:
        print(as_text(table), end="\n\n")
    out.parent.mkdir(parents=True, exist_ok=True)
    sections = [Section("Numbers", tables=tables), *drawn]
    data = ", ".join(sorted({str(run.config.get("data.name")) for run in finished}))
    lead = f"{len(finished)} runs, {len(groups)} configurations, trained on {data}"
    runs.replace_text(out, render("Comparison", lead, sections))
    runs.write_json(out.with_suffix(".json"), numbers)
    print(f"page: {out}\nnumbers: {out.with_suffix('.json')}")


def number_tables(groups: Sequence[Group]) -> list[Table]:
    """Runs, groups of seeds, paired differences, and how the configurations differ."""
    keys = [key for key in METRICS if any(key in group.spreads for group in groups)]
    titles = [METRICS[key] for key in keys]
    every = [
        (run.name, group.name, run.seed, run.steps, *map(run.numbers.get, keys))
        for group in groups
        for run in group.runs
    ]
    spreads = [(group.name, len(group.seeds), *map(group.spreads.get, keys)) for group in groups]
    paired = []
    for first, second in itertools.combinations(groups, 2):
        if differences := comparison.paired_differences(first, second):
            seeds = len({*first.seeds} & {*second.seeds})
            paired.append((f"{second.name} − {first.name}", seeds, *map(differences.get, keys)))
    fields = comparison.differing_fields(groups)
    tables = [
        Table(["run", "group", "seed", "steps", *titles], every, _warning(fields)),
        Table(["group: mean ± deviation over seeds", "seeds", *titles], spreads, OF_SEEDS),
        Table(["paired difference, same seeds", "seeds", *titles], paired),
        Table(
            ["configuration", *(group.name for group in groups)],
            [(field, *values) for field, values in fields.items()],
        ),
    ]
    return [table for table in tables if table.rows]


def as_json(groups: Sequence[Group]) -> dict[str, Any]:
    """All numbers, for programs."""
    names = [group.name for group in groups]
    return {
        "runs": [
            {
                "name": run.name,
                "folder": str(run.folder),
                "group": group.name,
                "seed": run.seed,
                "numbers": run.numbers,
            }
            for group in groups
            for run in group.runs
        ],
        "groups": [
            {"name": group.name, "seeds": group.seeds, "numbers": group.spreads} for group in groups
        ],
        "paired_differences": [
            {
                "first": first.name,
                "second": second.name,
                "second_minus_first": comparison.paired_differences(first, second),
            }
            for first, second in itertools.combinations(groups, 2)
        ],
        "differing_fields": {
            field: dict(zip(names, values, strict=True))
            for field, values in comparison.differing_fields(groups).items()
        },
    }


def draw(groups: Sequence[Group]) -> Gallery:
    """Pictures of the first run of each group, all on the test data of the very first."""
    trained = {group.name: load_trained(group.runs[0].folder) for group in groups}
    first = next(iter(trained.values()))
    return first.recipe.pictures(trained, first.recipe.load_data(first.config.data, training=False))


def common_flow_table(common: dict[str, Any]) -> Table:
    """Landmarks of every group carried by one flow."""
    rows = [(name, e.get("percent"), e["px"]) for name, e in common["errors"].items()]
    title = f"landmarks of the first runs, carried by the flow of {common['flow_of']} (Fig. 3)"
    return Table([title, "%", "px"], rows)


def _warning(fields: dict[str, Any]) -> str:
    data = [field for field in fields if field.startswith("data.")]
    if not data:
        return ""
    return f"Not the same data ({', '.join(data)}): errors need not be comparable."


if __name__ == "__main__":
    cli.guarded(main)
