"""The rounds of joint learning as a section of a report: JLAD's Table 1, beside its numbers."""

from collections.abc import Sequence
from typing import Any

from experiments.common.page import Section, Table
from experiments.common.published import table

NOTE = (
    "PCK by the headline of this page, the landmark error in percent of its normaliser. The "
    "published numbers are of pairs of PASCAL3D+ that were not released, with ResNet-101: their "
    "course over the rounds can be compared, not their values."
)


def rounds_section(rows: Sequence[dict[str, Any]]) -> Section:
    """A row after the pre-training and after every round, as `iterations` of results.json has."""
    alphas = list(rows[0]["pck"]) if rows else []
    columns = ["", *(f"PCK@{alpha}, %" for alpha in alphas), "landmark error, %"]
    columns += ["published PCK@0.1, %", "published landmark error, %"]
    published = dict(enumerate(published_rounds()))
    lines = [
        [
            f"round {row['round']}" if row["round"] else "pre-trained, separately",
            *row["pck"].values(),
            row.get("landmarks", {}).get("nme_percent"),
            *published.get(row["round"], (None, None)),
        ]
        for row in rows
    ]
    return Section("Rounds", tables=[Table(columns, lines, NOTE)] if lines else [])


def published_rounds() -> list[tuple[float, float]]:
    """PCK@.1 and landmark error of JLAD's Table 1: separate, rounds 1 to 3, final (the fourth).

    >>> published_rounds()[0]
    (63.2, 7.97)
    """
    return [(row["PCK@0.1"], row["IOD"]) for row in table("JLAD", "1").records()]
