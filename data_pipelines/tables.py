"""Comma-separated tables with a header.

DataError names the row (from 1, without the header) and the column.
"""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_pipelines.errors import DataError


def read_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """The header of a table, and the cells of its rows."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if line]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a comma-separated text table ({error})") from None
    if not lines:
        raise DataError(f"{path}: empty; its first line must be a header")
    header, *rows = [[cell.strip() for cell in line] for line in lines]
    return header, rows


def read_number_table(path: Path) -> tuple[list[str], list[tuple[str, list[float]]]]:
    """Reads a table whose first column is a name and whose other columns are numbers.

    Returns:
      The header, and (name, numbers) for each row; no name occurs twice.
    """
    header, rows = read_cells(path)
    _check_lengths(path, header, rows)
    table: dict[str, list[float]] = {}
    for number, (name, *cells) in enumerate(rows, start=1):
        if name in table:
            first = list(table).index(name) + 1
            raise DataError(f"{path}: row {number} repeats {name!r} of row {first}")
        table[name] = []
        for column, cell in zip(header[1:], cells, strict=True):
            if not math.isfinite(value := _number(cell)):
                where = f"{path}: row {number}, column {column!r}"
                raise DataError(f"{where}: {cell!r} is not a number")
            table[name].append(value)
    return header, list(table.items())


def read_rows(path: Path, *, required=(), optional=()) -> list[dict[str, str]]:
    """Rows of a table whose header has such columns, as (column, cell); no cell is empty."""
    header, lines = read_cells(path)
    allowed = (*required, *optional)
    unknown = [column for column in header if column not in allowed]
    missing = [column for column in required if column not in header]
    if unknown or missing or len(set(header)) < len(header):
        raise DataError(
            f"{path}: the header is {','.join(header)!r}; needed: {','.join(required)}, "
            f"possible: {','.join(optional) or 'nothing else'}"
        )
    _check_lengths(path, header, lines)
    rows = [dict(zip(header, cells, strict=True)) for cells in lines]
    for number, row in enumerate(rows, start=1):
        if empty := [column for column, cell in row.items() if not cell]:
            raise DataError(f"{path}: row {number}, column {empty[0]!r}: empty; fill it in")
    return rows


def read_numbers(path: Path, row: int, column: str, cell: str) -> np.ndarray:
    """Numbers with `;` between them."""
    numbers = np.array([_number(part) for part in cell.split(";")])
    if not np.isfinite(numbers).all():
        raise DataError(
            f"{path}: row {row}, column {column!r}: {cell!r} is not numbers with ; between them"
        )
    return numbers


def read_floats(where: str, cells: Sequence[str]) -> list[float]:
    """Numbers of a published file, or a DataError that begins with `where`."""
    values = [_number(cell) for cell in cells]
    for cell, value in zip(cells, values, strict=True):
        if not math.isfinite(value):
            raise DataError(f"{where}: {cell!r} is not a number; download the file anew")
    return values


def _check_lengths(path: Path, header: list[str], rows: list[list[str]]) -> None:
    for number, cells in enumerate(rows, start=1):
        if len(cells) != len(header):
            raise DataError(
                f"{path}: row {number} has {len(cells)} columns, its header {len(header)}"
            )


def _number(cell: str) -> float:
    """A number, NaN where it is none."""
    try:
        return float(cell)
    except ValueError:
        return math.nan
