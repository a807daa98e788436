"""Pictures that commands draw: landmarks, matches and their uncertainty on photos."""

import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from c3jax.coordinates import numpy_grid
from c3jax.inference import Matches, bilinear

LONGEST = 1000  # pixels of the longer side of a picture that people look at as a whole
GAP, PAPER = 4, (255, 255, 255)
SMALLEST_NUMBERED = 3.0  # radius in pixels of a point that gets a number


def shrink(picture: np.ndarray) -> np.ndarray:
    """A picture, uint8 `[H, W, 3]`, whose longer side has at most `LONGEST` pixels."""
    height, width = picture.shape[:2]
    scale = min(1, LONGEST / max(height, width))
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def draw_landmarks(
    image: np.ndarray, points_px: np.ndarray, radius: float | None = None
) -> np.ndarray:
    """A copy of a picture with coloured landmarks, numbered from 0 where they are large enough.

    Args:
      image: uint8 `[H, W, 3]`.
      points_px: `[K, 2]`, (x, y) in pixels, centres at integers; those outside are not seen.
      radius: of the points in pixels; by default 1/75 of the shorter side, at least 1.5.
    """
    drawn = image.copy()
    radius = max(1.5, min(image.shape[:2]) / 75) if radius is None else radius
    for point, color in zip(points_px, colors(len(points_px)), strict=True):
        _draw_disc(drawn, point, radius + max(0.5, radius / 4), (255, 255, 255))
        _draw_disc(drawn, point, radius, color)
    if radius < SMALLEST_NUMBERED:
        return drawn
    picture = Image.fromarray(drawn)
    for number, point in enumerate(points_px):  # after all discs, so that none hides a number
        write_number(picture, point, radius, str(number))
    return np.asarray(picture)


def colors(count: int) -> list[tuple[int, int, int]]:
    """RGB colours of landmarks 0, 1, ...; the golden ratio keeps neighbours apart."""
    found = [colorsys.hsv_to_rgb(k * 0.618034 % 1, 0.8, 1.0) for k in range(count)]
    return [(round(255 * r), round(255 * g), round(255 * b)) for r, g, b in found]


def draw_matches(
    source: np.ndarray, target: np.ndarray, source_px: np.ndarray, target_px: np.ndarray
) -> Image.Image:
    """Two pictures side by side, with numbered points and lines between them.

    Args:
      source, target: uint8 `[H, W, 3]`, of any sizes; large ones are shrunk.
      source_px, target_px: `[K, 2]`, points of the two that belong together, in pixels.
    """
    drawn, places = [], []
    for picture, points_px in ((source, source_px), (target, target_px)):
        height, width = picture.shape[:2]
        small = shrink(picture)
        # Pixel k covers [k, k + 1], before and after.
        points_px = (points_px + 0.5) * small.shape[1::-1] / [width, height] - 0.5
        drawn.append(Image.fromarray(draw_landmarks(small, points_px)))
        places.append(points_px)
    left = drawn[0].width + GAP
    canvas = Image.new("RGB", (left + drawn[1].width, max(d.height for d in drawn)), PAPER)
    canvas.paste(drawn[0], (0, 0))
    canvas.paste(drawn[1], (left, 0))
    draw = ImageDraw.Draw(canvas)
    width = max(1, round(max(canvas.size) / 600))
    for start, end, color in zip(*places, colors(len(source_px)), strict=True):
        draw.line([*start, *(end + [left, 0])], fill=color, width=width)
    return canvas


def draw_uncertainty(matches: Matches) -> Image.Image:
    """Sigma on the pixels of the source, from the least (white) to the largest (black)."""
    return Image.fromarray(np.rint(255 * uncertainty_shades(matches)).astype(np.uint8))


def uncertainty_shades(matches: Matches) -> np.ndarray:
    """Sigma on the source `[H, W]`, from the least, 1, to the largest, 0 (JLAD, Fig. 5)."""
    assert matches.source_sigma is not None
    log_sigma = np.log(matches.source_sigma)
    low, high = log_sigma.min(), log_sigma.max()
    shades = 1 - (log_sigma - low) / max(high - low, 1e-6)
    return enlarge(shades[..., None], matches.source_shape)[..., 0]


def enlarge(cells: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Maps `[h, w, c]` at `shape`, interpolated, corner centres on corner centres."""
    rows = np.array_split(numpy_grid(shape), -(-shape[0] // 64))  # for memory
    return np.concatenate([bilinear(cells, part) for part in rows])


def surest(matches: Matches, *, count: int = 10, apart: float = 0.35) -> np.ndarray:
    """Indices of the cells of the source whose mutual matches are the surest.

    At most `count`, `apart` from each other; the side of a picture is 2.
    """
    cells = numpy_grid(matches.to_target.shape[:2]).reshape(-1, 2)
    worth = np.where(matches.mutual(), matches.source_confidence, np.nan).ravel()
    return spread_out(cells, worth, count=count, apart=apart)


def spread_out(points: np.ndarray, worth: np.ndarray, *, count: int, apart: float) -> np.ndarray:
    """Indices of up to `count` points `[n, 2]` of greatest worth `[n]`, no two closer than `apart`.

    A point whose worth is NaN is never chosen.
    """
    chosen: list[int] = []
    for index in np.argsort(-worth, kind="stable"):
        if len(chosen) == count or np.isnan(worth[index]):
            break
        if all(np.hypot(*(points[index] - points[other])) >= apart for other in chosen):
            chosen.append(int(index))
    return np.array(chosen, int)


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


def write_number(picture: Image.Image, point, radius: float, number: str) -> None:
    """Writes a number beside a point (x, y) of some radius, in pixels of the picture."""
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
