"""Pairs of pictures of two objects of a kind, and the key points that correspond.

Points are (x, y) in pixels of the upright picture (an EXIF orientation is applied first), counted
from 0 at pixel centres. A box (x0, y0, x1, y1) is two such points. Where a pair is `flipped`, both
pictures are mirrored when they are loaded, and points and boxes are those of the mirrored pictures.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from c3jax.files.errors import DataError
from c3jax.files.pictures import PictureError, in_threads, upright_size
from c3jax.files.sources import list_skipped, take

Looks = dict[Path, tuple[np.ndarray, int]]  # size of the upright picture, and its number


@dataclass(frozen=True)
class Annotated:
    """A picture as a list names it: its file, and where known points `[P, 2]` and a box `[4]`."""

    file: Path
    points_px: np.ndarray | None = None
    box_px: np.ndarray | None = None


@dataclass(frozen=True)
class PairRow:
    """One pair as a list gives it, before any check.

    Attributes:
      where: the list and the row, as errors call it.
      source, target: the two pictures.
      category: of the two objects, or None.
      flipped: mirror both pictures (here points and boxes are still those of the files).
    """

    where: str
    source: Annotated
    target: Annotated
    category: str | None = None
    flipped: bool = False


@dataclass(frozen=True)
class Side:
    """One picture of each of `num` pairs, column by column.

    Attributes:
      files: only `load_images` reads them.
      sizes: int `[num, 2]`, (width, height) of the upright pictures.
      numbers: int `[num]`, which of the distinct pictures of the set it is; files with the same
        contents are one picture.
      points_px: float32 `[P, 2]` of each pair, or None; P may differ between pairs.
      boxes_px: float32 `[num, 4]` of the objects, or None.
    """

    files: tuple[Path, ...]
    sizes: np.ndarray
    numbers: np.ndarray
    points_px: tuple[np.ndarray, ...] | None = None
    boxes_px: np.ndarray | None = None

    def select(self, rows: np.ndarray) -> "Side":
        """Some of the pairs, by indices."""
        return Side(*(take(column, rows) for column in vars(self).values()))

    def annotated(self, index: int) -> Annotated:
        """One of the pictures, with its points and its box."""
        points_px = None if self.points_px is None else self.points_px[index]
        box_px = None if self.boxes_px is None else self.boxes_px[index]
        return Annotated(self.files[index], points_px, box_px)

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Points in align-corners coordinates, and which of them are there.

        x = 2 x_px / (width - 1) - 1, in the original as in any size that `load_images` makes of it.

        Returns:
          float32 `[num, max P, 2]`, 0 beyond the P points of a pair, and bool `[num, max P]`.

        Raises:
          DataError: there are no points.
        """
        if self.points_px is None:
            raise DataError("these pairs have no key points; give them, or ask for no PCK")
        padded = np.zeros((len(self.files), max(map(len, self.points_px)), 2), np.float32)
        valid = np.zeros(padded.shape[:2], bool)
        for pair, points_px in enumerate(self.points_px):
            padded[pair, : len(points_px)] = 2 * points_px / (self.sizes[pair] - 1) - 1
            valid[pair, : len(points_px)] = True
        return padded, valid


@dataclass(frozen=True)
class Pairs:
    """Pairs of pictures.

    Attributes:
      name: of the data set.
      source, target: point p of the one corresponds to point p of the other.
      flipped: bool `[num]`, both pictures are mirrored.
      categories: of each pair, or None.
    """

    name: str
    source: Side
    target: Side
    flipped: np.ndarray
    categories: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.source.files)

    def __str__(self) -> str:
        kinds = f" in {len(set(self.categories))} categories" if self.categories else ""
        return f"{self.name}: {len(self):,} pairs of {self.num_pictures:,} pictures{kinds}"

    @property
    def num_pictures(self) -> int:
        """Distinct pictures."""
        return len(np.union1d(self.source.numbers, self.target.numbers))

    def select(self, chosen) -> "Pairs":
        """Some of the pairs, by a mask or by indices."""
        rows = np.arange(len(self))[chosen]
        return replace(
            self,
            source=self.source.select(rows),
            target=self.target.select(rows),
            flipped=self.flipped[rows],
            categories=take(self.categories, rows),
        )


def make_pairs(
    rows: Sequence[PairRow],
    *,
    name: str,
    slack_px: float = 0.5,
    left_out: dict[int, str] | None = None,
) -> Pairs:
    """Checks every row and the header of every picture, and joins the rows.

    Args:
      rows: as listed; categories, points and boxes in all of them or in none.
      name: of the data set.
      slack_px: how far beyond the centres of the border pixels a point may lie.
      left_out: gets the numbers of the rows, from 1, whose pictures cannot be used, and why; by
        default they are refused, as they are where no row is left.

    Raises:
      DataError: names the row, and what to change.
    """
    if not rows:
        raise DataError(f"{name}: no pairs; list at least one")
    seen, faults = _look_at(rows)
    kept = [row for row in rows if not {row.source.file, row.target.file} & faults.keys()]
    if faults and (left_out is None or not kept):
        raise DataError(
            f"{name}: {len(faults)} of its {len(faults) + len(seen)} pictures cannot be used; put "
            f"them in place or take their rows out.{list_skipped(_first_rows(rows, faults))}"
        )
    for number, row in enumerate(rows, start=1):
        for file in (row.source.file, row.target.file):
            if left_out is not None and file in faults:
                left_out[number] = f"{file}: {faults[file]}"
    rows = kept
    for row in rows:
        _check_row(row, seen, slack_px)
    categories = _column(name, "category", [row.category for row in rows])
    flipped = [row.flipped for row in rows]
    return Pairs(
        name=name,
        source=_join(name, [row.source for row in rows], flipped, seen),
        target=_join(name, [row.target for row in rows], flipped, seen),
        flipped=np.array(flipped),
        categories=categories and tuple(categories),
    )


