"""`python -m experiments.tables [C3 1a]`: the papers' tables, and what was measured here.

`docs/results/tables.toml` names the rows of ours: the files of each seed in that folder, and where
the number stands in them. With `--write` the tables of `docs/results.md` that it lists are made
from those files.
"""

import json
import re
import textwrap
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from scipy import stats

from c3jax.tools.errors import UsageError
from experiments.engine import cli
from experiments.measure.published import PublishedTable, tables
from experiments.show.comparison import spread
from experiments.show.page import WIDTH, Table, as_markdown, as_text

PAGE = Path(__file__).parent.parent / "docs" / "results.md"
FOLDER = PAGE.with_suffix("")
MARKED = re.compile(r"(<!-- table (\w+) -->\n)(?:.*?\n)??(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """What was measured here.

    what: differs from the rows beside it; data, size, k: pictures tested on, side in pixels that
    the trunk sees, number of landmarks; key: of the number in every file, its parts apart by `/`;
    files: one for each seed; command: that makes such a file.
    """

    what: str
    data: str
    size: int
    key: str
    files: Sequence[str]
    command: str
    k: int | None = None

    @property
    def seeds(self) -> str:
        """The seeds, by the names of the files."""
        return ", ".join(seed for name in self.files for seed in re.findall(r"-seed(\d+)", name))

    @property
    def values(self) -> list[float]:
        """The number of each seed.

        Raises:
          UsageError: a file has no such number.
        """
        return [float(look_up(name, self.key)) for name in self.files]


@dataclass(frozen=True)
class Ours:
    """What stands beside a table of a paper.

    unit: of the rows; comparable: why the rows are not comparable with those above, or how they
    are; missing: rows of the paper without a run, and why.
    """

    paper: str
    number: str
    unit: str
    comparable: str
    missing: str
    rows: Sequence[Row] = ()


def look_up(name: str, key: str) -> Any:
    """What stands in a file of the folder under a key, its parts apart by `/`; `*` is every one.

    Raises:
      UsageError: nothing, or there is no such file.
    """
    if not (FOLDER / name).is_file():
        raise UsageError(f"{FOLDER / name} is missing, which {FOLDER / 'tables.toml'} names")
    found = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    before, star, after = key.partition("/*/")
    if star:
        return [look_up(name, f"{before}/{seed}/{after}") for seed in look_up(name, before)]
    for part in key.split("/"):
        if isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, dict) and part in found:
            found = found[part]
        else:
            raise UsageError(f"{FOLDER / name}: no {key!r}, there is no {part!r}")
    return found


def read() -> list[Ours]:
    """What stands beside every table, in the order of the papers' tables."""
    every = stored()["table"]
    return [Ours(**one | {"rows": [Row(**row) for row in one.get("rows", ())]}) for one in every]


def stored() -> dict[str, Any]:
    """What `tables.toml` has."""
    return tomllib.loads((FOLDER / "tables.toml").read_text(encoding="utf-8"))


def filled(page: str) -> str:
    """The page of results, its marked tables made from files.

    A cell `F: KEY` is the number under that key of the file that the table calls F; numbers of
    several thresholds stand beside each other. `*` in a key is every seed: their mean and its
    spread, and of `F: KEY - KEY` the mean of the paired differences with its interval of 95 %.

    Raises:
      UsageError: a table is not known, or a number is not in its file.
    """
    known = {one["name"]: one for one in stored()["result"]}

    def table(found: re.Match) -> str:
        if found[2] not in known:
            raise UsageError(f"{PAGE}: no table {found[2]} in {FOLDER / 'tables.toml'}")
        one = known[found[2]]
        rows = [[_cell(each, one["files"], one["digits"]) for each in row] for row in one["rows"]]
        return f"{found[1]}{as_markdown(Table(one['columns'], rows))}\n{found[3]}"

    return MARKED.sub(table, page)


def _cell(cell: str, files: dict[str, str], digits: int) -> str:
    name, _, key = cell.partition(": ")
    if name not in files:
        return cell
    one, _, other = key.partition(" - ")
    found = look_up(files[name], one)
    if other:
        return _difference(found, look_up(files[name], other), digits)
    if isinstance(found, list):
        return str(spread(found))
    values = found.values() if isinstance(found, dict) else [found]
    return " / ".join(f"{value:,.{digits}f}" for value in values)


def _difference(one: Sequence[float], other: Sequence[float], digits: int) -> str:
    """The mean of paired differences of seeds, Student's interval of 95 %; both in % of `other`."""
    differences, mean = np.subtract(one, other), np.mean(other) / 100
    count, half = len(differences), stats.t.ppf(0.975, len(differences) - 1)
    half *= differences.std(ddof=1) / count**0.5
    relative = f"{differences.mean() / mean:+.1f} ± {half / mean:.1f} %"
    return f"{differences.mean():+.{digits}f} ± {half:.{digits}f} ({relative})"


def as_tables(published: PublishedTable, ours: Ours) -> list[Table]:
    """The table as printed, and the rows of ours."""
    printed = Table(published.columns, published.rows, " ".join(published.notes))
    if not ours.rows:
        return [printed]
    columns = ["ours", "tested on", "px", "K", "seeds", ours.unit]
    cells = [
        [row.what, row.data, row.size, row.k, row.seeds, str(spread(row.values))]
        for row in ours.rows
    ]
    return [printed, Table(columns, cells)]


def sources(row: Row) -> str:
    """Where a row of ours comes from: its command, and its files."""
    return f"{row.what}: {row.command}; {', '.join(row.files)}"


@dataclass(frozen=True)
class Options:
    """Print the tables of both papers, each with what was measured here and by which command."""

    table: tyro.conf.Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="[PAPER TABLE]")]]
    """of one table alone, such as C3 1a"""
    write: bool = False
    """make the tables of docs/results.md anew, and print nothing"""


def main() -> None:
    """Prints all tables or one, or writes those of the results."""
    options = tyro.cli(Options, prog="python -m experiments.tables")
    if options.write:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        return
    beside = {(ours.paper, ours.number): ours for ours in read()}
    wanted = [t for t in tables() if options.table in ((), (t.paper, t.number))]
    if not wanted:
        known = ", ".join(f"{t.paper} {t.number}" for t in tables())
        raise UsageError(f"no table {' '.join(options.table)}; there are {known}")
    for published in wanted:
        ours = beside[published.paper, published.number]
        title = f"{published.paper}, Table {published.number}: {published.caption}"
        print("\n".join(textwrap.wrap(title, WIDTH)), end="\n\n")
        for table in as_tables(published, ours):
            print(as_text(table), end="\n\n")
        lines = [f"Comparable: {ours.comparable}.", f"No run: {ours.missing}."]
        for line in [*map(sources, ours.rows), *lines]:
            print("\n".join(textwrap.wrap(line, WIDTH, break_on_hyphens=False)))
        print("\n")


if __name__ == "__main__":
    cli.guarded(main)
