"""Pictures held in memory, each with the frame that it was cut from."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.frames import Frame, frame_picture
from data_pipelines.pictures import PictureError, in_threads
from data_pipelines.sources import Pictures

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

    def load(index: int) -> Frame | str:
        try:
            images[index], frame = source.read(index, size=size)
        except PictureError as error:
            return error.reason
        return frame

    found = in_threads(load, range(len(images)), label="reading pictures")
    kept = [index for index, frame in enumerate(found) if isinstance(frame, Frame)]
    named = zip(source.names, found, strict=True)
    skipped = tuple((name, reason) for name, reason in named if isinstance(reason, str))
    log_skipped(skipped)
    frames, originals_px = tuple(found[index] for index in kept), source.keypoints_px
    return Examples(
        images=images[kept] if skipped else images,
        names=tuple(source.names[index] for index in kept),
        frames=frames,
        keypoints_px=None if originals_px is None else _framed(originals_px[kept], frames),
        skipped=skipped,
    )


def load_annotated(
    source: Pictures, *, size: int, fix: str = "restore the published files"
) -> Examples:
    """Reads pictures that all have to be there, since errors are averaged over them."""
    examples = load_pictures(source, size=size)
    if examples.skipped:
        raise DataError(
            f"{len(examples.skipped)} pictures with keypoints cannot be used; {fix}."
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


def _framed(originals_px: np.ndarray, frames: Sequence[Frame]) -> np.ndarray:
    """Key points `[num, num_points, 2]` in pixels of the squares."""
    pairs = zip(frames, originals_px, strict=True)
    framed = [frame.from_original(points) for frame, points in pairs]
    return np.array(framed, np.float32).reshape(originals_px.shape)
