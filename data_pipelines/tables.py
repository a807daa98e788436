"""Comma-separated tables with a header, read with errors that name the row and the column."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from data_pipelines.errors import DataError


def read_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """The header of a table, and the cells of its rows.

    Raises:
      DataError: no such file, no text, no header.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if line]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a comma-separated text table ({error})") from None
    if not lines:
        raise DataError(f"{path}: empty; its first line must be a header")
    return [cell.strip() for cell in lines[0]], lines[1:]


def read_number_table(path: Path) -> tuple[list[str], list[tuple[str, list[float]]]]:
    """Reads a table whose first column is a name and whose other columns are numbers.

    Returns:
      The header, and (name, numbers) for each row. Rows count from 1, the header not included.

    Raises:
      DataError: no such file, no header, a row of another length, a cell that is not a finite
        number, a name that occurs twice.
    """
    header, rows = read_cells(path)
    table: list[tuple[str, list[float]]] = []
    first_row: dict[str, int] = {}
    for number, cells in enumerate(rows, start=1):
        if len(cells) != len(header):
            raise DataError(
                f"{path}: row {number} has {len(cells)} columns, its header {len(header)}"
            )
        name = cells[0].strip()
        if name in first_row:
            raise DataError(f"{path}: row {number} repeats {name!r} of row {first_row[name]}")
        first_row[name] = number
        table.append((name, _numbers(path, number, header[1:], cells[1:])))
    return header, table


def _numbers(path: Path, row: int, columns: Sequence[str], cells: Sequence[str]) -> list[float]:
    values = []
    for column, cell in zip(columns, cells, strict=True):
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise DataError(f"{path}: row {row}, column {column!r}: {cell!r} is not a number")
        values.append(value)
    return values
