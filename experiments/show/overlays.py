"""Landmarks drawn on pictures."""

import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SMALLEST_NUMBERED = 3.0


def draw_landmarks(
    image: np.ndarray, points_px: np.ndarray, radius: float | None = None
) -> np.ndarray:
    """A picture with its landmarks as coloured points, numbered from 0 where there is room.

    Args:
      image: uint8 `[H, W, 3]`.
      points_px: `[K, 2]`, (x, y) in pixels, centres at integers; those outside are not seen.
      radius: of the points in pixels; by default by the size of the picture. Points below 3 px
        get no number.

    Returns:
      uint8 `[H, W, 3]`, a copy.
    """
    drawn = image.copy()
    radius = max(1.5, max(image.shape[:2]) / 100) if radius is None else radius
    for point, color in zip(points_px, colors(len(points_px)), strict=True):
        _draw_disc(drawn, point, radius + max(0.5, radius / 4), (255, 255, 255))
        _draw_disc(drawn, point, radius, color)
    if radius < SMALLEST_NUMBERED:
        return drawn
    picture = Image.fromarray(drawn)
    for number, point in enumerate(points_px):  # after all discs, so that none hides a number
        _write_number(picture, point, radius, str(number))
    return np.asarray(picture)


def colors(count: int) -> list[tuple[int, int, int]]:
    """RGB colours of landmarks 0, 1, ...; the golden ratio keeps neighbours apart."""
    found = [colorsys.hsv_to_rgb(k * 0.618034 % 1, 0.8, 1.0) for k in range(count)]
    return [(round(255 * r), round(255 * g), round(255 * b)) for r, g, b in found]


def _draw_disc(image: np.ndarray, point, radius: float, color) -> None:
    """Blends a smooth-edged disc into `image`, its centre at a fraction of a pixel."""
    limits = np.array(image.shape[1::-1])
    low = np.clip(np.floor(point - radius - 1), 0, limits).astype(int)
    high = np.clip(np.ceil(point + radius + 2), low, limits).astype(int)
    patch = image[low[1] : high[1], low[0] : high[0]]
    y, x = np.ogrid[low[1] : high[1], low[0] : high[0]]
    distance = np.hypot(x - point[0], y - point[1])
    cover = np.clip(radius + 0.5 - distance, 0, 1)[..., None]
    patch[...] = np.rint((1 - cover) * patch + cover * np.array(color))


def _write_number(picture: Image.Image, point, radius: float, number: str) -> None:
    x, y = point
    right = x + 5 * radius < picture.width  # of the point, else left of it
    ImageDraw.Draw(picture).text(
        (x + 1.6 * radius if right else x - 1.6 * radius, y),
        number,
        fill="white",
        font=ImageFont.load_default(size=2.5 * radius),
        anchor="lm" if right else "rm",
        stroke_width=max(1, radius / 4),
        stroke_fill="black",
    )
