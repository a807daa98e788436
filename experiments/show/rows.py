"""The rows that a run measures on its way, JLAD's Table 1: in a file of its folder as they come."""

from pathlib import Path
from typing import Any

from experiments.engine import runs
from experiments.show.terminal import describe_row


class Rows:
    """The rows so far, `iterations.json` in the run's folder; `round` numbers them."""

    def __init__(self, folder: Path):
        self.path = folder / "iterations.json"

    def __iter__(self):
        return iter(runs.read_json(self.path) if self.path.exists() else [])

    def add(self, row: dict[str, Any]) -> None:
        """Adds a row, in place of an earlier one of that round; prints it."""
        runs.write_json(self.path, [*(r for r in self if r["round"] < row["round"]), row])
        print(f"round {row['round']}: {describe_row(row)}", flush=True)

    def results(self) -> dict[str, Any]:
        """`iterations`, and what the last row has measured of landmarks and the like."""
        if not (rows := list(self)):
            return {}
        last = {name: found for name, found in rows[-1].items() if name not in ("round", "pck")}
        return last | {"iterations": rows}
