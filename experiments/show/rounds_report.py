"""The rounds of joint learning as a section of a report: JLAD's Table 1, beside its numbers."""

from collections.abc import Sequence
from typing import Any

from experiments.measure.published import table
from experiments.show.page import Section, Table

NOTE = (
    "PCK by the headline of this page, the landmark error in percent of its normaliser. The "
    "published numbers are of pairs of PASCAL3D+ that were not released, with ResNet-101 and 20 "
    "landmarks, and their first row is of separate learning: their course over the rounds can be "
    "compared, not their values."
)
NOTE_ON_FACES = (
    "The landmark error in percent of its normaliser; the others are those of the consistency "
    "across images: landmarks of one picture, carried by the field, against those found in the "
    "other, and points carried by the field against the truth."
)
CONSISTENCY = (
    ("carried landmarks, %", "landmarks_carried_by_flow", "percent"),
    ("carried landmarks, px", "landmarks_carried_by_flow", "px"),
    ("field by the truth, %", "flow_true", "percent"),
)


def rounds_section(rows: Sequence[dict[str, Any]]) -> Section:
    """A row after the pre-training and after every round, as `iterations` of results.json has."""
    if not rows:
        return Section("Rounds")
    return Section("Rounds", tables=[pairs_table(rows) if "pck" in rows[0] else faces_table(rows)])


def pairs_table(rows: Sequence[dict[str, Any]]) -> Table:
    """PCK and landmark error by round, beside the published ones."""
    columns = ["", *(f"PCK@{alpha}, %" for alpha in rows[0]["pck"]), "landmark error, %"]
    columns += ["published PCK@0.1, %", "published landmark error, %"]
    published = dict(enumerate(published_rounds()))
    lines = [
        [
            name_of(row),
            *row["pck"].values(),
            landmark_error(row),
            *published.get(row["round"], (None, None)),
        ]
        for row in rows
    ]
    return Table(columns, lines, NOTE)


def faces_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Landmark error and consistency by round."""
    known = rows[0]["consistency"]
    shown = [(name, key, unit) for name, key, unit in CONSISTENCY if unit in known.get(key, {})]
    lines = []
    for row in rows:
        measured = [row["consistency"][key][unit] for _, key, unit in shown]
        lines.append([name_of(row), landmark_error(row), *measured])
    return Table(["", "landmark error, %", *(name for name, *_ in shown)], lines, NOTE_ON_FACES)


def name_of(row: dict[str, Any]) -> str:
    """After which round."""
    return f"round {row['round']}" if row["round"] else "pre-trained"


def landmark_error(row: dict[str, Any]) -> float | None:
    """In percent; None where it was not measured."""
    return row.get("landmarks", {}).get("nme_percent")


def published_rounds() -> list[tuple[float, float]]:
    """PCK@.1 and landmark error of JLAD's Table 1: separate, rounds 1 to 3, final (the fourth).

    >>> published_rounds()[0]
    (63.2, 7.97)
    """
    return [(row["PCK@0.1"], row["IOD"]) for row in table("JLAD", "1").records()]
