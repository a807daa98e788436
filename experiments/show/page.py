"""One HTML page from sections of tables and pictures, without anything outside it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from experiments.show.pictures import Picture

TEMPLATE = "report.html.j2"


@dataclass(frozen=True)
class Table:
    """Cells in rows; numbers are rounded and None is a dash when it is shown."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a page."""

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    code: str = ""


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
    full = [s for s in sections if s.text or s.tables or s.pictures or s.code]
    return environment.get_template(TEMPLATE).render(title=title, lead=lead, sections=full)


def format_cell(value: Any) -> str:
    """A cell as text: two decimals, a dash for None.

    >>> [format_cell(v) for v in (3.14159, 0.00123, 12345, None, True, "a")]
    ['3.14', '0.00123', '12,345', '–', 'yes', 'a']
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if 0 < abs(value) < 0.1 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def data_uri(picture: Picture) -> str:
    """A picture as the `src` of an image."""
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")
