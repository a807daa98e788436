"""Annotated faces on disk: what the readers of the face data sets return."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from data_pipelines.examples import Examples, load_annotated
from data_pipelines.sources import Box, PictureFiles


@dataclass(frozen=True)
class Faces:
    """The pictures of one split with their keypoints.

    Attributes:
      pictures: the files, framed as the protocol says.
      keypoints_px: float32 `[num, num_points, 2]`, (x, y) in pixels of the originals, 0-based at
        pixel centres.
      eyes: the two points whose distance is the normaliser.
      parts: rows of the subsets that errors are published for as well.
    """

    pictures: PictureFiles
    keypoints_px: np.ndarray
    eyes: tuple[int, int] = (0, 1)
    parts: Mapping[str, slice] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keypoints_px)

    def load(self, *, size: int, workers: int | None = None) -> Examples:
        """Reads all pictures into memory, with their keypoints in the frame.

        Raises:
          DataError: a picture that cannot be read; nothing is left out.
        """
        fix = "restore the published files"
        return load_annotated(self.pictures, self.keypoints_px, size=size, fix=fix, workers=workers)


def hold_out_validation(count: int, split: str) -> slice:
    """Rows of `train` or `validation` in a training list of `count`: validation is the last tenth.

    IMM's split. Any other split has all rows.

    >>> hold_out_validation(26, "train"), hold_out_validation(26, "validation")
    (slice(0, 23, None), slice(23, 26, None))
    """
    num_train = count - round(0.1 * count)
    return {"train": slice(0, num_train), "validation": slice(num_train, count)}.get(
        split, slice(0, count)
    )


def box_of_points(points_px: np.ndarray) -> Box:
    """The tight box of points `[num_points, 2]`: from the centre of the first pixel to the last's.

    >>> box_of_points(np.array([[2, 9], [4, 5]]))
    (2.5, 5.5, 4.5, 9.5)
    """
    (x0, y0), (x1, y1) = points_px.min(0) + 0.5, points_px.max(0) + 0.5
    return float(x0), float(y0), float(x1), float(y1)
