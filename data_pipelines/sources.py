"""Named pictures on disk, with how each is framed: what every loader and stream reads from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.frames import Crop, Frame, frame_picture, resize_picture
from data_pipelines.pictures import PictureError, read_picture

Box = tuple[float, float, float, float]


class PictureSource(Protocol):
    """Pictures by index: what `load_pictures` and the streams ask for."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def crop(self) -> Crop: ...

    @property
    def boxes(self) -> Mapping[str, Box]: ...

    def read(self, index: int, *, size: int) -> tuple[np.ndarray, Frame]:
        """The picture in its frame, uint8 `[size, size, 3]`; raises PictureError."""

    def encoded(self, index: int) -> bytes:
        """The contents of the picture's file."""


@dataclass(frozen=True)
class PictureFiles:
    """Picture files below one folder.

    Attributes:
      root: the folder.
      names: of the files, relative to it.
      crop: how a picture becomes square (see `frames.frame_picture`).
      boxes: object boxes by name, for some or all pictures; a box is cut out instead.
      margin: widens a box on every side by this fraction of its longer side.
    """

    root: Path
    names: tuple[str, ...]
    crop: Crop = "centre"
    boxes: Mapping[str, Box] = field(default_factory=dict)
    margin: float = 0.0

    def __post_init__(self):
        if self.margin < 0:
            raise DataError(f"margin is {self.margin}; it must not be negative")

    def read(self, index: int, *, size: int) -> tuple[np.ndarray, Frame]:
        name = self.names[index]
        image = read_picture(self.root / name)
        height, width = image.shape[:2]
        box = self.boxes.get(name)
        if box is not None and not _overlaps(box, width, height):
            reason = f"its box {box} lies outside its {width}x{height} pixels"
            raise PictureError(self.root / name, reason, fix="Correct the box table")
        frame = frame_picture(width, height, size=size, crop=self.crop, box=box, margin=self.margin)
        return resize_picture(image, frame), frame

    def encoded(self, index: int) -> bytes:
        return (self.root / self.names[index]).read_bytes()


def _overlaps(box: Box, width: int, height: int) -> bool:
    x0, y0, x1, y1 = box
    return x0 < width and y0 < height and x1 > 0 and y1 > 0
