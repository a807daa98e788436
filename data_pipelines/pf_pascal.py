"""PF-PASCAL: the published pictures, annotations and pair lists.

    JPEGImages/NAME.jpg
    Annotations/CLASS/NAME.mat   kps, P x 2, NaN where a point is not seen, and bbox, 1 x 4
    train_pairs.csv, val_pairs.csv, test_pairs.csv

The lists may lie in a folder of their own. Points count from 1. `test_pairs.csv` carries the points
of its pairs (XA;..., YA, XB, YB); those of the other lists, and all boxes, come from the
annotations. Nothing is ever downloaded.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from data_pipelines.catalogue import require_files
from data_pipelines.errors import DataError
from data_pipelines.matlab import read_matlab
from data_pipelines.pairs import Annotated, PairRow, Pairs, make_pairs
from data_pipelines.pairs_csv import read_numbers, read_rows
from data_pipelines.published_lists import inside

Split = Literal["train", "val", "test"]
COUNTS = {"train": 2940, "val": 308, "test": 299}
ARCHIVE, LIST = "PF-dataset-PASCAL", "{}_pairs.csv"
PICTURES, ANNOTATIONS = "JPEGImages", "Annotations"
CATEGORIES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
# Annotators may have clicked beyond the border; a published point is not the user's to correct.
SLACK_PX = 5.0
_POINTS = ("XA", "YA", "XB", "YB")


@dataclass(frozen=True)
class PairList:
    """One of the published lists.

    Attributes:
      file: of the list.
      source, target: file names of the pictures, without folders.
      categories: of each pair.
      flipped: bool `[num]`, both pictures are mirrored (the second half of the training list).
      points_px: source and target points `[P, 2]` of each pair, counted from 0; None where the
        list has none.
    """

    file: Path
    source: tuple[str, ...]
    target: tuple[str, ...]
    categories: tuple[str, ...]
    flipped: np.ndarray
    points_px: tuple[tuple[np.ndarray, np.ndarray], ...] | None = None

    def __len__(self) -> int:
        return len(self.source)


class CleanSubsets(NamedTuple):
    """Masks of a test list: pairs that are not training pairs, and with pictures never trained."""

    pair_clean: np.ndarray
    image_clean: np.ndarray


def pf_pascal(folder, split: Split, pairs_folder=None, *, workers: int | None = None) -> Pairs:
    """The pairs of one list.

    Args:
      folder: holds JPEGImages and Annotations; the folder above PF-dataset-PASCAL will do.
      split: of the three lists.
      pairs_folder: holds the lists, by default `folder`.
      workers: threads that look at pictures, None for one a core.

    Returns:
      The pairs, in the order of the list. Without Annotations there are no boxes, and points of
      the test pairs only.

    Raises:
      DataError: a list, picture or annotation that is missing or not as published.
    """
    root, lists = inside(folder, ARCHIVE), pairs_folder or folder_of_lists(folder)
    require_files("pf_pascal", [root / PICTURES, Path(lists) / LIST.format(split)])
    pairs = read_list(lists, split)
    folder = root / ANNOTATIONS
    read = functools.cache(_annotation if folder.is_dir() else lambda _: (None, None))

    def row(index: int) -> PairRow:
        where, category = f"{pairs.file}: row {index + 1}", pairs.categories[index]
        names = pairs.source[index], pairs.target[index]
        (source, source_box), (target, target_box) = (
            read(folder / category / Path(name).with_suffix(".mat")) for name in names
        )
        if pairs.points_px:
            source, target = pairs.points_px[index]
        elif source is not None and target is not None:
            source, target = _seen_in_both(where, source, target)
        return PairRow(
            where,
            Annotated(root / PICTURES / names[0], source, source_box),
            Annotated(root / PICTURES / names[1], target, target_box),
            category=category,
            flipped=bool(pairs.flipped[index]),
        )

    rows = [row(index) for index in range(len(pairs))]
    name = f"PF-PASCAL {split}"
    return make_pairs(rows, name=name, slack_px=SLACK_PX, workers=workers)


def folder_of_lists(folder) -> Path:
    """Where the lists are: beside the pictures, or in the folder above."""
    root = inside(folder, ARCHIVE)
    return root if (root / LIST.format("test")).is_file() else Path(folder)


def read_list(pairs_folder, split: Split) -> PairList:
    """Reads a pair list alone; its pictures need not be in place.

    Raises:
      DataError: an unknown split, no such list, a faulty row, or not as many rows as published.
    """
    if split not in COUNTS:
        raise DataError(f"split is {split!r}; it must be one of {', '.join(get_args(Split))}")
    path = Path(pairs_folder) / LIST.format(split)
    require_files("pf_pascal", [path])
    required = ("source_image", "target_image", "class")
    rows = read_rows(path, required=required, optional=("flip", *_POINTS))
    if len(rows) != COUNTS[split]:
        raise DataError(
            f"{path}: {len(rows):,} pairs, {COUNTS[split]:,} are published; download it anew"
        )
    points = [_listed_points(path, number, row) for number, row in enumerate(rows, start=1)]
    return PairList(
        file=path,
        source=tuple(Path(row["source_image"]).name for row in rows),
        target=tuple(Path(row["target_image"]).name for row in rows),
        categories=tuple(_category(path, number, row) for number, row in enumerate(rows, start=1)),
        flipped=np.array([row.get("flip", "0") == "1" for row in rows]),
        points_px=None if points[0] is None else tuple(points),
    )


def clean_subsets(test: PairList, train: PairList) -> CleanSubsets:
    """Test pairs that training has not seen, in either order, and those of unseen pictures.

    Of the 299 published test pairs 204 are not training pairs, and 79 share no picture with them.
    """
    pairs = {frozenset(pair) for pair in zip(train.source, train.target, strict=True)}
    pictures = frozenset().union(*pairs)
    tested = [frozenset(pair) for pair in zip(test.source, test.target, strict=True)]
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


def _category(path: Path, number: int, row: dict[str, str]) -> str:
    label = row["class"]
    if not label.isdigit() or not 1 <= int(label) <= len(CATEGORIES):
        raise DataError(f"{path}: row {number}, column 'class': {label!r} is not 1 to 20")
    return CATEGORIES[int(label) - 1]
