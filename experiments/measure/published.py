"""The tables of the two papers, and which of their numbers stand beside a run of ours."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("published.json")
# Data set that is tested: column of C3's Table 1a, faces that are fitted on (without and with the
# validation tenth), faces that are tested.
FACE_PROTOCOLS = {
    "celeb_a": ("MAFL", (17_100, 19_000), 1_000),
    "aflw": ("AFLW", (9_110, 10_122), 2_991),
}
# Data that are tested and trained on: methods of that table that did the same; None: all.
SAME_TRAINING: dict[tuple[str, str], tuple[str, ...] | None] = {
    ("celeb_a", "celeb_a"): None,
    ("aflw", "celeb_a"): ("Ours",),  # C3 4.2
    ("aflw", "aflw"): ("Joint.", "Struc."),  # after CelebA, JLAD 4.3
}
PASCAL_TEST = 299  # pairs


@dataclass(frozen=True)
class PublishedTable:
    """A table as printed.

    paper: 'C3' or 'JLAD'; number: such as '1a'; units: of the measured columns; rows: cells in the
    order of `columns`, None where the paper has no number; notes: read them before comparing.
    """

    paper: str
    number: str
    caption: str
    columns: list[str]
    units: dict[str, str]
    rows: list[list[Any]]
    notes: list[str]

    def records(self) -> list[dict[str, Any]]:
        """The rows as column -> cell."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@functools.cache
def tables() -> tuple[PublishedTable, ...]:
    """Every table of both papers."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))["tables"]
    return tuple(PublishedTable(**found) for found in stored)


def table(paper: str, number: str) -> PublishedTable:
    """One table; ValueError if there is none.

    >>> table("C3", "1a").records()[-2]
    {'method': 'Ours', 'K': 10, 'MAFL': 3.11, 'AFLW': 6.75}
    """
    for found in tables():
        if (found.paper, found.number) == (paper, number):
            return found
    known = ", ".join(f"{t.paper} {t.number}" for t in tables())
    raise ValueError(f"no table {paper} {number}; there are {known}")


def comparable_errors(results: dict[str, Any], num_landmarks: int) -> list[tuple[str, float]]:
    """(method, error in %) of C3's Table 1a that can be compared with a run's error; often none.

    The run must have as many landmarks, and be tested (on its own data, or on `tested_data`) by the
    protocol of MAFL or of re-cropped AFLW (`FACE_PROTOCOLS`, no intercept). On MAFL it is trained
    on CelebA. On AFLW C3's errors stand beside a run that is trained on CelebA; those of JLAD and
    of StrucRep beside one that began with CelebA (`begun_on`) and went on on AFLW.
    """
    landmarks, trained = results.get("landmarks", {}), results.get("data", "")
    tested = results.get("tested_data", trained)
    column, fitted, count = FACE_PROTOCOLS.get(tested, ("", (), 0))
    if landmarks.get("fitted_on") not in fitted or landmarks.get("tested_on") != count:
        return []
    methods = SAME_TRAINING.get((tested, trained), ())
    if trained == "aflw" and results.get("begun_on") != "celeb_a":
        methods = ()
    rows = [row for row in table("C3", "1a").records() if row["K"] == num_landmarks]
    return [
        ("C3, as published" if row["method"] == "Ours" else row["method"], row[column])
        for row in rows
        if row[column] is not None and (methods is None or row["method"] in methods)
    ]


def comparable_pck(results: dict[str, Any]) -> list[tuple[str, float]]:
    """(method, PCK@.1 in %) of C3's Table 3 that can be compared with a run's PCK; often none.

    The run must be trained on PF-PASCAL, its headline the definition `scnet` on its test pairs.
    """
    alignment = results.get("alignment", {})
    protocol = alignment.get("protocol", "").partition(":")[0]
    measured = (results.get("data"), alignment.get("pairs"), protocol)
    if measured != ("pf_pascal", PASCAL_TEST, "scnet"):
        return []
    names = {"Ours": "C3, as published", "Ours w. landmark": "C3 with landmarks, as published"}
    rows = table("C3", "3").records()
    return [(names.get(row["method"], row["method"]), row["PCK@0.1"]) for row in rows]
