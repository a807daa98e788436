"""The distinct pictures of pairs, squashed to squares, and which of them each pair shows."""

from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.frames import Corners, frame_picture, resize_picture
from data_pipelines.pairs import Pairs
from data_pipelines.pictures import in_threads
from data_pipelines.sources import Pictures


class PairImages(NamedTuple):
    """uint8 `[num_distinct, S, S, 3]`, and the rows of each pair's two pictures, `[num]` each."""

    images: np.ndarray
    source_index: np.ndarray
    target_index: np.ndarray


def distinct_pictures(
    pairs: Pairs, size: int, *, resize: Corners = "antialias"
) -> tuple[Pictures, np.ndarray]:
    """Each distinct picture (and each mirror image that is asked for) once; nothing is read.

    Args:
      pairs: whose pictures.
      size: the side of the squares that they will become.
      resize: `antialias` is a triangle filter, `align_corners` bilinear interpolation without a
        filter (NC-Net's, but for the rounding to 8 bits).

    Returns:
      The pictures, and the rows of the sources and targets, int `[2, num]`.
    """
    if resize not in get_args(Corners) or size < 2:
        raise DataError(
            f"pictures cannot be resized to size {size} by {resize!r}; the size must be 2 or more "
            f"and the way one of {', '.join(get_args(Corners))}"
        )
    ends = (pairs.source, pairs.target)
    keys = np.stack([np.concatenate([end.numbers for end in ends]), np.tile(pairs.flipped, 2)], -1)
    _, first, index = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    files = [str(file) for end in ends for file in end.files]
    names = tuple(files[row] for row in first)
    pictures = Pictures(Path(), names, crop=resize, flipped=keys[first, 1].astype(bool))
    return pictures, index.reshape(2, -1)


def load_images(pairs: Pairs, size: int, *, resize: Corners = "antialias") -> PairImages:
    """Reads each of the `distinct_pictures` once."""
    pictures, rows = distinct_pictures(pairs, size, resize=resize)
    images = np.empty((len(pictures), size, size, 3), np.uint8)

    def load(row: int) -> None:
        images[row], _ = pictures.read(row, size=size)

    in_threads(load, range(len(images)), label="reading pictures")
    return PairImages(images, *rows)


def squash(image: np.ndarray, size: int, resize: Corners) -> np.ndarray:
    """uint8 `[H, W, 3]` to `[size, size, 3]`, corner pixel centres on corner pixel centres."""
    height, width = image.shape[:2]
    return resize_picture(image, frame_picture(width, height, size=size, crop=resize))
