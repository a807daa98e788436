"""Landmarks drawn on pictures."""

import colorsys
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SMOOTHING = 4  # a point is drawn so many times larger, then shrunk
SMALLEST_NUMBERED = 3.0


def draw_landmarks(image: np.ndarray, points_px: np.ndarray, radius: float | None = None):
    """A picture with its landmarks as coloured points, numbered from 0 where there is room.

    Args:
      image: uint8 `[H, W, 3]`.
      points_px: `[K, 2]`, (x, y) in pixels, centres at integers; those outside are not seen.
      radius: of the points in pixels; by default by the size of the picture. Points below 3 px
        get no number.

    Returns:
      uint8 `[H, W, 3]`, a copy.
    """
    picture = Image.fromarray(image)
    radius = max(1.5, max(picture.size) / 100) if radius is None else radius
    for (x, y), color in zip(points_px, colors(len(points_px)), strict=True):
        _paste_disc(picture, x, y, radius, color)
    if radius >= SMALLEST_NUMBERED:  # after all discs, so that none hides a number
        for number, (x, y) in enumerate(points_px):
            _write_number(picture, x, y, radius, str(number))
    return np.asarray(picture)


def colors(count: int) -> list[tuple[int, int, int]]:
    """RGB colours of landmarks 0, 1, ...; the golden ratio keeps neighbours apart."""
    found = [colorsys.hsv_to_rgb(k * 0.618034 % 1, 0.8, 1.0) for k in range(count)]
    return [tuple(round(255 * channel) for channel in color) for color in found]


def _paste_disc(picture: Image.Image, x: float, y: float, radius: float, color) -> None:
    """A disc with a white rim, its centre at a fraction of a pixel."""
    rim = max(0.5, radius / 4)
    half = math.ceil(radius + rim) + 1
    left, top = math.floor(x) - half, math.floor(y) - half
    sprite = Image.new("RGBA", (SMOOTHING * (2 * half + 1),) * 2, (255, 255, 255, 0))
    draw = ImageDraw.Draw(sprite)
    centre = (SMOOTHING * (x + 0.5 - left) - 0.5, SMOOTHING * (y + 0.5 - top) - 0.5)
    draw.circle(centre, SMOOTHING * (radius + rim), fill="white")
    draw.circle(centre, SMOOTHING * radius, fill=color)
    sprite = sprite.reduce(SMOOTHING)
    picture.paste(sprite, (left, top), mask=sprite)


def _write_number(picture: Image.Image, x: float, y: float, radius: float, number: str) -> None:
    font = ImageFont.load_default(size=2.5 * radius)
    right = x + 5 * radius < picture.width
    ImageDraw.Draw(picture).text(
        (x + 1.6 * radius if right else x - 1.6 * radius, y),
        number,
        fill="white",
        font=font,
        anchor="lm" if right else "rm",
        stroke_width=max(1, radius / 4),
        stroke_fill="black",
    )
