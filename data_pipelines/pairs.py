"""Pairs of pictures of two objects of a kind, and the key points that correspond.

Points are (x, y) in pixels of the upright picture (an EXIF orientation is applied first), counted
from 0 at pixel centres. A box (x0, y0, x1, y1) is two such points. Where a pair is `flipped`, both
pictures are mirrored when they are loaded, and points and boxes are those of the mirrored pictures.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.pictures import PictureError, in_threads, upright_size

_LISTED = 10


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
class Pictures:
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

    def select(self, rows: np.ndarray) -> "Pictures":
        points, boxes = self.points_px, self.boxes_px
        return Pictures(
            files=tuple(self.files[row] for row in rows),
            sizes=self.sizes[rows],
            numbers=self.numbers[rows],
            points_px=None if points is None else tuple(points[row] for row in rows),
            boxes_px=None if boxes is None else boxes[rows],
        )

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
    source: Pictures
    target: Pictures
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
            categories=self.categories and tuple(self.categories[row] for row in rows),
        )


def make_pairs(
    rows: Sequence[PairRow], *, name: str, slack_px: float = 0.5, workers: int | None = None
) -> Pairs:
    """Checks every row and the header of every picture, and joins the rows.

    Args:
      rows: as listed; categories, points and boxes in all of them or in none.
      name: of the data set.
      slack_px: how far beyond the centres of the border pixels a point may lie.
      workers: threads that read headers, None for one a core.

    Raises:
      DataError: names the row and what to change: no row at all, a missing or foreign picture, a
        picture paired with itself, unequal numbers of points, a point outside its picture.
    """
    if not rows:
        raise DataError(f"{name}: no pairs; list at least one")
    seen = _look_at([picture.file for row in rows for picture in _ends(row)], workers)
    _refuse_unusable(name, rows, seen)
    for row in rows:
        _check_row(row, seen, slack_px)
    categories = _column(name, "category", [row.category for row in rows])
    return Pairs(
        name=name,
        source=_join(name, [row.source for row in rows], [row.flipped for row in rows], seen),
        target=_join(name, [row.target for row in rows], [row.flipped for row in rows], seen),
        flipped=np.array([row.flipped for row in rows]),
        categories=None if categories is None else tuple(categories),
    )


class _Seen(NamedTuple):
    """What a look at a file tells: the size of the upright picture, and its number."""

    size: np.ndarray
    number: int


def _look_at(files: Sequence[Path], workers: int | None) -> dict[Path, _Seen | PictureError]:
    distinct = list(dict.fromkeys(files))
    looks = in_threads(_size_and_digest, distinct, workers=workers, label="looking at pictures")
    numbers: dict[bytes, int] = {}
    seen: dict[Path, _Seen | PictureError] = {}
    for file, look in zip(distinct, looks, strict=True):
        if isinstance(look, PictureError):
            seen[file] = look
        else:
            size, digest = look
            seen[file] = _Seen(np.array(size), numbers.setdefault(digest, len(numbers)))
    return seen


def _size_and_digest(file: Path) -> tuple[tuple[int, int], bytes] | PictureError:
    try:
        size = upright_size(file)
        with open(file, "rb") as opened:
            return size, hashlib.file_digest(opened, "sha256").digest()
    except PictureError as error:
        return error


def _refuse_unusable(name: str, rows: Sequence[PairRow], seen) -> None:
    """One error for all pictures, each with the first row that names it."""
    bad: dict[Path, str] = {}
    for row in rows:
        for file in (row.source.file, row.target.file):
            if isinstance(seen[file], PictureError):
                bad.setdefault(file, f"\n  {row.where}: {file}: {seen[file].reason}")
    if bad:
        rest = f"\n  and {len(bad) - _LISTED} more" if len(bad) > _LISTED else ""
        raise DataError(
            f"{name}: {len(bad)} of its {len(seen)} pictures cannot be used; put them in place or "
            f"take their rows out.{''.join(list(bad.values())[:_LISTED])}{rest}"
        )


def _check_row(row: PairRow, seen, slack_px: float) -> None:
    if row.source.file == row.target.file:
        raise DataError(f"{row.where}: {row.source.file} is paired with itself; name another one")
    counts = [None if p.points_px is None else len(p.points_px) for p in _ends(row)]
    if counts[0] != counts[1] or 0 in counts:
        raise DataError(
            f"{row.where}: {counts[0] or 'no'} points in the source and {counts[1] or 'no'} in the "
            "target; give each point in both"
        )
    for side, picture in zip(("source", "target"), _ends(row), strict=True):
        if picture.points_px is None:
            continue
        size = seen[picture.file].size
        outside = (picture.points_px < -slack_px) | (picture.points_px > size - 1 + slack_px)
        # Not a number is not within either bound.
        wrong = np.any(outside | ~np.isfinite(picture.points_px), axis=-1)
        if wrong.any():
            index = int(wrong.argmax())
            x, y = picture.points_px[index]
            raise DataError(
                f"{row.where}: point {index + 1} of the {side}, ({x:g}, {y:g}), lies outside the "
                f"{size[0]}x{size[1]} pixels of {picture.file}; correct it (x, y from 0, in "
                "pixels of the upright original)"
            )


def _join(name: str, side: Sequence[Annotated], flipped: Sequence[bool], seen) -> Pictures:
    mirrored = [
        mirror(picture, seen[picture.file].size[0]) if flip else picture
        for picture, flip in zip(side, flipped, strict=True)
    ]
    points = _column(name, "key points", [picture.points_px for picture in mirrored])
    boxes = _column(name, "boxes", [picture.box_px for picture in mirrored])
    return Pictures(
        files=tuple(picture.file for picture in side),
        sizes=np.stack([seen[picture.file].size for picture in side]),
        numbers=np.array([seen[picture.file].number for picture in side]),
        points_px=None if points is None else tuple(np.asarray(p, np.float32) for p in points),
        boxes_px=None if boxes is None else np.array(boxes, np.float32),
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


def _column(name: str, what: str, cells: list) -> list | None:
    """All cells, or None if all are missing."""
    missing = sum(cell is None for cell in cells)
    if 0 < missing < len(cells):
        raise DataError(f"{name}: {missing} of {len(cells)} rows have no {what}; fill all or none")
    return None if missing else cells


def _ends(row: PairRow) -> tuple[Annotated, Annotated]:
    return row.source, row.target
