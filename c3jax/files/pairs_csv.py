"""Own pairs: a table of source and target pictures, with points where they are known.

    source,target,category,source_points,target_points
    a.jpg,b.jpg,mug,12.5;40;88;41,15;38;90.5;44

Pictures are relative to the table's folder. `category` and the points are optional, each column
filled in all rows or left out. Points are x1;y1;x2;y2 and so on, in pixels of the upright picture,
counted from 0 at pixel centres; point p of the source corresponds to point p of the target.
"""

from pathlib import Path

from c3jax.files.pairs import Annotated, PairRow, Pairs, make_pairs
from c3jax.files.published import check_split
from c3jax.files.tables import Files, Row, read_rows

SPLITS = ("pairs",)
TABLE = "pairs.csv"  # what is prepared of a folder
REQUIRED = ("source", "target")
OPTIONAL = ("category", "source_points", "target_points")


def read(folder, split: str) -> Pairs:
    """The table of a folder."""
    check_split(split, SPLITS)
    return pairs_csv(Path(folder) / TABLE)


def pairs_csv(file, *, left_out: dict[int, str] | None = None) -> Pairs:
    """Reads a table of pairs. Rows count from 1, without the header.

    `left_out` gets the rows whose pictures cannot be used, see `make_pairs`.
    """
    path = Path(file)
    pairs, files = [], Files(path.parent)
    for row in read_rows(path, required=REQUIRED, optional=OPTIONAL):
        source, target = (_picture(files, row, side) for side in REQUIRED)
        pairs.append(PairRow(row.where, source, target, row.cells.get("category")))
    return make_pairs(pairs, name=str(path), left_out=left_out)


def _picture(files: Files, row: Row, side: str) -> Annotated:
    file, column = files.root / files.find(row.cells[side]), f"{side}_points"
    if column not in row.cells:
        return Annotated(file)
    numbers = row.numbers(column)
    if len(numbers) % 2:
        raise row.faulty(column, f"{len(numbers)} numbers; give x;y per point")
    return Annotated(file, numbers.reshape(-1, 2))
