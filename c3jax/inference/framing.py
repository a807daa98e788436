"""From a picture of any size to the square that a network looks at."""

import functools
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from c3jax._checks import check_choice
from c3jax.files.crops import Crop, crop_sides

CROPS = get_args(Crop)
RESIZES = ("antialias", "align_corners")


def crop_region(crop: str, height: int, width: int) -> tuple[float, float, float, float]:
    """Edges (x0, y0, x1, y1) of the region that `crop` cuts about the centre of a picture.

    Pixel i covers [i, i + 1], so that the whole picture is (0, 0, width, height).

    Raises:
      ValueError: if `crop` is none of `CROPS`.

    >>> crop_region("centre", 2, 3)
    (0.5, 0.0, 2.5, 2.0)
    """
    check_choice("crop", crop, CROPS)
    shorter, longer = min(width, height), max(width, height)
    sides: Any = crop_sides  # of these crops none reads the size
    w, h = sides(crop, width, height, size=0, shorter=shorter, longer=longer)
    return (width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2


def resample(image: np.ndarray, region: Sequence[float], size: int) -> np.ndarray:
    """A region of a picture at `size` x `size` pixels, antialiased by a triangle filter.

    Args:
      image: `[H, W, 3]`, uint8 or floating in [0, 1].
      region: edges (x0, y0, x1, y1); beyond the picture its edge pixels are repeated.
      size: side of the result.

    Returns:
      `[size, size, 3]` float32 in [0, 1]; Pillow's bilinear resizing up to its rounding.

    >>> resample(np.array([[[0.0] * 3, [1.0] * 3]] * 2), (0, 0, 2, 2), 1)
    array([[[0.5, 0.5, 0.5]]], dtype=float32)
    """
    (height, width), (x0, y0, x1, y1) = image.shape[:2], region
    square = image.astype(np.float32)
    if (height, width, *region) != (size, size, 0, 0, size, size):
        rows, columns = _filter(height, y0, y1, size), _filter(width, x0, x1, size)
        square = columns @ (rows @ square.reshape(height, -1)).reshape(size, width, 3)
    return square / np.float32(255) if image.dtype == np.uint8 else square


def squash(image: np.ndarray, size: int, *, resize: str = "antialias") -> np.ndarray:
    """A whole picture at `size` x `size` pixels, corner pixel centres on corner pixel centres.

    Points in [-1, 1] are therefore the same in the picture and in the square.

    Args:
      image: `[H, W, 3]`, uint8 or floating in [0, 1].
      size: side of the result, at least 2.
      resize: 'antialias' by a triangle filter, or 'align_corners', interpolated without a filter.

    Returns:
      `[size, size, 3]` float32 in [0, 1].

    Raises:
      ValueError: if `resize` is none of `RESIZES`.

    >>> line = np.array([[[0.0] * 3, [0.4] * 3, [1.0] * 3]] * 2)
    >>> squash(line, 2, resize="align_corners")[0, :, 0]  # the corners stay what they are
    array([0., 1.], dtype=float32)
    """
    check_choice("resize", resize, RESIZES)
    height, width = image.shape[:2]
    if resize == "align_corners":
        axis = np.linspace(-1, 1, size)
        corners = np.stack(np.meshgrid(axis, axis), axis=-1)
        square = bilinear(image, corners).astype(np.float32)
        return square / np.float32(255) if image.dtype == np.uint8 else square
    # The region whose outer half pixels are halves of the square's pixels, not of the picture's.
    step_x, step_y = (width - 1) / (size - 1), (height - 1) / (size - 1)
    x0, y0 = (1 - step_x) / 2, (1 - step_y) / 2
    return resample(image, (x0, y0, x0 + size * step_x, y0 + size * step_y), size)


def bilinear(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Bilinear samples at points, read at the border outside: `c3jax.sample` without a device.

    For pictures of any size and any number of points, which JAX would compile for each.

    Args:
      image: `[H, W, C]`.
      points: `[..., 2]`, (x, y) in [-1, 1].

    Returns:
      `[..., C]`, floating.

    >>> image = np.array([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
    >>> bilinear(image, np.array([[1.0, -1.0], [0.5, 0.0]]))[:, 0]
    array([3., 4.])
    """
    last = np.array(image.shape[1::-1]) - 1
    place = (np.clip(points, -1, 1) + 1) / 2 * last
    corner = np.minimum(place.astype(int), np.maximum(last - 1, 0))
    left, top = np.moveaxis(corner, -1, 0)
    right, bottom = np.moveaxis(np.minimum(corner + 1, last), -1, 0)
    dx, dy = np.moveaxis(place - corner, -1, 0)[..., None]
    upper = (1 - dx) * image[top, left] + dx * image[top, right]
    lower = (1 - dx) * image[bottom, left] + dx * image[bottom, right]
    return (1 - dy) * upper + dy * lower


def check_image(name: str, image) -> np.ndarray:
    """A picture `[H, W, 3]`, uint8 or floating in [0, 1]; anything else is an error by `name`."""
    image = np.asarray(image)
    if not (image.dtype == np.uint8 or np.issubdtype(image.dtype, np.floating)):
        raise ValueError(f"images must be uint8 or floating, got {image.dtype} in {name}")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"{name} must have shape [H, W, 3], got {image.shape}")
    if image.dtype != np.uint8 and not (image.min() >= -1e-3 and image.max() <= 1 + 1e-3):
        raise ValueError(
            f"floating images must lie in [0, 1], got [{image.min():g}, {image.max():g}] in {name}"
        )
    return image


@functools.lru_cache(maxsize=64)
def _filter(length: int, start: float, stop: float, size: int) -> np.ndarray:
    """Weights `[size, length]` of the pixels of a line in `size` cells between two edges."""
    scale = (stop - start) / size
    taps = np.arange(min(0, np.floor(start)), max(length, np.ceil(stop)))
    centres = start + (np.arange(size)[:, None] + 0.5) * scale
    weights = np.maximum(0, 1 - np.abs(taps + 0.5 - centres) / max(scale, 1))
    weights /= weights.sum(1, keepdims=True)
    folded = np.zeros((length, size))
    np.add.at(folded, np.clip(taps, 0, length - 1).astype(int), weights.T)
    return np.ascontiguousarray(folded.T, np.float32)
