"""Named pictures, how each is framed, and what is known about them: what the readers give."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.frames import Box, Frame, Framing, frame_picture, resize_picture
from data_pipelines.pictures import MIN_SIDE, PictureError, decode_picture, in_threads, read_picture


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
        pixel centres, or None.
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
        flipped, points = self.flipped, self.keypoints_px
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            flipped=None if flipped is None else flipped[rows],
            keypoints_px=None if points is None else points[rows],
            parts={},
        )

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
        image, box = self.picture(index), self.boxes.get(self.names[index])
        height, width = image.shape[:2]
        if box is not None and not _overlaps(box, width, height):
            reason = f"its box {box} lies outside its {width}x{height} pixels"
            fix = "Correct the box table"
            raise PictureError(self.root / self.names[index], reason, fix=fix)
        frame = frame_picture(width, height, size=size, crop=self.crop, box=box, margin=self.margin)
        square = resize_picture(image, frame)
        mirrored = self.flipped is not None and self.flipped[index]
        return square[:, ::-1] if mirrored else square, frame

    def reasons_against(self, *, label: str, workers: int | None = None) -> list[str | None]:
        """Why pictures cannot be used, None for those that can; all are decoded, in threads."""

        def reason(index: int) -> str | None:
            try:
                self.read(index, size=MIN_SIDE)
            except PictureError as error:
                return error.reason
            return None

        return in_threads(reason, range(len(self)), workers=workers, label=label)


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


def _overlaps(box: Box, width: int, height: int) -> bool:
    x0, y0, x1, y1 = box
    return x0 < width and y0 < height and x1 > 0 and y1 > 0
