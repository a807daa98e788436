"""PF-PASCAL: the published pictures, annotations and pair lists.

    JPEGImages/NAME.jpg
    Annotations/CLASS/NAME.mat   kps, P x 2, NaN where a point is not seen, and bbox, 1 x 4
    train_pairs.csv, val_pairs.csv, test_pairs.csv

The lists may lie in a folder of their own. Points count from 1. `test_pairs.csv` carries the points
of its pairs (XA;..., YA, XB, YB); those of the other lists, and all boxes, come from the
annotations.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from c3jax.files.catalogue import find, require_files
from c3jax.files.errors import DataError
from c3jax.files.pairs import Annotated, PairRow, Pairs, make_pairs
from c3jax.files.published import check_count, check_split, inside, read_matlab
from c3jax.files.tables import Row, read_rows
from data_pipelines.readers.voc2012 import CATEGORIES

NAME = "pf_pascal"
SPLITS = ("train", "val", "test")
COUNTS = find(NAME).counts
ARCHIVE, LIST = "PF-dataset-PASCAL", "{}_pairs.csv"
PICTURES, ANNOTATIONS = "JPEGImages", "Annotations"
# Annotators may have clicked beyond the border; a published point is not the user's to correct.
SLACK_PX = 5.0
_POINTS = ("XA", "YA", "XB", "YB")


def needed(folder, split: str, pairs_folder=None) -> list[Path]:
    """What of the published files `read` needs."""
    lists = pairs_folder or folder_of_lists(folder)
    return [inside(folder, ARCHIVE) / PICTURES, Path(lists) / LIST.format(split)]


def read(folder, split: str, pairs_folder=None) -> Pairs:
    """The pairs of one list, in its order; `pairs_folder` holds the lists, by default `folder`.

    Without Annotations there are no boxes, and points of the test pairs only.
    """
    check_split(split, SPLITS)
    root, lists = inside(folder, ARCHIVE), pairs_folder or folder_of_lists(folder)
    require_files(NAME, needed(folder, split, lists))
    annotations = root / ANNOTATIONS
    look_up = functools.cache(_annotation if annotations.is_dir() else lambda _: (None, None))

    def in_place(row: PairRow) -> PairRow:
        """With the files and boxes of the pictures and, where the list has none, their points."""
        ends = (row.source, row.target)
        files = [annotations / f"{row.category}/{end.file.stem}.mat" for end in ends]
        points, boxes = zip(*map(look_up, files), strict=True)
        if row.source.points_px is not None:
            points = [end.points_px for end in ends]
        elif points[0] is not None:
            points = _seen_in_both(row.where, *points)
        source, target = (
            Annotated(root / PICTURES / end.file, seen, box)
            for end, seen, box in zip(ends, points, boxes, strict=True)
        )
        return replace(row, source=source, target=target)

    rows = [in_place(row) for row in read_list(lists, split)]
    return make_pairs(rows, name=f"PF-PASCAL {split}", slack_px=SLACK_PX)


def folder_of_lists(folder) -> Path:
    """Where the lists are: beside the pictures, or in the folder above."""
    root = inside(folder, ARCHIVE)
    return root if (root / LIST.format("test")).is_file() else Path(folder)


def read_list(pairs_folder, split: str) -> list[PairRow]:
    """Reads a pair list alone: names of pictures without folders, which need not be in place.

    Both pictures are mirrored in the second half of the training list.
    """
    path = Path(pairs_folder) / LIST.format(split)
    require_files(NAME, [path])
    required = ("source_image", "target_image", "class")
    rows = read_rows(path, required=required, optional=("flip", *_POINTS))
    check_count(path, len(rows), COUNTS[split], what="pairs")
    return list(map(_listed, rows))


def clean_subsets(test: list[PairRow], train: list[PairRow]) -> tuple[np.ndarray, np.ndarray]:
    """Masks of test pairs that are no training pairs, in either order, and of unseen pictures.

    Of the 299 published test pairs 204 are not training pairs, and 79 share no picture with them.
    """
    pairs = {frozenset((row.source.file, row.target.file)) for row in train}
    pictures = frozenset().union(*pairs)
    tested = [frozenset((row.source.file, row.target.file)) for row in test]
    unpaired = [pair not in pairs for pair in tested]
    return np.array(unpaired), np.array([not pair & pictures for pair in tested])


def _listed(row: Row) -> PairRow:
    label = row.cells["class"]
    if not label.isdigit() or not 1 <= int(label) <= len(CATEGORIES):
        raise row.faulty("class", f"{label!r} is not 1 to 20")
    points: Sequence[np.ndarray | None] = (None, None)
    if row.cells.keys() >= set(_POINTS):
        cells = [row.numbers(column) for column in _POINTS]
        if len({len(cell) for cell in cells}) > 1:
            raise DataError(f"{row.where}: XA, YA, XB and YB differ in length")
        points = [np.stack(xy, -1) - 1 for xy in (cells[:2], cells[2:])]
    source, target = (
        Annotated(Path(row.cells[column].rpartition("/")[2]), points_px)
        for column, points_px in zip(("source_image", "target_image"), points, strict=True)
    )
    category = CATEGORIES[int(label) - 1]
    return PairRow(row.where, source, target, category, flipped=row.cells.get("flip") == "1")


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
