"""What `benchmarks.bench` and `benchmarks.cost` refuse, print and write."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax

from benchmarks.table import Columns, Row, heading, line
from c3jax.tools.errors import UsageError
from c3jax.tools.outputs import json_text
from experiments.engine import runs


def check_out(out: Path | None) -> None:
    """Raises UsageError for a file in a folder that is not there."""
    if out is not None and not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}")


def report(options: Any, how: str, columns: Columns, rows: Iterable[Row], **about: Any) -> None:
    """Prints each row as soon as it is there; writes all of them as JSON to `out`."""
    device = jax.devices()[0].device_kind
    print(f"{device}, JAX {jax.__version__}, {how}, median of {options.repeats}\n")
    print(heading(columns), flush=True)
    done = []
    for row in rows:
        print(line(columns, row), flush=True)
        done.append(row)
    if options.out is not None:
        record = {"device": device, "jax": jax.__version__, **about}
        record |= {"options": runs.to_json(options), "rows": done}
        options.out.write_text(json_text(record, indent=2) + "\n", encoding="utf-8")
