"""Pairs of pictures as they are named on a command line, all of them there and readable.

In a folder they are told by their names, NAMEsource.jpg and NAMEtarget.jpg:

    mug/source.jpg   mug/target.jpg
    cars_1_source.png   cars_1_target.png
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from c3jax.files.errors import DataError
from c3jax.files.folder import find_pictures, tell_passed_over
from c3jax.files.pairs import Annotated, PairRow, Pairs, check_inside, make_pairs
from c3jax.files.pairs_csv import pairs_csv
from c3jax.files.pictures import read_picture
from c3jax.files.tables import read_rows

SIDES = ("source", "target")
INPUTS = "give two pictures, a table of pairs (.csv) or a folder of pairs"


@dataclass(frozen=True)
class Pair:
    """Two pictures, and named points of the source `[K, 2]` in its pixels; `number` from 1."""

    source: Path
    target: Path
    number: int = 1
    names: tuple[str, ...] = ()
    points_px: np.ndarray | None = None


def find_pairs(
    inputs: tuple[Path, ...], points: Path | None, left_out: dict[int, str] | None = None
) -> list[Pair]:
    """The pairs of two pictures, a table or a folder; `points` are those of a single pair.

    Of many pairs `left_out` gets the numbers of those whose pictures cannot be used, and why.
    """
    paths = [path.expanduser() for path in inputs]
    many = [path for path in paths if path.is_dir() or path.suffix.lower() == ".csv"]
    if len(paths) == 2 and not many:
        return [pair_of(paths[0], paths[1], points)]
    if len(paths) != 1 or not many:
        raise DataError(f"{INPUTS}; got {', '.join(map(str, paths)) or 'nothing'}")
    if points is not None:
        raise DataError(
            f"--points are of one pair of pictures, {paths[0]} names many: give points in a table, "
            "in its columns source_points and target_points"
        )
    read = pairs_folder if paths[0].is_dir() else pairs_csv
    found = read(paths[0], left_out=left_out)
    listed = found.source.points_px or (None,) * len(found)
    without = left_out or {}
    numbers = [n for n in range(1, len(found) + len(without) + 1) if n not in without]
    columns = (found.source.files, found.target.files, numbers, listed)
    return [
        Pair(source, target, number, () if p is None else tuple(map(str, range(len(p)))), p)
        for source, target, number, p in zip(*columns, strict=True)
    ]


def pair_of(source: Path, target: Path, points: Path | None) -> Pair:
    """Two pictures, and the points of a table that lie in the first."""
    height, width = read_picture(source).shape[:2]
    read_picture(target)
    if points is None:
        return Pair(source, target)
    table = points.expanduser()
    names: list[str] = []
    places = []
    for row in read_rows(table, required=("x", "y"), optional=("point",)):
        names.append(row.cells.get("point", str(len(names))))
        x, y = (row.numbers(axis) for axis in "xy")
        if len(x) != 1 or len(y) != 1:
            raise DataError(f"{row.where}: give one number for x and one for y")
        places.append(np.concatenate([x, y]))
        check_inside(f"{row.where}: the point", places[-1], source, (width, height))
    return Pair(source, target, 1, tuple(names), np.array(places).reshape(-1, 2))


def pairs_folder(path, *, left_out: dict[int, str] | None = None) -> Pairs:
    """Pairs of a folder and all folders in it, sorted; other pictures are passed over and named.

    `left_out` gets the pairs whose pictures cannot be used, see `make_pairs`.
    """
    root = Path(path)
    found: dict[str, dict[str, Path]] = {}
    names = find_pictures(root)
    stems = {name: PurePosixPath(name).with_suffix("").as_posix() for name in names}
    others = [name for name, stem in stems.items() if not stem.lower().endswith(SIDES)]
    tell_passed_over(root, others)
    for name, stem in stems.items():
        for side in SIDES:
            if stem.lower().endswith(side):
                sides = found.setdefault(stem[: -len(side)], {})
                if side in sides:
                    raise DataError(f"{root / name}: {sides[side].name} is there too; keep one")
                sides[side] = root / name
    if not found:
        raise DataError(
            f"{root}: no pair in it; name the two pictures of each NAMEsource.jpg and "
            "NAMEtarget.jpg, such as mug/source.jpg and mug/target.jpg"
        )
    for sides in found.values():
        if len(sides) == 1:
            ((side, file),) = sides.items()
            other = SIDES[side == SIDES[0]]
            raise DataError(f"{file}: it has no {other} beside it; put it there, or rename this")
    rows = [
        PairRow(str(root / name), Annotated(sides["source"]), Annotated(sides["target"]))
        for name, sides in found.items()
    ]
    return make_pairs(rows, name=str(root), left_out=left_out)
