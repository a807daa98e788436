"""One HTML page from sections of tables and pictures, without anything outside it."""

import base64
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from experiments.show.pictures import Picture

TEMPLATE = "report.html.j2"
WIDTH = 100  # of lines in a terminal


@dataclass(frozen=True)
class Table:
    """Cells in rows; numbers are rounded and None is a dash when it is shown."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a page; commands are pairs of what one does and what to type."""

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    code: str = ""
    commands: Sequence[tuple[str, str]] = ()

    @property
    def is_full(self) -> bool:
        """Whether there is anything below the title."""
        return any([self.text, self.tables, self.pictures, self.code, self.commands])


class Gallery(NamedTuple):
    """Pictures of runs in sections, and numbers that were measured for all of them alike."""

    sections: list[Section]
    numbers: dict[str, Any] = {}


def render(title: str, lead: str, sections: Sequence[Section]) -> str:
    """One HTML page without anything outside it; sections without content are left out."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"cell": format_cell, "data_uri": data_uri}
    full = [section for section in sections if section.is_full]
    return environment.get_template(TEMPLATE).render(title=title, lead=lead, sections=full)


def as_text(table: Table) -> str:
    """A table for a terminal, the first column to the left, the others to the right.

    >>> print(as_text(Table(["run", "error"], [("a", 1.5), ("long", None)])))
    run   error
    a      1.50
    long      –
    """
    widths = [max(map(len, column)) for column in zip(*cells(table), strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if c else cell.ljust(width)
            for c, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells(table)
    ]
    return "\n".join([*lines, *textwrap.wrap(table.note, WIDTH)])


def as_markdown(table: Table) -> str:
    """A table in Markdown.

    >>> print(as_markdown(Table(["", "error"], [("this | run", 1.234)])))
    |  | error |
    | --- | --- |
    | this \\| run | 1.23 |
    """
    header, *rows = ([cell.replace("|", r"\|") for cell in row] for row in cells(table))
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(table: Table) -> list[list[str]]:
    """The titles and the rows as text."""
    return [list(table.columns), *([format_cell(cell) for cell in row] for row in table.rows)]


def format_cell(value: Any) -> str:
    """A cell as text: two decimals, a dash for None.

    >>> [format_cell(v) for v in (3.14159, 0.00123, 12345, None, True, "a", [1, 2])]
    ['3.14', '0.00123', '12,345', '–', 'yes', 'a', '1, 2']
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.3g}" if 0 < abs(value) < 0.1 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def data_uri(picture: Picture) -> str:
    """A picture as the `src` of an image."""
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")
