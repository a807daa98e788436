"""`python -m experiments.compare RUN RUN ...`: runs side by side, in numbers and pictures."""

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from experiments.engine import cli, runs
from experiments.engine.errors import UsageError
from experiments.registry import find_recipe, load_trained
from experiments.show import comparison
from experiments.show.comparison import METRICS, Group
from experiments.show.page import Gallery, Section, Table, format_cell, render


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
    out = options.out or finished[0].found.folder.parent / "compare.html"
    if out.suffix != ".html" or out.is_dir():
        raise UsageError(f"--out must be a file that ends in .html, got {out}")
    tables, numbers = number_tables(groups), as_json(groups)
    drawn: list[Section] = []
    kinds = {find_recipe(run.found.described["experiment"]).pictures for run in finished}
    if options.pictures and len(kinds) == 1:
        drawn, common = draw(groups)
        numbers |= common
    if "common_flow" in numbers:
        tables.append(common_flow_table(numbers["common_flow"]))
    for table in tables:
        print(as_text(table), end="\n\n")
    out.parent.mkdir(parents=True, exist_ok=True)
    sections = [Section("Numbers", tables=tables), *drawn]
    lead = f"{len(finished)} runs, {len(groups)} configurations"
    out.write_text(render("Comparison", lead, sections), encoding="utf-8")
    runs.write_json(out.with_suffix(".json"), numbers)
    print(f"page: {out}\nnumbers: {out.with_suffix('.json')}")


def number_tables(groups: Sequence[Group]) -> list[Table]:
    """Runs, groups of seeds, paired differences, and how the configurations differ."""
    keys = comparison.measured(groups)
    titles = [METRICS[key] for key in keys]
    every = [
        (run.name, group.name, run.seed, run.results["steps"], *map(run.numbers.get, keys))
        for group in groups
        for run in group.runs
    ]
    spreads = [
        (group.name, len(group.seeds), *(group.spread(key) for key in keys)) for group in groups
    ]
    paired = []
    for first, second in itertools.combinations(groups, 2):
        differences = comparison.paired_differences(first, second)
        if differences:
            seeds = len(set(first.seeds) & set(second.seeds))
            name = f"{second.name} − {first.name}"
            paired.append((name, seeds, *(differences.get(key) for key in keys)))
    fields = comparison.differing_fields(groups)
    tables = [
        Table(["run", "group", "seed", "steps", *titles], every, _warning(groups, fields)),
        Table(["group: mean ± deviation over seeds", "seeds", *titles], spreads),
        Table(["paired difference, same seeds", "seeds", *titles], paired),
        Table(
            ["configuration", *(group.name for group in groups)],
            [(field, *map(_value, values)) for field, values in fields.items()],
        ),
    ]
    return [table for table in tables if table.rows]


def as_text(table: Table) -> str:
    """A table for a terminal, the first column to the left, the others to the right.

    >>> print(as_text(Table(["run", "error"], [("a", 1.5), ("long", None)])))
    run   error
    a      1.50
    long      –
    """
    rows = [list(table.columns)] + [[format_cell(cell) for cell in row] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if c else cell.ljust(width)
            for c, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, *([table.note] if table.note else [])])


def as_json(groups: Sequence[Group]) -> dict[str, Any]:
    """All numbers, for programs."""
    return {
        "runs": [
            {
                "name": run.name,
                "folder": str(run.found.folder),
                "group": group.name,
                "seed": run.seed,
                "numbers": run.numbers,
            }
            for group in groups
            for run in group.runs
        ],
        "groups": [
            {
                "name": group.name,
                "seeds": group.seeds,
                "numbers": {
                    key: dataclasses.asdict(spread)
                    for key in METRICS
                    if (spread := group.spread(key)) is not None
                },
            }
            for group in groups
        ],
        "paired_differences": [
            {
                "first": first.name,
                "second": second.name,
                "second_minus_first": {
                    key: dataclasses.asdict(value)
                    for key, value in comparison.paired_differences(first, second).items()
                },
            }
            for first, second in itertools.combinations(groups, 2)
        ],
        "differing_fields": {
            field: dict(zip((group.name for group in groups), values, strict=True))
            for field, values in comparison.differing_fields(groups).items()
        },
    }


def draw(groups: Sequence[Group]) -> Gallery:
    """Pictures of the first run of each group, all on the test data of the very first."""
    trained = {group.name: load_trained(group.runs[0].found.folder) for group in groups}
    first = next(iter(trained.values()))
    return first.recipe.pictures(trained, first.recipe.load_data(first.config.data, training=False))


def common_flow_table(common: dict[str, Any]) -> Table:
    """Landmarks of every group carried by one flow."""
    rows = [(name, e.get("percent"), e["px"]) for name, e in common["errors"].items()]
    title = f"landmarks carried by the flow of {common['flow_of']} (Fig. 3)"
    return Table([title, "%", "px"], rows)


def _value(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _warning(groups: Sequence[Group], fields: dict[str, Any]) -> str:
    data = [field for field in fields if field.startswith("data.")]
    if not data:
        return ""
    return f"Not the same data ({', '.join(data)}): errors need not be comparable."


if __name__ == "__main__":
    cli.guarded(main)
