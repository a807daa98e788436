"""Pictures of dense matches: carried points with lines, flow as colours, confidence."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from c3jax.coordinates import numpy_grid
from c3jax.files.pairs import Pairs
from c3jax.inference import AlignmentModel, Matches, bilinear
from c3jax.tools.measure.alignment import Headline, TestPairs
from c3jax.tools.measure.pck import correct_points
from c3jax.tools.overlays import GAP, PAPER, colors, enlarge, surest
from data_pipelines.load import AlignmentData
from experiments.show.pictures import FINE, TILE, Picture, draw_dot, place_on_tile, sheet, tile

SHOWN = 8  # pairs of each set
ALPHA = 0.10
# Told apart by people who confuse red and green, too.
RIGHT, WRONG = (0, 170, 120), (225, 70, 0)
UNKNOWN = 0.85  # the grey of places without a flow
CAPTION = (
    "Beside them the source, looked up for each pixel of the target (T from i to j); on the "
    "source the flow to the target (T from j to i), whose direction is a colour of the wheel below "
    "and which has the full colour at half a picture; and the confidence, the best score of each "
    "cell of the source, from 0 (blue) to 1 (yellow)."
)


class Ends(NamedTuple):
    """Points `[K, 2]` of a picture and where they are carried; where they belong, where known."""

    points: np.ndarray
    carried: np.ndarray
    true: np.ndarray | None = None
    correct: np.ndarray | None = None


def draw_gallery(model: AlignmentModel, data: AlignmentData, headline: Headline) -> list[Picture]:
    """A sheet for each set of test pairs; without any, one of training pairs."""
    if not data.tests:
        pairs = shown_pairs(data)
        found = [model.align(*pair) for pair in pairs]
        return [draw_sheet("matches_0", "training pairs", pairs, found)]
    return [
        draw_test(model, name, test, headline, f"matches_{number}")
        for number, (name, test) in enumerate(data.tests.items())
    ]


def draw_test(
    model: AlignmentModel, title: str, test: TestPairs, headline: Headline, name: str = "matches"
) -> Picture:
    """The sheet of some test pairs."""
    rows = shown_rows(len(test))
    pairs = shown_pairs(test)
    found = [model.align(*pair) for pair in pairs]
    flows = None
    if test.dense is not None:
        size = pairs.shape[2]
        places = 2 * test.dense.points_px[rows] / (size - 1) - 1
        known = test.dense.on_object[rows][..., None]
        flows = np.where(known, places - numpy_grid((size, size)), np.nan)
    if test.pairs.source.points_px is None:
        return draw_sheet(name, title, pairs, found, flows=flows)
    carried = carry_key_points(found, test.pairs.select(rows), headline)
    return draw_sheet(name, title, pairs, found, carried, headline, flows=flows)


def draw_sheet(
    name: str,
    title: str,
    pairs: np.ndarray,
    found: Sequence[Matches],
    carried: Sequence[Ends] | None = None,
    headline: Headline | None = None,
    *,
    flows: np.ndarray | None = None,
) -> Picture:
    """A row for each pair: points with lines, the source warped, the flow, the confidence.

    Args:
      name, title: of the picture.
      pairs, found: sources and targets `[n, 2, S, S, 3]`, and their matches.
      carried, headline: key points that are right or wrong by the headline; without them the surest
        matches are drawn.
      flows: true flow `[n, S, S, 2]`, NaN where it is not known.
    """
    back = headline is not None and headline.direction == "target_to_source"
    rows: list[list[Image.Image | None]] = []
    for n, (pair, matches) in enumerate(zip(pairs, found, strict=True)):
        ends = carried[n] if carried else surest_ends(matches)
        shape = matches.source_shape
        flow = enlarge(matches.to_target, shape) - numpy_grid(shape)
        confidence = enlarge(matches.source_confidence[..., None], shape)[..., 0]
        shown = [flow_colors(each) for each in ([flow] if flows is None else [flow, flows[n]])]
        tiles = map(tile, [matches.warp_source(pair[0]), *shown, heat_colors(confidence)])
        start, end = pair[::-1] if back else pair
        rows.append([draw_carried(start, end, ends), None, *tiles])
    rows.append([None, None, None, tile(flow_wheel())])
    columns = ["target", "source"] if back else ["source", "target"]
    columns += ["warped source", "flow", *(["true flow"] if flows is not None else [])]
    return Picture(
        name,
        f"Matches: {title}",
        f"{lines_caption(headline)} {CAPTION}",
        sheet(rows, column_titles=[*columns, "confidence"]),
    )


def lines_caption(headline: Headline | None) -> str:
    """What the lines are."""
    if headline is None:
        return "Lines tie the surest matches that lie apart, by colours of their own."
    start, end = headline.direction.split("_to_")
    return (
        f"Lines carry key points of the {start} to the {end}: green within alpha {ALPHA} of the "
        f"definition {headline.definition}, red beyond; white leads to where they belong."
    )


def carry_key_points(found: Sequence[Matches], pairs: Pairs, headline: Headline) -> list[Ends]:
    """Key points of each pair, carried in the direction of the headline."""
    if headline.direction == "target_to_source":
        start, end, maps = pairs.target, pairs.source, [each.to_source for each in found]
    else:
        start, end, maps = pairs.source, pairs.target, [each.to_target for each in found]
    (points, valid), (true, _) = start.points(), end.points()
    carried = np.stack([bilinear(t, p) for t, p in zip(maps, points, strict=True)])
    correct = correct_points(carried, pairs, alpha=ALPHA, **headline._asdict())
    every = zip(points, carried, true, correct, strict=True)
    return [Ends(*(x[v] for x in ends)) for ends, v in zip(every, valid, strict=True)]


def surest_ends(matches: Matches) -> Ends:
    """The surest matches that lie apart."""
    cells, chosen = numpy_grid(matches.to_target.shape[:2]), surest(matches)
    return Ends(cells.reshape(-1, 2)[chosen], matches.to_target.reshape(-1, 2)[chosen])


def shown_pairs(data: TestPairs | AlignmentData) -> np.ndarray:
    """Pictures `[n, 2, S, S, 3]` of some test pairs, or of some that are trained on."""
    ends = data.pairs if isinstance(data, AlignmentData) else np.c_[data.source, data.target]
    return data.images[ends[shown_rows(len(ends))]]


def shown_rows(count: int) -> np.ndarray:
    """Up to `SHOWN` indices spread over `count`."""
    return np.unique(np.linspace(0, count - 1, SHOWN).round().astype(int))


def flow_colors(flow: np.ndarray) -> np.ndarray:
    """A flow as colours `[H, W, 3]` in [0, 1]: its direction as hue, its length as saturation.

    `flow` is `[H, W, 2]`, (x, y), x to the right and y down; NaN is grey, length 1 the full colour.
    """
    from matplotlib.colors import hsv_to_rgb

    known = np.isfinite(flow).all(-1, keepdims=True)
    x, y = np.moveaxis(np.where(known, flow, 0.0), -1, 0)
    hue = np.arctan2(y, x) / (2 * np.pi) % 1
    saturation = np.minimum(np.hypot(x, y), 1)
    shades = hsv_to_rgb(np.stack([hue, saturation, np.ones_like(hue)], -1))
    return np.where(known, shades, UNKNOWN)


@functools.cache
def flow_wheel(size: int = TILE) -> np.ndarray:
    """The legend of `flow_colors`, `[size, size, 3]`: what points where has which colour."""
    place = numpy_grid((size, size))
    inside = np.hypot(*np.moveaxis(place, -1, 0))[..., None] <= 1
    return np.where(inside, flow_colors(place), 1.0)


def heat_colors(values: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as colours from dark blue to yellow, `[H, W, 3]`."""
    import matplotlib

    return matplotlib.colormaps["viridis"](np.clip(values, 0, 1))[..., :3]


