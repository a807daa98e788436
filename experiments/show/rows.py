"""The rows that a run measures on its way, JLAD's Table 1: in a file of its folder as they come."""

from pathlib import Path
from typing import Any

from experiments.engine import runs
from experiments.show.page import format_cell

FILE = "iterations.json"
# Key in the flattened row -> what is printed of it.
PRINTED = {
    "landmarks.nme_percent": "landmarks {}",
    "consistency.landmarks_carried_by_flow.px": "carried {} px",
    "consistency.flow_true.px": "field by the truth {} px",
    "uncertainty.sparsification_area": "sparsification {}",
    "uncertainty.oracle_area": "(oracle {})",
    "uncertainty.occlusion_auroc": "AUROC of hidden {}",
}


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """The rows so far of a run's folder; `round` numbers them."""
    return runs.read_json(folder / FILE, list) if (folder / FILE).exists() else []


def add_row(folder: Path, row: dict[str, Any]) -> None:
    """Adds a row, in place of an earlier one of that round; prints it."""
    before = [earlier for earlier in read_rows(folder) if earlier["round"] < row["round"]]
    runs.write_json(folder / FILE, [*before, row])
    print(f"round {row['round']}: {describe_row(row)}", flush=True)


def results_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """`iterations`, and what the last row has measured of landmarks and the like."""
    if not rows:
        return {}
    last = {name: found for name, found in rows[-1].items() if name not in ("round", "pck")}
    return last | {"iterations": rows}


def describe_row(row: dict[str, Any]) -> str:
    """The numbers of a row."""
    numbers = runs.flatten(row)
    cells = [
        text.format(format_cell(numbers[key]))
        for key, text in PRINTED.items()
        if numbers.get(key) is not None
    ]
    if "pck" in row:
        cells.insert(0, "PCK " + " ".join(f"{value:5.1f}" for value in row["pck"].values()))
    return "  ".join(cells)
