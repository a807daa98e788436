"""Named pictures as the readers give them: their frames, what is known, and how they are read."""

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from c3jax.files.crops import Framing
from c3jax.files.errors import DataError
from c3jax.files.frames import Box, Frame, frame_picture, resize_picture
from c3jax.files.pictures import MIN_SIDE, PictureError, decode_picture, in_threads, read_picture

_LISTED = 20
_log = logging.getLogger(__name__)
_COLUMNS = ("names", "flipped", "keypoints_px")  # have a row for each picture


def take(column: Any, rows: Sequence[int] | np.ndarray) -> Any:
    """Some rows of an array, of a tuple, or of a column that is not there, None."""
    if isinstance(column, tuple):
        return tuple(column[row] for row in rows)
    return None if column is None else column[rows]


@dataclass(frozen=True)
class Pictures:
    """Pictures of one folder or database.

    Attributes:
      root: the folder.
      names: of the pictures; files relative to the folder, or keys of the database.
      crop: how a picture becomes square (see `frames.frame_picture`).
      boxes: object boxes by name, for some or all pictures; a box is cut out instead.
      margin: widens a box on every side by this fraction of its longer side.
      flipped: bool `[num]`, which squares are mirrored; None mirrors none.
      keypoints_px: float32 `[num, num_points, 2]`, (x, y) in pixels of the originals, 0-based at
        pixel centres, NaN where a point is not labelled; or None.
      points: names of the key points, where they have some.
      slack: how far beyond its picture a key point may lie, in sides of the picture: that of a
        published list, on a face that is cut off.
      eyes: the two key points whose distance is the normaliser.
      parts: rows of the subsets that errors are published for as well.
      contents: from a name to the contents of its file; None reads the file of the folder.
    """

    root: Path
    names: tuple[str, ...]
    crop: Framing = "centre"
    boxes: Mapping[str, Box] = field(default_factory=dict)
    margin: float = 0.0
    flipped: np.ndarray | None = None
    keypoints_px: np.ndarray | None = None
    points: tuple[str, ...] = ()
    slack: float = 1.0
    eyes: tuple[int, int] = (0, 1)
    parts: Mapping[str, slice] = field(default_factory=dict)
    contents: Callable[[str], bytes] | None = None

    def __post_init__(self):
        if self.margin < 0:
            raise DataError(f"margin is {self.margin}; it must not be negative")

    def __len__(self) -> int:
        return len(self.names)

    def select(self, chosen) -> "Pictures":
        """Some of the pictures, by a slice, a mask or indices, without parts."""
        rows = np.arange(len(self))[chosen]
        columns = {name: take(getattr(self, name), rows) for name in _COLUMNS}
        return replace(self, **columns, parts={})

    def encoded(self, index: int) -> bytes:
        """The contents of a picture's file."""
        name = self.names[index]
        return self.contents(name) if self.contents else (self.root / name).read_bytes()

    def picture(self, index: int) -> np.ndarray:
        """The whole picture, uint8 `[height, width, 3]`; raises PictureError."""
        file = self.root / self.names[index]
        if self.contents is None:
            return read_picture(file)
        return decode_picture(io.BytesIO(self.encoded(index)), file)

    def read(self, index: int, *, size: int) -> tuple[np.ndarray, Frame]:
        """The picture in its frame, uint8 `[size, size, 3]`; raises PictureError."""
        image, name = self.picture(index), self.names[index]
        height, width = image.shape[:2]
        self._check_points(index, width, height)
        square, frame = cut_square(
            image,
            self.root / name,
            size=size,
            crop=self.crop,
            box=self.boxes.get(name),
            margin=self.margin,
        )
        mirrored = self.flipped is not None and self.flipped[index]
        return square[:, ::-1] if mirrored else square, frame

    def _check_points(self, index: int, width: int, height: int) -> None:
        """Raises PictureError for a key point that does not lie in its picture."""
        points = () if self.keypoints_px is None else self.keypoints_px[index]
        size = np.array([width, height])
        beyond = 0.5 + self.slack * size
        for number, point in enumerate(points, start=1):
            if np.any((point < -beyond) | (point > size - 1 + beyond)):
                place = f"point {number}, ({point[0]:g}, {point[1]:g})"
                reason = f"its {place}, lies outside its {width}x{height} pixels"
                if np.all(point == -1):
                    reason += "; leave both cells of a point that is not labelled blank"
                elif np.all((point >= 0) & (point < size[::-1])):
                    reason += "; those are of the upright picture, its EXIF rotation applied"
                raise PictureError(self.root / self.names[index], reason, fix="Correct its row")

    def reasons_against(self, *, label: str, workers: int | None = None) -> list[str | None]:
        """Why pictures cannot be used, None for those that can; all are decoded, in threads."""

        def decode(index: int) -> None:
            self.read(index, size=MIN_SIDE)

        found = in_threads(decode, range(len(self)), workers=workers, label=label)
        return [error and error.reason for error in found]


