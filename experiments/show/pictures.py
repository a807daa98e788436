"""Pictures of reports: points on tiles, sheets of tiles with titles, loss curves."""

import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from c3jax.tools.overlays import GAP, PAPER, colors, write_number

TILE = 144  # pixels of one image on a sheet
FINE = 3  # points are drawn so many times larger and shrunk again, for smooth edges
TEXT, INK = 13, (40, 40, 40)


@dataclass(frozen=True)
class Picture:
    """A picture of a report: `name` of its file, what it shows, and the image itself."""

    name: str
    title: str
    caption: str
    image: Image.Image

    @functools.cached_property
    def png(self) -> bytes:
        """The image as a PNG file."""
        stream = io.BytesIO()
        self.image.save(stream, "PNG")
        return stream.getvalue()


def tile(image: np.ndarray, side: int = TILE) -> Image.Image:
    """An image, uint8 or float in [0, 1], `[S, S, 3]`, as a tile of a sheet."""
    if image.dtype != np.uint8:
        image = (np.clip(image, 0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)


def draw_points(
    image: np.ndarray,
    points: np.ndarray,
    carried: np.ndarray | None = None,
    *,
    side: int = TILE,
    numbered: bool = False,
) -> Image.Image:
    """A tile `[S, S, 3]` with landmarks as dots, and carried ones as crosses tied to their dots.

    Points are (x, y) in [-1, 1], `[K, 2]`; NaN is left out. Numbers count from 0.
    """
    canvas = tile(image, side).resize((FINE * side,) * 2, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    starts = place_on_tile(points, len(image), side)
    ends = np.full_like(starts, np.nan)
    if carried is not None:
        ends = place_on_tile(carried, len(image), side)
    for start, end, color in zip(starts, ends, colors(len(points)), strict=True):
        if np.isfinite([*start, *end]).all():
            draw.line([*start, *end], fill=color, width=FINE)
    for draw_point, places in ((draw_dot, starts), (_cross, ends)):
        for place, color in zip(places, colors(len(points)), strict=True):
            if np.isfinite(place).all():
                draw_point(draw, place, color)
    for number, place in enumerate(starts if numbered else []):  # no dot hides a number
        if np.isfinite(place).all():
            write_number(canvas, place, 5 * FINE, str(number))
    return canvas.resize((side, side), Image.Resampling.LANCZOS)


def place_on_tile(points: np.ndarray, size: int, side: int = TILE) -> np.ndarray:
    """Points `[..., 2]` in [-1, 1] of an image of `size` pixels, on its tile enlarged by FINE.

    Pixel k covers [k, k + 1] of the drawing, its centre is k + 1/2.
    """
    return ((np.asarray(points) + 1) / 2 * (size - 1) + 0.5) / size * FINE * side


def draw_dot(draw: ImageDraw.ImageDraw, center, color, radius: float = 3.2) -> None:
    """A dot with a dark rim on a tile enlarged by FINE; the radius is in pixels of the tile."""
    x, y = center
    for r, fill in ((FINE * (radius + 1), (0, 0, 0)), (FINE * radius, color)):
        draw.ellipse([x - r, y - r, x + r, y + r], fill=fill)


def sheet(
    rows: Sequence[Sequence[Image.Image | None]],
    *,
    row_titles: Sequence[str] = (),
    column_titles: Sequence[str] = (),
) -> Image.Image:
    """Tiles of one height in rows (None: an empty place), with titles to the left and above."""
    side = next(image.height for row in rows for image in row if image is not None)
    font = ImageFont.load_default(TEXT)
    left = max((round(font.getlength(title)) + 2 * GAP for title in row_titles), default=0)
    top = TEXT + 2 * GAP if column_titles else 0
    step = side + GAP
    columns = max(len(row) for row in rows)
    canvas = Image.new("RGB", (left + columns * step - GAP, top + len(rows) * step - GAP), PAPER)
    draw = ImageDraw.Draw(canvas)
    for r, row in enumerate(rows):
        for c, image in enumerate(row):
            if image is not None:
                canvas.paste(image, (left + c * step, top + r * step))
    for r, title in enumerate(row_titles):
        draw.text((left - GAP, top + r * step + side // 2), title, INK, font, anchor="rm")
    for c, title in enumerate(column_titles):
        draw.text((left + c * step + side // 2, top - GAP), title, INK, font, anchor="ms")
    return canvas


def loss_curves(rows: list[dict[str, Any]]) -> Image.Image | None:
    """Every term of `metrics.jsonl` in a small plot of its own, as logged (pale) and smoothed.

    Terms that are numbered, such as `cycle_0`, `cycle_1`, share a plot; a line marks a new stage.
    None where nothing was logged.
    """
    from matplotlib.figure import Figure

    names = sorted({name for row in rows for name in row} - {"step", "stage", "skipped_in_a_row"})
    names.sort(key=lambda name: (name != "loss", _plot_of(name)))
    plots = [list(group) for _, group in groupby(names, key=_plot_of)]
    if not plots:
        return None
    borders = [b["step"] for a, b in zip(rows, rows[1:], strict=False) if a["stage"] != b["stage"]]
    columns = min(4, len(plots))
    lines = -(-len(plots) // columns)
    figure = Figure(figsize=(2.9 * columns, 2.0 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False)
    for axis, terms in zip(axes.flat, plots, strict=False):
        _plot_terms(axis, rows, terms)
        for border in borders:
            axis.axvline(border, color="0.75", linewidth=0.8, linestyle=":")
    for axis in axes.flat[len(plots) :]:
        axis.axis("off")
    return as_image(figure)


def as_image(figure: Any) -> Image.Image:
    """A figure of matplotlib as an image."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def smooth(values: np.ndarray, *, width: int) -> np.ndarray:
    """Running mean over `width` neighbours, fewer at the ends."""
    ones = np.ones(width)
    return np.convolve(values, ones, "same") / np.convolve(np.ones_like(values), ones, "same")


def _plot_terms(axis, rows: list[dict[str, Any]], terms: list[str]) -> None:
    everything = []
    for k, term in enumerate(terms):
        known = [(r["step"], r[term]) for r in rows if r.get(term) is not None]
        points = [(step, value) for step, value in known if np.isfinite(value)]
        if not points:
            continue
        steps, values = np.array(points, float).T
        everything.extend(values)
        width = len(values) // 15 | 1
        if width > 1:
            axis.plot(steps, values, color=f"C{k}", alpha=0.25, linewidth=0.7)
        axis.plot(steps, smooth(values, width=width), color=f"C{k}", label=term.rpartition("_")[2])
    if everything and 0 < 10 * min(everything) < max(everything):
        axis.set_yscale("log")
    axis.set_title(_plot_of(terms[0]).replace("_", " "), fontsize=9)
    axis.tick_params(labelsize=7, which="both")
    axis.spines[["top", "right"]].set_visible(False)
    if len(terms) > 1:
        axis.legend(fontsize=6, ncols=2, frameon=False)


def _plot_of(term: str) -> str:
    """Title of the plot that a term is drawn in."""
    stem, _, last = term.rpartition("_")
    return f"{stem}, by layer" if last.isdigit() else term


def _cross(draw: ImageDraw.ImageDraw, center, color) -> None:
    x, y = center
    arm = 4.5 * FINE
    for width, fill in ((round(3.8 * FINE), (255, 255, 255)), (round(2.2 * FINE), color)):
        draw.line([x - arm, y - arm, x + arm, y + arm], fill=fill, width=width)
        draw.line([x - arm, y + arm, x + arm, y - arm], fill=fill, width=width)
