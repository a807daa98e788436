"""The tables of the two papers, and which of their numbers stand beside a run of ours."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("published.json")
# Data set: column of C3's Table 1a, faces that are fitted on (without and with the validation
# tenth), faces that are tested.
FACE_PROTOCOLS = {
    "celeb_a": ("MAFL", (17_100, 19_000), 1_000),
    "aflw": ("AFLW", (9_110, 10_122), 2_991),
}
PASCAL_TEST = 299  # pairs


@dataclass(frozen=True)
class PublishedTable:
    """A table as printed.

    paper: 'C3' or 'JLAD'; number: such as '1a'; units: column -> unit, for the measured columns;
    rows: cells in the order of `columns`, None where the paper has no number; notes: what one has
    to know before comparing.
    """

    paper: str
    number: str
    caption: str
    columns: tuple[str, ...]
    units: dict[str, str]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...]

    def records(self) -> list[dict[str, Any]]:
        """The rows as column -> cell."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def value(self, column: str, **row: Any) -> float | None:
        """The number of `column` in the one row with these cells, as `method="Ours", K=10`.

        Raises:
          ValueError: no row or several rows fit, or there is no such column.

        >>> table("C3", "1a").value("MAFL", method="Ours", K=10)
        3.11
        """
        fitting = [r for r in self.records() if row.items() <= r.items()]
        if column not in self.columns or len(fitting) != 1:
            raise ValueError(
                f"{self.paper} Table {self.number} has {len(fitting)} rows with {row} and the "
                f"columns {self.columns}, got column {column!r}"
            )
        return fitting[0][column]


@functools.cache
def tables() -> tuple[PublishedTable, ...]:
    """Every table of both papers."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))["tables"]
    return tuple(
        PublishedTable(
            t["paper"], t["table"], t["caption"], tuple(t["columns"]), t["units"],
            tuple(map(tuple, t["rows"])), tuple(t["notes"]),
        )
        for t in stored
    )  # fmt: skip


def table(paper: str, number: str) -> PublishedTable:
    """One table, such as `table("C3", "1a")`.

    Raises:
      ValueError: there is none.
    """
    for found in tables():
        if (found.paper, found.number) == (paper, number):
            return found
    known = ", ".join(f"{t.paper} {t.number}" for t in tables())
    raise ValueError(f"no table {paper} {number}; there are {known}")


def comparable_errors(results: dict[str, Any], num_landmarks: int) -> list[tuple[str, float]]:
    """(method, error in %) of C3's Table 1a that a run's error may stand beside; often none.

    They are comparable where the run was trained on CelebA and measured by the MAFL protocol (the
    fit on 17,100 or 19,000 faces, the test on 1,000, a regressor without intercept), or trained on
    AFLW as re-cropped and measured on it, with as many landmarks.
    """
    landmarks = results.get("landmarks", {})
    column, fitted, tested = FACE_PROTOCOLS.get(results.get("data", ""), ("", (), 0))
    if landmarks.get("fitted_on") not in fitted or landmarks.get("tested_on") != tested:
        return []
    return [
        ("C3, as published" if row["method"] == "Ours" else row["method"], row[column])
        for row in table("C3", "1a").records()
        if row["K"] == num_landmarks and row[column] is not None
    ]


def comparable_pck(results: dict[str, Any]) -> list[tuple[str, float]]:
    """(method, PCK@.1 in %) of C3's Table 3 that a run's PCK may stand beside; often none.

    They are comparable where the run was trained on PF-PASCAL and the headline is the definition
    `scnet` on its 299 test pairs.
    """
    alignment = results.get("alignment", {})
    same_protocol = (
        results.get("data") == "pf_pascal"
        and alignment.get("pairs") == PASCAL_TEST
        and alignment.get("protocol", "").startswith("scnet:")
    )
    if not same_protocol:
        return []
    names = {"Ours": "C3, as published", "Ours w. landmark": "C3 with landmarks, as published"}
    rows = table("C3", "3").records()
    return [(names.get(row["method"], row["method"]), row["PCK@0.1"]) for row in rows]
