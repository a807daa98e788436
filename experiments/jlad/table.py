"""JLAD's Table 1 as it grows: one row after the pre-training and after every round."""

from pathlib import Path
from typing import Any

from experiments.engine import runs
from experiments.measure.evaluation import error_rows
from experiments.show.page import format_cell


class Table:
    """The rows so far, in a file of the run's folder."""

    def __init__(self, path: Path):
        self.path = path

    def rows(self) -> list[dict]:
        return runs.read_json(self.path) if self.path.exists() else []

    def add(self, number: int, row: dict) -> None:
        """Adds a row, in place of an earlier one of that round; prints it."""
        row = {"round": number, **row}
        runs.write_json(self.path, [*(r for r in self.rows() if r["round"] < number), row])
        print(f"round {number}: {describe(row)}", flush=True)

    def show(self, variant: str) -> None:
        """Prints all rows, and the baselines of the last one's landmarks."""
        rows = self.rows()
        print(f"\n{variant}: {legend(rows[-1])}")
        for row in rows:
            name = f"round {row['round']}" if row["round"] else "pre-trained"
            print(f"  {name:16s}{describe(row)}")
        for name, error in error_rows(rows[-1].get("landmarks", {})):
            print(f"  {name}: landmarks {format_cell(error)}")


def legend(row: dict[str, Any]) -> str:
    """What the numbers of a row are."""
    parts = []
    if "pck" in row:
        parts.append(f"PCK in % (alpha {', '.join(row['pck'])})")
    if "landmarks" in row:
        parts.append(f"landmark error in % of the {row['landmarks']['normalizer']}")
    if "consistency" in row:
        parts.append("landmarks that the field carries against those that are found")
    return ", ".join(parts)


def describe(row: dict[str, Any]) -> str:
    """The numbers of a row."""
    cells = []
    if "pck" in row:
        cells.append("PCK " + " ".join(f"{value:5.1f}" for value in row["pck"].values()))
    if "landmarks" in row:
        cells.append(f"landmarks {row['landmarks']['nme_percent']:.2f}")
    if "consistency" in row:
        found = row["consistency"]
        cells.append(f"carried {format_cell(found['landmarks_carried_by_flow']['px'])} px")
        if "flow_true" in found:
            cells.append(f"field by the truth {format_cell(found['flow_true']['px'])} px")
    if "uncertainty" in row:
        found = row["uncertainty"]
        cells.append(f"sparsification {found['sparsification_area']:.2f}")
        cells.append(f"(oracle {found['oracle_area']:.2f})")
        if found["occlusion_auroc"] is not None:
            cells.append(f"AUROC of hidden {found['occlusion_auroc']:.2f}")
    return "  ".join(cells)
