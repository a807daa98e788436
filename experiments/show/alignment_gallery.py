"""Pictures of what an aligner matches, in test pairs or, where there are none, training pairs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from c3jax.coordinates import numpy_grid
from c3jax.inference import AlignmentModel, Matches, bilinear
from data_pipelines.pairs import Pairs
from experiments.common.alignment_data import AlignmentData
from experiments.measure.alignment import Headline, TestPairs
from experiments.measure.pck import correct_points
from experiments.show.flow_pictures import (
    draw_carried,
    enlarge,
    flow_colors,
    flow_wheel,
    heat_colors,
    surest,
)
from experiments.show.pictures import Picture, sheet, tile

SHOWN = 8  # pairs of each set
ALPHA = 0.10
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
    if data.tests:
        return [
            draw_test(model, name, test, headline, f"matches_{number}")
            for number, (name, test) in enumerate(data.tests.items())
        ]
    pairs = data.images[data.pairs[spread(len(data.pairs))]]
    found = [model.align(*pair) for pair in pairs]
    return [draw_sheet("matches_0", "training pairs", pairs, found)]


def draw_test(
    model: AlignmentModel, title: str, test: TestPairs, headline: Headline, name: str = "matches"
) -> Picture:
    """The sheet of some test pairs."""
    rows = spread(len(test))
    ends = np.stack([test.source[rows], test.target[rows]], axis=1)
    pairs = test.images[ends]
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
      pairs: `[n, 2, S, S, 3]`, sources and targets.
      found: matches of each pair.
      carried: key points of each pair by `headline`; the surest matches without them.
      headline: by which they are right or wrong.
      flows: true flow `[n, S, S, 2]`, NaN where it is not known.
    """
    back = headline is not None and headline.direction == "target_to_source"
    carried = carried or [surest_ends(matches) for matches in found]
    rows: list[list[Image.Image | None]] = []
    for pair, matches, ends in zip(pairs, found, carried, strict=True):
        start, end = pair[::-1] if back else pair
        lines = draw_carried(
            start, end, ends.points, ends.carried, true=ends.true, correct=ends.correct
        )
        rows.append([lines, None, tile(matches.warp_source(pair[0])), *fields(matches)])
        if flows is not None:
            rows[-1].insert(4, tile(flow_colors(flows[len(rows) - 1], 1.0)))
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


def fields(matches: Matches) -> list[Image.Image]:
    """Flow and confidence on the source."""
    shape = matches.source_shape
    flow = enlarge(matches.to_target, shape) - numpy_grid(shape)
    confidence = enlarge(matches.source_confidence[..., None], shape)[..., 0]
    return [tile(flow_colors(flow, 1.0)), tile(heat_colors(confidence))]


def carry_key_points(found: Sequence[Matches], pairs: Pairs, headline: Headline) -> list[Ends]:
    """Key points of each pair, carried in the direction of the headline."""
    back = headline.direction == "target_to_source"
    start, end = (pairs.target, pairs.source) if back else (pairs.source, pairs.target)
    (points, valid), (true, _) = start.points(), end.points()
    maps = [matches.to_source if back else matches.to_target for matches in found]
    carried = np.stack([bilinear(t, p) for t, p in zip(maps, points, strict=True)])
    correct = correct_points(carried, pairs, alpha=ALPHA, **headline._asdict())
    return [
        Ends(p[v], c[v], t[v], r[v])
        for p, c, t, r, v in zip(points, carried, true, correct, valid, strict=True)
    ]


def surest_ends(matches: Matches) -> Ends:
    """The surest matches that lie apart."""
    cells, chosen = numpy_grid(matches.to_target.shape[:2]), surest(matches)
    return Ends(cells.reshape(-1, 2)[chosen], matches.to_target.reshape(-1, 2)[chosen])


def spread(count: int) -> np.ndarray:
    """Up to `SHOWN` indices spread over `count`."""
    return np.unique(np.linspace(0, count - 1, SHOWN).round().astype(int))
