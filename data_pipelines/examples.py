"""Pictures held in memory, each with the frame that it was cut from."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipelines.frames import Crop, Frame, frame_picture, resize_picture
from data_pipelines.pictures import PictureError, in_threads, read_picture

_LISTED = 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Examples:
    """`num` square pictures and what is known about them.

    Attributes:
      images: uint8 `[num, size, size, 3]`.
      names: the file of each picture, relative to its folder.
      frames: the region of each original; `frames[i].to_original` maps points back.
      keypoints_px: float32 `[num, num_points, 2]`, (x, y) in pixels of `images`, or None.
      boxes_px: float32 `[num, 4]`, (x0, y0, x1, y1) edges in pixels of `images`, NaN where a
        picture has no box, or None.
      skipped: (name, reason) of each picture that was left out.
    """

    images: np.ndarray
    names: tuple[str, ...]
    frames: tuple[Frame, ...]
    keypoints_px: np.ndarray | None = None
    boxes_px: np.ndarray | None = None
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.names)


def read_framed(
    path, *, size: int, crop: Crop, box=None, margin: float = 0.0
) -> tuple[np.ndarray, Frame]:
    """Reads one picture into its square frame: (uint8 `[size, size, 3]`, frame).

    Raises:
      PictureError: the file is no usable picture, or the box lies outside it.
    """
    image = read_picture(path)
    height, width = image.shape[:2]
    if box is not None and not _overlaps(box, width, height):
        raise PictureError(path, f"its box {tuple(box)} lies outside its {width}x{height} pixels")
    frame = frame_picture(width, height, size=size, crop=crop, box=box, margin=margin)
    return resize_picture(image, frame), frame


def load_pictures(
    root: Path,
    names: Sequence[str],
    *,
    size: int,
    crop: Crop,
    boxes: dict | None = None,
    margin: float = 0.0,
    workers: int | None = None,
) -> Examples:
    """Reads pictures in parallel threads; unusable ones are logged by name and left out."""
    frame_picture(1, 1, size=size, crop=crop)  # refuse bad options before any reading
    boxes = boxes or {}
    images = np.empty((len(names), size, size, 3), np.uint8)

    def load(index: int) -> Frame | str:
        box = boxes.get(names[index])
        try:
            path = root / names[index]
            images[index], frame = read_framed(path, size=size, crop=crop, box=box, margin=margin)
        except PictureError as error:
            return error.reason
        return frame

    found = in_threads(load, range(len(names)), workers=workers, label=f"reading {root.name}")
    kept = [i for i, frame in enumerate(found) if isinstance(frame, Frame)]
    skipped = tuple(
        (n, reason) for n, reason in zip(names, found, strict=True) if isinstance(reason, str)
    )
    log_skipped(skipped)
    frames = tuple(found[i] for i in kept)
    return Examples(
        images=images[kept] if skipped else images,
        names=tuple(names[i] for i in kept),
        frames=frames,
        boxes_px=_framed_boxes([boxes.get(names[i]) for i in kept], frames) if boxes else None,
        skipped=skipped,
    )


def log_skipped(skipped: Sequence[tuple[str, str]]) -> None:
    """Says which pictures are left out and why: the first 20 by name, then a count."""
    for name, reason in skipped[:_LISTED]:
        _log.warning("left out: %s: %s", name, reason)
    if len(skipped) > _LISTED:
        _log.warning("left out: %d more pictures", len(skipped) - _LISTED)


def _overlaps(box, width: int, height: int) -> bool:
    x0, y0, x1, y1 = box
    return x0 < width and y0 < height and x1 > 0 and y1 > 0


def _framed_boxes(boxes: Sequence, frames: Sequence[Frame]) -> np.ndarray:
    missing = (np.nan,) * 4
    rows = [f.box_from_original(b or missing) for f, b in zip(frames, boxes, strict=True)]
    return np.array(rows, np.float32).reshape(-1, 4)
