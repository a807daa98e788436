"""Own pairs: a table of source and target pictures, with points where they are known.

    source,target,category,source_points,target_points
    a.jpg,b.jpg,mug,12.5;40;88;41,15;38;90.5;44

Pictures are relative to the table's folder. `category` and the points are optional, each column
filled in all rows or left out. Points are x1;y1;x2;y2 and so on, in pixels of the upright picture,
counted from 0 at pixel centres; point p of the source corresponds to point p of the target.
"""

from pathlib import Path

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.pairs import Annotated, PairRow, Pairs, make_pairs
from data_pipelines.tables import read_cells

REQUIRED = ("source", "target")
OPTIONAL = ("category", "source_points", "target_points")


def pairs_csv(file, *, workers: int | None = None) -> Pairs:
    """Reads a table of pairs.

    Args:
      file: the table.
      workers: threads that look at pictures, None for one a core.

    Raises:
      DataError: names the table, the row (from 1, without the header) and the column.
    """
    path = Path(file)
    rows = read_rows(path, required=REQUIRED, optional=OPTIONAL)
    pairs = [
        PairRow(
            f"{path}: row {number}",
            _picture(path, number, row, "source"),
            _picture(path, number, row, "target"),
            category=row.get("category"),
        )
        for number, row in enumerate(rows, start=1)
    ]
    return make_pairs(pairs, name=str(path), workers=workers)


def read_rows(path: Path, *, required=(), optional=()) -> list[dict[str, str]]:
    """Rows of a table with a header, as (column, cell).

    Raises:
      DataError: no such file, not such columns, a row of another length, an empty cell.
    """
    header, lines = read_cells(path)
    allowed = (*required, *optional)
    unknown = [column for column in header if column not in allowed]
    missing = [column for column in required if column not in header]
    if unknown or missing or len(set(header)) < len(header):
        raise DataError(
            f"{path}: the header is {','.join(header)!r}; needed: {','.join(required)}, "
            f"possible: {','.join(optional) or 'nothing else'}"
        )
    rows = []
    for number, cells in enumerate(lines, start=1):
        if len(cells) != len(header):
            raise DataError(
                f"{path}: row {number} has {len(cells)} columns, its header {len(header)}"
            )
        row = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
        for column, cell in row.items():
            if not cell:
                raise DataError(f"{path}: row {number}, column {column!r}: empty; fill it in")
        rows.append(row)
    return rows


def read_numbers(path: Path, row: int, column: str, cell: str) -> np.ndarray:
    """Numbers with `;` between them.

    Raises:
      DataError: names the row, the column and the cell.
    """
    try:
        numbers = np.array([float(part) for part in cell.split(";")])
    except ValueError:
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        raise DataError(
            f"{path}: row {row}, column {column!r}: {cell!r} is not numbers with ; between them"
        )
    return numbers


def _picture(path: Path, number: int, row: dict[str, str], side: str) -> Annotated:
    column = f"{side}_points"
    if column not in row:
        return Annotated(path.parent / row[side])
    numbers = read_numbers(path, number, column, row[column])
    if len(numbers) % 2:
        raise DataError(
            f"{path}: row {number}, column {column!r}: {len(numbers)} numbers; give x;y per point"
        )
    return Annotated(path.parent / row[side], numbers.reshape(-1, 2))
