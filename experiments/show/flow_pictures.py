"""Pictures of dense matches: carried points with lines, flow as colours, confidence."""

import functools

import numpy as np
from PIL import Image, ImageDraw

from c3jax.coordinates import numpy_grid
from c3jax.inference import Matches, bilinear
from experiments.show.overlays import colors as colors_of
from experiments.show.overlays import draw_landmarks
from experiments.show.pictures import FINE, GAP, PAPER, TILE, draw_dot, place_on_tile, tile

# Told apart by people who confuse red and green, too.
RIGHT, WRONG = (0, 170, 120), (225, 70, 0)
LONGEST = 1000  # pixels of a side of a picture that matches are drawn on
UNKNOWN = 0.85  # the grey of places without a flow


def flow_colors(flow: np.ndarray, largest: float) -> np.ndarray:
    """A flow as colours: the hue is its direction, the saturation its length.

    Args:
      flow: `[H, W, 2]`, (x, y), x to the right and y down; NaN is grey.
      largest: length that has the full colour, in the unit of the flow.

    Returns:
      float `[H, W, 3]` in [0, 1]; white does not move.
    """
    from matplotlib.colors import hsv_to_rgb

    x, y = np.moveaxis(np.asarray(flow, float), -1, 0)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(known, x, 0), np.where(known, y, 0)
    hue = np.arctan2(y, x) / (2 * np.pi) % 1
    saturation = np.minimum(np.hypot(x, y) / largest, 1)
    colors = hsv_to_rgb(np.stack([hue, saturation, np.ones_like(hue)], -1))
    return np.where(known[..., None], colors, UNKNOWN)


@functools.cache
def flow_wheel(size: int = TILE) -> np.ndarray:
    """The legend of `flow_colors`, `[size, size, 3]`: what points where has which colour."""
    place = numpy_grid((size, size))
    inside = np.hypot(*np.moveaxis(place, -1, 0))[..., None] <= 1
    return np.where(inside, flow_colors(place, 1.0), 1.0)


