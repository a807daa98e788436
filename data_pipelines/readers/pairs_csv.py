"""Own pairs: a table of source and target pictures, with points where they are known.

    source,target,category,source_points,target_points
    a.jpg,b.jpg,mug,12.5;40;88;41,15;38;90.5;44

Pictures are relative to the table's folder. `category` and the points are optional, each column
filled in all rows or left out. Points are x1;y1;x2;y2 and so on, in pixels of the upright picture,
counted from 0 at pixel centres; point p of the source corresponds to point p of the target.
"""

from pathlib import Path

from data_pipelines.errors import DataError
from data_pipelines.pairs import Annotated, PairRow, Pairs, make_pairs
from data_pipelines.tables import read_numbers, read_rows

TABLE = "pairs.csv"  # what is prepared of a folder
REQUIRED = ("source", "target")
OPTIONAL = ("category", "source_points", "target_points")


def pairs_csv(file) -> Pairs:
    """Reads a table of pairs. Rows count from 1, without the header."""
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
    return make_pairs(pairs, name=str(path))


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
