"""PF-PASCAL: the published pictures, annotations and pair lists.

    JPEGImages/NAME.jpg
    Annotations/CLASS/NAME.mat   kps, P x 2, NaN where a point is not seen, and bbox, 1 x 4
    train_pairs.csv, val_pairs.csv, test_pairs.csv

The lists may lie in a folder of their own. Points count from 1. `test_pairs.csv` carries the points
of its pairs (XA;..., YA, XB, YB); those of the other lists, and all boxes, come from the
annotations.
"""

import functools
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from data_pipelines.catalogue import find, require_files
from data_pipelines.errors import DataError
from data_pipelines.pairs import Annotated, PairRow, Pairs, make_pairs
from data_pipelines.readers.matlab import read_matlab
from data_pipelines.readers.published import check_count, check_split, inside
from data_pipelines.readers.voc import CATEGORIES
from data_pipelines.tables import read_numbers, read_rows

Split = Literal["train", "val", "test"]
NAME = "pf_pascal"
SPLITS = get_args(Split)
COUNTS = find(NAME).counts
ARCHIVE, LIST = "PF-dataset-PASCAL", "{}_pairs.csv"
PICTURES, ANNOTATIONS = "JPEGImages", "Annotations"
# Annotators may have clicked beyond the border; a published point is not the user's to correct.
SLACK_PX = 5.0
_POINTS = ("XA", "YA", "XB", "YB")


class Listed(NamedTuple):
    """A row of a published list.

    Attributes:
      where: the list and the row, as errors call it.
      pictures: names of the source and the target, without folders.
      category: of both.
      flipped: both pictures are mirrored (the second half of the training list).
      points_px: source and target points `[P, 2]`, counted from 0; None where the list has none.
    """

    where: str
    pictures: tuple[str, str]
    category: str
    flipped: bool
    points_px: tuple[np.ndarray, np.ndarray] | None


class CleanSubsets(NamedTuple):
    """Masks of a test list: pairs that are not training pairs, and with pictures never trained."""

    pair_clean: np.ndarray
    image_clean: np.ndarray


def read(folder, split: Split, pairs_folder=None) -> Pairs:
    """The pairs of one list, in its order; `pairs_folder` holds the lists, by default `folder`.

    Without Annotations there are no boxes, and points of the test pairs only.
    """
    root, lists = inside(folder, ARCHIVE), pairs_folder or folder_of_lists(folder)
    require_files(NAME, [root / PICTURES, Path(lists) / LIST.format(split)])
    annotations = root / ANNOTATIONS
    look_up = functools.cache(_annotation if annotations.is_dir() else lambda _: (None, None))

    def row(listed: Listed) -> PairRow:
        files = [Path(listed.category, name).with_suffix(".mat") for name in listed.pictures]
        points, boxes = zip(*(look_up(annotations / file) for file in files), strict=True)
        if listed.points_px:
            points = listed.points_px
        elif points[0] is not None:
            points = _seen_in_both(listed.where, *points)
        source, target = (
            Annotated(root / PICTURES / name, seen, box)
            for name, seen, box in zip(listed.pictures, points, boxes, strict=True)
        )
        return PairRow(listed.where, source, target, listed.category, listed.flipped)

    rows = [row(listed) for listed in read_list(lists, split)]
    return make_pairs(rows, name=f"PF-PASCAL {split}", slack_px=SLACK_PX)


def folder_of_lists(folder) -> Path:
    """Where the lists are: beside the pictures, or in the folder above."""
    root = inside(folder, ARCHIVE)
    return root if (root / LIST.format("test")).is_file() else Path(folder)


def read_list(pairs_folder, split: Split) -> list[Listed]:
    """Reads a pair list alone; its pictures need not be in place."""
    check_split(split, SPLITS)
    path = Path(pairs_folder) / LIST.format(split)
    require_files(NAME, [path])
    required = ("source_image", "target_image", "class")
    rows = read_rows(path, required=required, optional=("flip", *_POINTS))
    check_count(path, len(rows), COUNTS[split], what="pairs")
    return [
        Listed(
            f"{path}: row {number}",
            (Path(row["source_image"]).name, Path(row["target_image"]).name),
            _category(path, number, row["class"]),
            row.get("flip") == "1",
            _listed_points(path, number, row),
        )
        for number, row in enumerate(rows, start=1)
    ]


def clean_subsets(test: list[Listed], train: list[Listed]) -> CleanSubsets:
    """Test pairs that training has not seen, in either order, and those of unseen pictures.

    Of the 299 published test pairs 204 are not training pairs, and 79 share no picture with them.
    """
    pairs = {frozenset(row.pictures) for row in train}
    pictures = frozenset().union(*pairs)
    tested = [frozenset(row.pictures) for row in test]
    return CleanSubsets(
        pair_clean=np.array([pair not in pairs for pair in tested]),
        image_clean=np.array([not pair & pictures for pair in tested]),
    )


def _annotation(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Key points `[P, 2]` with NaN, and the box `[4]`, both counted from 0."""
    points, box = read_matlab(path, "kps", "bbox")
    if points.ndim != 2 or points.shape[1] != 2 or box.size < 4:
        raise DataError(f"{path}: kps is {points.shape} and bbox {box.shape}; replace the file")
    return points - 1, box.reshape(-1)[:4] - 1


def _seen_in_both(where: str, source: np.ndarray, target: np.ndarray):
    if source.shape != target.shape:
        raise DataError(
            f"{where}: {len(source)} points annotated in the source, {len(target)} in the target; "
            "replace the annotations"
        )
    seen = np.isfinite(source).all(-1) & np.isfinite(target).all(-1)
    return source[seen], target[seen]


def _listed_points(path: Path, number: int, row: dict[str, str]):
    if not all(column in row for column in _POINTS):
        return None
    cells = [read_numbers(path, number, column, row[column]) for column in _POINTS]
    if len({len(cell) for cell in cells}) > 1:
        raise DataError(f"{path}: row {number}: XA, YA, XB and YB differ in length")
    xa, ya, xb, yb = (cell - 1 for cell in cells)
    return np.stack([xa, ya], -1), np.stack([xb, yb], -1)


def _category(path: Path, number: int, label: str) -> str:
    if not label.isdigit() or not 1 <= int(label) <= len(CATEGORIES):
        raise DataError(f"{path}: row {number}, column 'class': {label!r} is not 1 to 20")
    return CATEGORIES[int(label) - 1]
