"""Square frames: which part of a picture becomes the network's input, and the way back.

A point (x, y) in pixels is 0-based with integers at pixel centres, so pixel i covers
[i - 1/2, i + 1/2]. A region or box (x0, y0, x1, y1) is given by its edges as in Pillow's `crop`:
pixel i covers [i, i + 1], and the whole picture is (0, 0, width, height).
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np
from PIL import Image

from c3jax.files.crops import Corners, Crop, Framing, crop_sides

Box = tuple[float, float, float, float]
# A ribbon, or a box far beyond its picture, must not fill the memory when it is padded: it is
# shrunk first, by whole factors, to no fewer than this many pixels for one of the result.
PADDED_PIXELS = 8


@dataclass(frozen=True)
class Frame:
    """A region of an original picture, resampled to `size` x `size` pixels.

    Pixels that are not `filtered` are interpolated, from the first to the last one.
    With s = size / (x1 - x0), x_frame = (x + 1/2 - x0) s - 1/2, and the same for y.

    Example:
      >>> frame = Frame(region=(20.0, 0.0, 120.0, 100.0), size=50)
      >>> frame.to_original(np.array([[0.0, 0.0], [49.0, 49.0]])).tolist()
      [[20.5, 0.5], [118.5, 98.5]]
    """

    region: Box
    size: int
    filtered: bool = True

    def to_original(self, points_px: np.ndarray) -> np.ndarray:
        """Points `[..., 2]` in pixels of the frame, to pixels of the original picture."""
        return (np.asarray(points_px) + 0.5) / self._scale() + self.region[:2] - 0.5

    def from_original(self, points_px: np.ndarray) -> np.ndarray:
        """Points `[..., 2]` in pixels of the original picture, to pixels of the frame."""
        return (np.asarray(points_px) + 0.5 - self.region[:2]) * self._scale() - 0.5

    def _scale(self) -> np.ndarray:
        x0, y0, x1, y1 = self.region
        return self.size / np.array([x1 - x0, y1 - y0])


def frame_picture(
    width: int, height: int, *, size: int, crop: Framing, box=None, margin: float = 0.0
) -> Frame:
    """Chooses the region of a `width` x `height` picture that becomes `size` x `size`.

    Args:
      width, height: of the upright original, pixels.
      size: side of the result, pixels.
      crop: without a box, `centre` cuts the largest central square, `centre_inner` the central
        80 % of that, `pad` surrounds the picture to a square, `squash` stretches the whole
        picture, and `squash_inner` the central 80 % of either side (the MAFL protocol);
        `antialias` and `align_corners` put the centres of the corner pixels on each other.
      box: (x0, y0, x1, y1); the region is then the square about its centre, and `crop` is unused.
      margin: widens that square on every side by this fraction of the box's longer side.

    Raises:
      ValueError: an unknown `crop`, or a size below 1.
    """
    if crop not in (*get_args(Crop), *get_args(Corners)):
        raise ValueError(f"crop is {crop!r}; it must be one of {', '.join(get_args(Crop))}")
    if size < 1:
        raise ValueError(f"size is {size}; it must be at least 1")
    if box is not None:
        x0, y0, x1, y1 = box
        sides = (max(x1 - x0, y1 - y0) * (1 + 2 * margin),) * 2
        centre = ((x0 + x1) / 2, (y0 + y1) / 2)
    else:
        extent = {"shorter": min(width, height), "longer": max(width, height)}
        sides = crop_sides(crop, width, height, size=size, **extent)
        centre = (width / 2, height / 2)
    (cx, cy), (w, h) = centre, sides
    region = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    return Frame(region, size, filtered=crop != "align_corners")


def resize_picture(image: np.ndarray, frame: Frame) -> np.ndarray:
    """From an original, uint8 `[height, width, 3]`, to `[size, size, 3]`.

    The filter is an antialiased triangle (Pillow's bilinear). Beyond the picture its edge pixels
    are repeated.
    """
    if not frame.filtered:
        rows = _interpolate(image.astype(np.float32), frame.size)
        square = _interpolate(rows.swapaxes(0, 1), frame.size).swapaxes(0, 1)
        return np.rint(square).astype(np.uint8)
    picture, region = Image.fromarray(image), np.array(frame.region)
    if np.any(region[:2] < 0) or np.any(region[2:] > picture.size):
        factor = max(1, int(min(region[2:] - region[:2]) // (PADDED_PIXELS * frame.size)))
        picture, region = _pad(picture.reduce(factor), region / factor)
    size = (frame.size, frame.size)
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR, box=tuple(region)))


def _pad(picture: Image.Image, region: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """Repeats edge pixels so that the region lies inside; the region moves along."""
    before = np.maximum(0, np.ceil(-region[:2])).astype(int)
    after = np.maximum(0, np.ceil(region[2:] - picture.size)).astype(int)
    (left, right), (top, bottom) = zip(before, after, strict=True)
    padded = np.pad(np.asarray(picture), ((top, bottom), (left, right), (0, 0)), mode="edge")
    return Image.fromarray(padded), region + np.tile(before, 2)


def _interpolate(image: np.ndarray, size: int) -> np.ndarray:
    """Linear interpolation of the first axis at `size` places from its first to its last row."""
    places = np.linspace(0, len(image) - 1, size, dtype=np.float32)
    below = np.minimum(places.astype(int), len(image) - 2)
    weight = (places - below)[:, None, None]
    return image[below] * (1 - weight) + image[below + 1] * weight