def draw_carried(start: np.ndarray, end: np.ndarray, ends: Ends) -> Image.Image:
    """Two tiles side by side, with lines from points of the one to where they are carried.

    Right points are green, wrong ones red, and a short line ties them to where they belong. Points
    of which that is not known have colours of their own.

    Args:
      start, end: pictures `[S, S, 3]`.
      ends: points, (x, y) in [-1, 1] of `start` and of `end`.
    """
    paper = sheet([[tile(start), tile(end)]])
    canvas = paper.resize((FINE * paper.width, FINE * paper.height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    shades = colors(len(ends.points))
    if ends.correct is not None:
        shades = [RIGHT if right else WRONG for right in ends.correct]
    shift = np.array([FINE * (TILE + GAP), 0])
    starts = place_on_tile(ends.points, len(start))
    stops = place_on_tile(ends.carried, len(end)) + shift
    for a, b, color in zip(starts, stops, shades, strict=True):
        draw.line([*a, *b], fill=color, width=FINE)
    if ends.true is not None:
        for a, b in zip(place_on_tile(ends.true, len(end)) + shift, stops, strict=True):
            draw_dot(draw, a, PAPER, radius=1.5)
            draw.line([*a, *b], fill=PAPER, width=FINE)
    for a, b, color in zip(starts, stops, shades, strict=True):
        draw_dot(draw, a, color)
        draw_dot(draw, b, color)
    return canvas.resize(paper.size, Image.Resampling.LANCZOS)
