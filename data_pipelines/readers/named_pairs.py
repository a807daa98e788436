"""Pairs of pictures as they are named on a command line, all of them there and readable."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.pictures import read_picture
from data_pipelines.readers.pairs_csv import pairs_csv
from data_pipelines.readers.pairs_folder import pairs_folder
from data_pipelines.tables import read_numbers, read_rows

INPUTS = "give two pictures, a table of pairs (.csv) or a folder of pairs"


@dataclass(frozen=True)
class Pair:
    """Two pictures, and named points of the source `[K, 2]` in its pixels."""

    source: Path
    target: Path
    names: tuple[str, ...] = ()
    points_px: np.ndarray | None = None


def find_pairs(inputs: tuple[Path, ...], points: Path | None) -> list[Pair]:
    """The pairs of two pictures, a table or a folder; `points` are those of a single pair."""
    paths = [path.expanduser() for path in inputs]
    if len(paths) == 2 and not any(_is_many(path) for path in paths):
        return [pair_of(paths[0], paths[1], points)]
    if len(paths) != 1 or not _is_many(paths[0]):
        raise DataError(f"{INPUTS}; got {', '.join(map(str, paths)) or 'nothing'}")
    if points is not None:
        raise DataError(
            f"--points are of one pair of pictures, {paths[0]} names many: give points in a table, "
            "in its columns source_points and target_points"
        )
    found = pairs_csv(paths[0]) if _is_table(paths[0]) else pairs_folder(paths[0])
    listed = found.source.points_px or (None,) * len(found)
    return [
        Pair(source, target, () if p is None else tuple(map(str, range(len(p)))), p)
        for source, target, p in zip(found.source.files, found.target.files, listed, strict=True)
    ]


def pair_of(source: Path, target: Path, points: Path | None) -> Pair:
    """Two pictures, and the points of a table that lie in the first."""
    height, width = read_picture(source).shape[:2]
    read_picture(target)
    if points is None:
        return Pair(source, target)
    table = points.expanduser()
    names, places = [], []
    for number, row in enumerate(read_rows(table, required=("x", "y"), optional=("point",)), 1):
        names.append(row.get("point", str(number - 1)))
        x, y = (read_numbers(table, number, axis, row[axis]) for axis in "xy")
        if len(x) != 1 or len(y) != 1:
            raise DataError(f"{table}: row {number}: give one number for x and one for y")
        if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            raise DataError(
                f"{table}: row {number}: ({x[0]:g}, {y[0]:g}) lies outside the {width}x{height} "
                f"pixels of {source}; correct it (x, y from 0, in pixels of the upright original)"
            )
        places.append([x[0], y[0]])
    return Pair(source, target, tuple(names), np.array(places).reshape(-1, 2))


def _is_table(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _is_many(path: Path) -> bool:
    """Whether a path is that of a table or of a folder of pairs."""
    return path.is_dir() or _is_table(path)
