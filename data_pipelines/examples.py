"""Pictures held in memory, each with the frame that it was cut from."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.frames import Frame, frame_picture
from data_pipelines.pictures import PictureError, in_threads
from data_pipelines.sources import PictureSource

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


def load_pictures(source: PictureSource, *, size: int, workers: int | None = None) -> Examples:
    """Reads pictures in parallel threads; unusable ones are logged by name and left out.

    Memory is 3 size^2 bytes a picture: above some 50,000, use `streams.tf_stream`.
    """
    frame_picture(1, 1, size=size, crop=source.crop)  # refuse bad options before any reading
    images = np.empty((len(source.names), size, size, 3), np.uint8)

    def load(index: int) -> Frame | str:
        try:
            images[index], frame = source.read(index, size=size)
        except PictureError as error:
            return error.reason
        return frame

    found = in_threads(load, range(len(images)), workers=workers, label="reading pictures")
    kept = [index for index, frame in enumerate(found) if isinstance(frame, Frame)]
    named = zip(source.names, found, strict=True)
    skipped = tuple((name, reason) for name, reason in named if isinstance(reason, str))
    log_skipped(skipped)
    examples = Examples(
        images=images[kept] if skipped else images,
        names=tuple(source.names[index] for index in kept),
        frames=tuple(found[index] for index in kept),
        skipped=skipped,
    )
    return replace(examples, boxes_px=_framed_boxes(source, examples)) if source.boxes else examples


def load_annotated(
    source: PictureSource,
    originals_px: np.ndarray,
    *,
    size: int,
    fix: str,
    workers: int | None = None,
) -> Examples:
    """Reads pictures with their keypoints, `[num, num_points, 2]` in pixels of the originals.

    Raises:
      DataError: pictures that cannot be read, and what to do (`fix`). Nothing is left out here,
        since that would change what an error is averaged over.
    """
    examples = load_pictures(source, size=size, workers=workers)
    if examples.skipped:
        raise DataError(
            f"{len(examples.skipped)} pictures with keypoints cannot be used; {fix}."
            f"{list_skipped(examples.skipped)}"
        )
    return with_keypoints(examples, originals_px)


def with_keypoints(examples: Examples, originals_px: np.ndarray) -> Examples:
    """Adds keypoints `[num, num_points, 2]`, given in pixels of the originals."""
    pairs = zip(examples.frames, originals_px, strict=True)
    keypoints_px = np.stack([frame.from_original(points) for frame, points in pairs])
    return replace(examples, keypoints_px=keypoints_px.astype(np.float32))


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


def _framed_boxes(source: PictureSource, examples: Examples) -> np.ndarray:
    boxes = [source.boxes.get(name, (np.nan,) * 4) for name in examples.names]
    pairs = zip(examples.frames, boxes, strict=True)
    framed = [frame.box_from_original(box) for frame, box in pairs]
    return np.array(framed, np.float32).reshape(-1, 4)
