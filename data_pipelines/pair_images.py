"""The pictures of pairs in memory, squashed to squares.

Either way of resizing puts the centres of the corner pixels on each other, so that align-corners
coordinates are the same in the original and in the square.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.frames import Frame, resize_picture
from data_pipelines.pairs import Pairs
from data_pipelines.pictures import in_threads, read_picture

Resize = Literal["antialias", "align_corners"]


class PairImages(NamedTuple):
    """uint8 `[num_distinct, S, S, 3]`, and the rows of each pair's two pictures, `[num]` each."""

    images: np.ndarray
    source_index: np.ndarray
    target_index: np.ndarray


def load_images(
    pairs: Pairs, size: int, *, resize: Resize = "antialias", workers: int | None = None
) -> PairImages:
    """Reads each distinct picture (and each mirror image that is asked for) once.

    Args:
      pairs: whose pictures.
      size: S, the side of the squares.
      resize: `antialias` is a triangle filter, `align_corners` bilinear interpolation without a
        filter (NC-Net's, but for the rounding to 8 bits).
      workers: threads, None for one a core.

    Raises:
      DataError: a picture that cannot be read (by its file), an unknown `resize`, a size below 2.
    """
    if resize not in get_args(Resize) or size < 2:
        raise DataError(
            f"pictures cannot be resized to size {size} by {resize!r}; the size must be 2 or more "
            f"and the way one of {', '.join(get_args(Resize))}"
        )
    ends = (pairs.source, pairs.target)
    keys = np.stack([np.concatenate([end.numbers for end in ends]), np.tile(pairs.flipped, 2)], -1)
    _, first, index = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    files = [file for end in ends for file in end.files]
    images = np.empty((len(first), size, size, 3), np.uint8)

    def load(row: int) -> None:
        picture = squash(read_picture(files[first[row]]), size, resize)
        images[row] = picture[:, ::-1] if keys[first[row], 1] else picture

    in_threads(load, range(len(first)), workers=workers, label="reading pictures")
    source_index, target_index = index.reshape(2, -1)
    return PairImages(images, source_index, target_index)


def squash(image: np.ndarray, size: int, resize: Resize) -> np.ndarray:
    """uint8 `[H, W, 3]` to `[size, size, 3]`, corner pixel centres on corner pixel centres."""
    height, width = image.shape[:2]
    if resize == "align_corners":
        rows = _interpolate(image.astype(np.float32), height, size)
        return np.rint(_interpolate(rows.swapaxes(0, 1), width, size).swapaxes(0, 1)).astype(
            np.uint8
        )
    # The region whose outer half pixels are halves of the square's pixels, not of the picture's.
    step_x, step_y = (width - 1) / (size - 1), (height - 1) / (size - 1)
    x0, y0 = (1 - step_x) / 2, (1 - step_y) / 2
    region = (x0, y0, x0 + size * step_x, y0 + size * step_y)
    return resize_picture(image, Frame(region=region, size=size))


def _interpolate(image: np.ndarray, length: int, size: int) -> np.ndarray:
    """Linear interpolation of the first axis at `size` places from its first to its last row."""
    places = np.linspace(0, length - 1, size, dtype=np.float32)
    below = np.minimum(places.astype(int), length - 2)
    weight = (places - below)[:, None, None]
    return image[below] * (1 - weight) + image[below + 1] * weight
