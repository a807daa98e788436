"""The table of docs/performance.md, of what `benchmarks.gpu` wrote."""

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
TIMED: tuple[str, ...] = (
    "program",
    "precision",
    "batch",
    "ms (quartiles)",
    "images/s",
    "data, ms",
    "MiB",
    "GFLOP",
)
TIMED += ("share", "compile, s")
COMPARED = ("against float64", "precision", "compared", "worst value", "worst gradient", "above")


def markdown(record: Row) -> str:
    """Card, versions, times, errors, and what is missing."""
    rows = record["rows"]
    versions = ", ".join(" ".join(item) for item in record["versions"].items())
    rates = {r["precision"]: f"{r['rate'] / 1e12:,.1f} TFLOP/s" for r in rows if "rate" in r}
    failed = [f"{r['name']} {r['precision']}: {r['error']}" for r in rows if "error" in r]
    return "\n".join(
        [
            f"{record['card']}; {versions}. {record['tf32']}. Matrix products: {rates}.\n",
            *table(TIMED, map(timed, (r for r in rows if "milliseconds" in r))),
            *table(COMPARED, map(compared, (r for r in rows if "errors" in r))),
            f"Failed: {'; '.join(failed) or 'nothing'}.",
            f"Not reached: {', '.join(record['not_reached']) or 'nothing'}.",
        ]
    )


def table(head: tuple[str, ...], rows: Iterable[list[str]]) -> list[str]:
    """Lines of Markdown, and an empty one."""
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)] + [""]


def timed(row: Row) -> list[str]:
    """A line of the times; empty where there is no number."""
    low, high = row["quartiles_ms"]
    times = f"{row['milliseconds']:.2f} ({low:.2f}-{high:.2f})"
    form = {"images_per_s": ",.0f", "data_wait_ms": ".2f", "memory_mib": ",.0f", "gflop": ",.1f"}
    form |= {"peak_share": ".1%", "compile_s": ".1f"}
    numbers = [format(row[k], f) if row.get(k) is not None else "" for k, f in form.items()]
    return [f"`{row['name']}`", row["precision"], str(row["batch_size"]), times, *numbers]


def compared(row: Row) -> list[str]:
    """A line of the errors."""
    worst = [f"{max(errors):.1e}" for errors in zip(*row["errors"].values(), strict=True)]
    above = ", ".join(row["above"]) or "none"
    return [row["name"], row["precision"], str(len(row["errors"])), *worst, above]
