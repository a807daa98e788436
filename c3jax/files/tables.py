"""Comma-separated tables with a header.

DataError names the row (from 1, without the header) and the column.
"""

import codecs
import csv
import math
import os
import posixpath
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from c3jax.files.errors import DataError


class Row(NamedTuple):
    """A row of a table: `where` it is, as errors call it, and its cells by column."""

    where: str
    cells: dict[str, str]

    def faulty(self, column: str, why: str) -> DataError:
        """The error for one of the cells."""
        return DataError(f"{self.where}, column {column!r}: {why}")

    def numbers(self, column: str) -> np.ndarray:
        """The numbers of a cell, with `;` between them."""
        cell = self.cells[column]
        numbers = np.array([_number(part) for part in cell.split(";")])
        if not np.isfinite(numbers).all():
            raise self.faulty(column, f"{cell!r} is not numbers with ; between them")
        return numbers


def key_of(name: str) -> str:
    r"""What names of one picture have in common: `/` or `\`, `./`, and any Unicode form.

    >>> key_of("./sub\\a.jpg")
    'sub/a.jpg'
    """
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")  # from a disk
    return posixpath.normpath(unicodedata.normalize("NFC", name).replace("\\", "/"))


class Files:
    """The files below a folder, by the names that a table has for them.

    A name that is not there as it is written is looked up by what its parts have in common
    (`key_of`) with those on the disk.
    """

    def __init__(self, root: Path):
        self.root = root
        self._listed: dict[Path, dict[str, str]] = {}

    def find(self, name: str) -> str:
        """The name of the file, relative to the folder; `name` where there is none."""
        if (self.root / name).exists():
            return name
        found = Path()
        for part in key_of(name).split("/"):
            if part not in (there := self._list(found)):
                return name
            found /= there[part]
        return found.as_posix()

    def _list(self, folder: Path) -> dict[str, str]:
        if folder not in self._listed:
            here = self.root / folder
            names = os.listdir(here) if here.is_dir() else ()
            self._listed[folder] = {key_of(name): name for name in names}
        return self._listed[folder]


def read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """The header of a table, and the cells of its rows."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if line]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        with open(path, "rb") as file:
            is_utf_16 = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        what = "UTF-16 text: save it as UTF-8" if is_utf_16 else f"not UTF-8 text ({error})"
        raise DataError(f"{path}: not a comma-separated text table, but {what}") from None
    except csv.Error as error:
        raise DataError(f"{path}: not a comma-separated text table ({error})") from None
    if not lines:
        raise DataError(f"{path}: empty; its first line must be a header")
    for delimiter, name in ((";", "';'"), ("\t", "a tab"), ("|", "'|'")):
        if len(lines[0]) == 1 and delimiter in lines[0][0]:
            raise DataError(f"{path}: its columns are separated by {name}; save it with commas")
    header, *rows = [[cell.strip() for cell in line] for line in lines]
    return header, rows


def read_number_table(
    path: Path, *, blank: bool = False, repeated: bool = False
) -> tuple[list[str], list[tuple[str, list[float]]]]:
    """Reads a table whose first column is a name and whose other columns are numbers.

    Args:
      path: the file.
      blank: whether cells may be blank; they are NaN then.
      repeated: whether a name may occur twice.

    Returns:
      The header, and (name, numbers) for each row.
    """
    header, lines = read_table(path)
    table: list[tuple[str, list[float]]] = []
    first: dict[str, int] = {}
    for row, (name, *cells) in zip(_rows(path, header, lines), lines, strict=True):
        before = first.setdefault(key_of(name), len(table) + 1)
        if before <= len(table) and not repeated:
            raise DataError(f"{row.where} repeats {name!r} of row {before}")
        columns = zip(header[1:], cells, strict=True)
        numbers = [
            math.nan if blank and not cell else _finite(f"{row.where}, column {column!r}", cell)
            for column, cell in columns
        ]
        table.append((name, numbers))
    return header, table


def read_rows(path: Path, *, required=(), optional=()) -> list[Row]:
    """Rows of a table whose header has such columns; no cell is empty."""
    header, lines = read_table(path)
    unknown, missing = {*header} - {*required, *optional}, {*required} - {*header}
    if unknown or missing or len(set(header)) < len(header):
        raise DataError(
            f"{path}: the header is {','.join(header)!r}; needed: {','.join(required)}, "
            f"possible: {','.join(optional) or 'nothing else'}"
        )
    rows = _rows(path, header, lines)
    for row in rows:
        if empty := [column for column, cell in row.cells.items() if not cell]:
            raise row.faulty(empty[0], "empty; fill it in")
    return rows


def _rows(path: Path, header: list[str], lines: list[list[str]]) -> list[Row]:
    rows = []
    for number, cells in enumerate(lines, start=1):
        where = f"{path}: row {number}"
        if len(cells) != len(header):
            raise DataError(f"{where} has {len(cells)} columns, its header {len(header)}")
        rows.append(Row(where, dict(zip(header, cells, strict=True))))
    return rows


def read_floats(where: str, cells: Sequence[str]) -> list[float]:
    """Numbers of a published file, or a DataError that begins with `where`."""
    return [_finite(where, cell, "; download the file anew") for cell in cells]


def _finite(where: str, cell: str, fix: str = "") -> float:
    if not math.isfinite(value := _number(cell)):
        raise DataError(f"{where}: {cell!r} is not a number{fix}")
    return value


def _number(cell: str) -> float:
    """A number, NaN where it is none."""
    try:
        return float(cell)
    except ValueError:
        return math.nan
