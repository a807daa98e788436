"""Rows of numbers, and their tables in Markdown, as docs/performance.md has them."""

from collections.abc import Iterable
from typing import Any

import numpy as np

Row = dict[str, Any]
Columns = dict[str, str]  # the head of each, and how a row fills it
TIMED: Columns = {
    "program": "`{name}`",
    "precision": "{precision}",
    "batch": "{batch_size}",
    "ms (quartiles)": "{milliseconds:.2f} ({quartiles_ms[0]:.2f}-{quartiles_ms[1]:.2f})",
    "images/s": "{images_per_s:,.0f}",
    "data, ms": "{data_wait_ms:.2f}",
    "MiB": "{memory_mib:,.0f}",
    "GFLOP": "{gflop:,.1f}",
    "share": "{peak_share:.1%}",
    "compile, s": "{compile_s:.1f}",
}
COMPARED: Columns = {
    "against float64": "{name}",
    "precision": "{precision}",
    "compared": "{count}",
    "worst value": "{value:.1e}",
    "worst gradient": "{gradient:.1e}",
    "above": "{names}",
}


def timing(seconds: list[float], batch_size: int) -> Row:
    """Median and quartiles of a call, and examples per second."""
    low, median, high = np.percentile(seconds, (25, 50, 75)).tolist()
    return {
        "batch_size": batch_size,
        "milliseconds": 1e3 * median,
        "quartiles_ms": (1e3 * low, 1e3 * high),
        "images_per_s": batch_size / median,
    }


def markdown(record: Row) -> str:
    """What `benchmarks.gpu` wrote: card, versions, times, errors, and what is missing."""
    rows = record["rows"]
    versions = ", ".join(" ".join(item) for item in record["versions"].items())
    rates = {r["precision"]: f"{r['rate'] / 1e12:,.1f} TFLOP/s" for r in rows if "rate" in r}
    failed = [f"{r['name']} {r['precision']}: {r['error']}" for r in rows if "error" in r]
    return "\n".join(
        [
            f"{record['card']}; {versions}. {record['tf32']}. Matrix products: {rates}.\n",
            *table(TIMED, (r for r in rows if "milliseconds" in r)),
            *table(COMPARED, (r | worst_of(r) for r in rows if "errors" in r)),
            f"Failed: {'; '.join(failed) or 'nothing'}.",
            f"Not reached: {', '.join(record['not_reached']) or 'nothing'}.",
        ]
    )


def worst_of(row: Row) -> Row:
    """The greatest of the errors of a row."""
    value, gradient = map(max, zip(*row["errors"].values(), strict=True))
    names = ", ".join(row["above"]) or "none"
    return {"count": len(row["errors"]), "value": value, "gradient": gradient, "names": names}


def table(columns: Columns, rows: Iterable[Row]) -> list[str]:
    """Lines of Markdown, and an empty one."""
    return [heading(columns), *(line(columns, row) for row in rows), ""]


def heading(columns: Columns) -> str:
    """The two lines above the rows."""
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"


def line(columns: Columns, row: Row) -> str:
    """The line of a row; empty where it has no such number."""

    def filled(form: str) -> str:
        try:
            return form.format(**row)
        except (KeyError, TypeError):  # there is none, or it is None
            return ""

    return f"| {' | '.join(map(filled, columns.values()))} |"