def heat_colors(values: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as colours from dark blue to yellow, `[H, W, 3]`."""
    import matplotlib

    return matplotlib.colormaps["viridis"](np.clip(values, 0, 1))[..., :3]


def enlarge(cells: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Maps `[h, w, c]` at `shape`, interpolated, corner centres on corner centres."""
    rows = np.array_split(numpy_grid(shape), -(-shape[0] // 64))  # for memory
    return np.concatenate([bilinear(cells, part) for part in rows])


def uncertainty_shades(log_sigma: np.ndarray) -> np.ndarray:
    """Log sigma `[h, w]` in [0, 1], of its own range: black where it is largest (JLAD, Fig. 5)."""
    low, high = log_sigma.min(), log_sigma.max()
    return 1 - (log_sigma - low) / max(high - low, 1e-6)


def draw_uncertainty(matches: Matches) -> Image.Image:
    """Sigma on the pixels of the source, from the least (white) to the largest (black)."""
    assert matches.source_sigma is not None
    shades = uncertainty_shades(np.log(matches.source_sigma))
    pixels = enlarge(shades[..., None], matches.source_shape)[..., 0]
    return Image.fromarray(np.rint(255 * pixels).astype(np.uint8))


def draw_carried(
    start: np.ndarray,
    end: np.ndarray,
    points: np.ndarray,
    carried: np.ndarray,
    *,
    true: np.ndarray | None = None,
    correct: np.ndarray | None = None,
) -> Image.Image:
    """Two tiles side by side, with lines from points of the one to where they are carried.

    Args:
      start, end: pictures `[S, S, 3]`.
      points, carried: `[K, 2]`, (x, y) in [-1, 1] of `start` and of `end`.
      true: `[K, 2]`, where the points belong in `end`: a short line ties them to where they are.
      correct: bool `[K]`: right ones are green, wrong ones red; without it each has its own colour.
    """
    paper = Image.new("RGB", (2 * TILE + GAP, TILE), PAPER)
    paper.paste(tile(start), (0, 0))
    paper.paste(tile(end), (TILE + GAP, 0))
    canvas = paper.resize((FINE * paper.width, FINE * paper.height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    colors = colors_of(len(points))
    if correct is not None:
        colors = [RIGHT if right else WRONG for right in correct]
    shift = np.array([FINE * (TILE + GAP), 0])
    starts = place_on_tile(points, start.shape[0])
    ends = place_on_tile(carried, end.shape[0]) + shift
    for a, b, color in zip(starts, ends, colors, strict=True):
        draw.line([tuple(a), tuple(b)], fill=color, width=FINE)
    if true is not None:
        for a, b in zip(place_on_tile(true, end.shape[0]) + shift, ends, strict=True):
            draw_dot(draw, a, PAPER, radius=1.5)
            draw.line([tuple(a), tuple(b)], fill=PAPER, width=FINE)
    for a, b, color in zip(starts, ends, colors, strict=True):
        draw_dot(draw, a, color)
        draw_dot(draw, b, color)
    return canvas.resize(paper.size, Image.Resampling.LANCZOS)


def spread_out(points: np.ndarray, worth: np.ndarray, *, count: int, apart: float) -> np.ndarray:
    """Indices of up to `count` points of great worth, no two closer than `apart`.

    Args:
      points: `[n, 2]`.
      worth: `[n]`; NaN is never chosen.
      count: how many.
      apart: in the unit of the points.
    """
    chosen: list[int] = []
    for index in np.argsort(-worth, kind="stable"):
        if len(chosen) == count or np.isnan(worth[index]):
            break
        if all(np.hypot(*(points[index] - points[other])) >= apart for other in chosen):
            chosen.append(int(index))
    return np.array(chosen, int)


def surest(matches: Matches, *, count: int = 10, apart: float = 0.35) -> np.ndarray:
    """Cells of the source, by index, of mutual matches of great confidence that do not crowd.

    Args:
      matches: of a pair.
      count: how many at most.
      apart: distance between them; the side of a picture is 2.
    """
    cells = numpy_grid(matches.to_target.shape[:2]).reshape(-1, 2)
    worth = np.where(matches.mutual(), matches.source_confidence, np.nan).ravel()
    return spread_out(cells, worth, count=count, apart=apart)


def draw_matches(
    source: np.ndarray, target: np.ndarray, source_px: np.ndarray, target_px: np.ndarray
) -> Image.Image:
    """Two pictures side by side, with numbered points and lines between them.

    Args:
      source, target: uint8 `[H, W, 3]`, of any sizes; large ones are shrunk to `LONGEST`.
      source_px, target_px: `[K, 2]`, points of the two that belong together, in pixels.
    """
    drawn, places = [], []
    for picture, points_px in ((source, source_px), (target, target_px)):
        height, width = picture.shape[:2]
        scale = min(1, LONGEST / max(height, width))
        size = (max(1, round(scale * width)), max(1, round(scale * height)))
        small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
        # Pixel k covers [k, k + 1], before and after.
        points_px = (points_px + 0.5) * size / [width, height] - 0.5
        drawn.append(draw_landmarks(small, points_px))
        places.append(points_px)
    left = drawn[0].shape[1] + GAP
    canvas = Image.new("RGB", (left + drawn[1].shape[1], max(d.shape[0] for d in drawn)), PAPER)
    canvas.paste(Image.fromarray(drawn[0]), (0, 0))
    canvas.paste(Image.fromarray(drawn[1]), (left, 0))
    draw = ImageDraw.Draw(canvas)
    width = max(1, round(max(canvas.size) / 600))
    for start, end, color in zip(*places, colors_of(len(source_px)), strict=True):
        draw.line([tuple(start), tuple(end + [left, 0])], fill=color, width=width)
    return canvas