def _look_at(rows: Sequence[PairRow]) -> tuple[Looks, dict[Path, str]]:
    """All pictures that can be used, and why the others cannot."""
    files = [end.file for row in rows for end in (row.source, row.target)]

    def size_and_digest(file: Path) -> tuple[tuple[int, int], bytes]:
        size = upright_size(file)
        with open(file, "rb") as opened:
            return size, hashlib.file_digest(opened, "sha256").digest()

    distinct = list(dict.fromkeys(files))
    looks = in_threads(size_and_digest, distinct, label="looking at pictures")
    found = dict(zip(distinct, looks, strict=True))
    faults = {file: look.reason for file, look in found.items() if isinstance(look, PictureError)}
    numbers: dict[bytes, int] = {}
    seen = {
        file: (np.array(look[0]), numbers.setdefault(look[1], len(numbers)))
        for file, look in found.items()
        if file not in faults
    }
    return seen, faults


def _first_rows(rows: Sequence[PairRow], faults: dict[Path, str]) -> list[tuple[str, str]]:
    """The faults, each with the first row of its picture."""
    first: dict[Path, str] = {}
    for row in rows:
        for end in (row.source, row.target):
            first.setdefault(end.file, row.where)
    return [(f"{first[file]}: {file}", why) for file, why in faults.items()]


def _check_row(row: PairRow, seen: Looks, slack_px: float) -> None:
    ends = {"source": row.source, "target": row.target}
    if row.source.file == row.target.file:
        raise DataError(f"{row.where}: {row.source.file} is paired with itself; name another one")
    counts = [None if end.points_px is None else len(end.points_px) for end in ends.values()]
    if counts[0] != counts[1] or 0 in counts:
        raise DataError(
            f"{row.where}: {counts[0] or 'no'} points in the source and {counts[1] or 'no'} in the "
            "target; give each point in both"
        )
    for side, end in ends.items():
        for number, point in enumerate(() if end.points_px is None else end.points_px, start=1):
            where = f"{row.where}: point {number} of the {side}"
            check_inside(where, point, end.file, seen[end.file][0], slack_px)


def check_inside(where: str, point_px: np.ndarray, file: Path, size, slack_px: float = 0.5) -> None:
    """Raises DataError for a point `[2]` too far beyond the centres of a picture's border."""
    (x, y), (width, height) = point_px, size
    # Not a number is not within either bound.
    if not (-slack_px <= x <= width - 1 + slack_px and -slack_px <= y <= height - 1 + slack_px):
        raise DataError(
            f"{where}, ({x:g}, {y:g}), lies outside the {width}x{height} pixels of {file}; correct "
            "it (x, y from 0, in pixels of the upright original)"
        )


def _join(name: str, side: Sequence[Annotated], flipped: Sequence[bool], seen: Looks) -> Side:
    sizes, numbers = zip(*(seen[picture.file] for picture in side), strict=True)
    shown = [
        mirror(picture, width) if flip else picture
        for picture, (width, _), flip in zip(side, sizes, flipped, strict=True)
    ]
    points = _column(name, "key points", [picture.points_px for picture in shown])
    boxes = _column(name, "boxes", [picture.box_px for picture in shown])
    return Side(
        files=tuple(picture.file for picture in side),
        sizes=np.stack(sizes),
        numbers=np.array(numbers),
        points_px=points and tuple(np.asarray(p, np.float32) for p in points),
        boxes_px=boxes and np.array(boxes, np.float32),
    )


def mirror(picture: Annotated, width: int) -> Annotated:
    """Points and box in the mirror image of the picture: x becomes width - 1 - x."""
    points_px, box_px = picture.points_px, picture.box_px
    if points_px is not None:
        points_px = np.array([width - 1, 0]) + np.array([-1, 1]) * points_px
    if box_px is not None:
        x0, y0, x1, y1 = box_px
        box_px = np.array([width - 1 - x1, y0, width - 1 - x0, y1])
    return Annotated(picture.file, points_px, box_px)


def _column(name: str, what: str, cells: list) -> Any:
    """All cells, or None if all are missing."""
    missing = sum(cell is None for cell in cells)
    if 0 < missing < len(cells):
        raise DataError(f"{name}: {missing} of {len(cells)} rows have no {what}; fill all or none")
    return None if missing else cells