def cut_square(
    image: np.ndarray, file, *, size: int, crop: Framing, box: Box | None, margin: float
) -> tuple[np.ndarray, Frame]:
    """A picture in its frame (see `frames.frame_picture`), uint8 `[size, size, 3]`.

    Raises PictureError, which names the `file`, for a box that lies outside the picture.
    """
    height, width = image.shape[:2]
    if box is not None:
        x0, y0, x1, y1 = box
        if not (x0 < width and y0 < height and x1 > 0 and y1 > 0):
            reason = f"its box {box} lies outside its {width}x{height} pixels"
            raise PictureError(file, reason, fix="Correct the box table")
    frame = frame_picture(width, height, size=size, crop=crop, box=box, margin=margin)
    return resize_picture(image, frame), frame


@dataclass(frozen=True)
class OnDisk:
    """Pictures that are indexed as an array `[num, size, size, 3]`, and read when they are."""

    pictures: Pictures
    size: int

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, chosen) -> np.ndarray:
        rows = np.arange(len(self))[chosen]
        squares = [self.pictures.read(int(row), size=self.size)[0] for row in rows.flat]
        return np.array(squares, np.uint8).reshape(*rows.shape, self.size, self.size, 3)


@dataclass(frozen=True)
class Examples:
    """`num` square pictures and what is known about them.

    Attributes:
      images: uint8 `[num, size, size, 3]`.
      names: the file of each picture, relative to its folder.
      frames: the region of each original; `frames[i].to_original` maps points back.
      keypoints_px: float32 `[num, num_points, 2]`, (x, y) in pixels of `images`, or None.
      skipped: (name, reason) of each picture that was left out.
    """

    images: np.ndarray
    names: tuple[str, ...]
    frames: tuple[Frame, ...]
    keypoints_px: np.ndarray | None = None
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.names)


def load_pictures(source: Pictures, *, size: int) -> Examples:
    """Reads pictures in parallel threads; unusable ones are logged by name and left out.

    Memory is 3 size^2 bytes a picture: above some 50,000, stream `sources.OnDisk` instead.
    """
    frame_picture(9, 9, size=size, crop=source.crop)  # refuse bad options before any reading
    images = np.empty((len(source), size, size, 3), np.uint8)

    def load(index: int) -> Frame:
        images[index], frame = source.read(index, size=size)
        return frame

    found = in_threads(load, range(len(images)), label="reading pictures")
    kept = [index for index, frame in enumerate(found) if isinstance(frame, Frame)]
    named = zip(source.names, found, strict=True)
    skipped = tuple((name, each.reason) for name, each in named if isinstance(each, PictureError))
    log_skipped(skipped)
    good, frames = source.select(kept), tuple(found[index] for index in kept)
    points_px = good.keypoints_px
    if points_px is not None:
        pairs = zip(frames, points_px, strict=True)
        framed = [frame.from_original(points) for frame, points in pairs]
        points_px = np.array(framed, np.float32).reshape(points_px.shape)
    return Examples(images[kept] if skipped else images, good.names, frames, points_px, skipped)


def load_annotated(
    source: Pictures, *, size: int, fix: str = "restore the published files"
) -> Examples:
    """Reads pictures that all have to be there, since errors are averaged over them."""
    examples = load_pictures(source, size=size)
    if examples.skipped:
        raise DataError(
            f"{len(examples.skipped)} pictures cannot be used; {fix}."
            f"{list_skipped(examples.skipped)}"
        )
    return examples


def log_skipped(skipped: Sequence[tuple[str, str]]) -> None:
    """Says which pictures are left out and why: the first 20 by name, then a count."""
    for name, reason in skipped[:_LISTED]:
        _log.warning("left out: %s: %s", name, reason)
    if len(skipped) > _LISTED:
        _log.warning("left out: %d more pictures", len(skipped) - _LISTED)


def list_skipped(skipped: Sequence[tuple[str, str]]) -> str:
    """The first 20, a line each, to end an error with."""
    lines = [f"\n  {name}: {reason}" for name, reason in skipped[:_LISTED]]
    rest = len(skipped) - _LISTED
    return "".join(lines) + (f"\n  and {rest} more" if rest > 0 else "")
