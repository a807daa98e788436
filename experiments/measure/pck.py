"""Percentage of correct key points (PCK), by each of the definitions that papers use.

They differ in the frame that distances are measured in, in the length that a threshold is a
fraction of, and in the direction that points are carried; numbers of one definition cannot be
compared with those of another, so every result carries the sentence that defines it.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from c3jax import metrics
from data_pipelines.pairs import Pairs, Pictures
from experiments.engine.errors import UsageError

_pck = jax.jit(metrics.pck, static_argnames="alpha")
_endpoint_error = jax.jit(metrics.endpoint_error)

ALPHAS = (0.05, 0.10, 0.15)
DRAWS = 1000

Direction = Literal["source_to_target", "target_to_source"]
Length = Literal["frame", "picture", "box", "source_key_points"]


@dataclass(frozen=True)
class Definition:
    """What PCK means.

    Attributes:
      name: by which results and papers are told apart.
      frame: side of the square that both pictures are squashed to, None for original pixels.
      length: what alpha is a fraction of: the side of the frame, the longer side of the picture
        that distances are measured in, the longer side of the object's box there, or the longer
        side of the tight box of the source's key points (also when points are carried from it).
      directions: in which points may be carried.
      used_by: papers.
    """

    name: str
    frame: int | None
    length: Length
    directions: tuple[Direction, ...]
    used_by: str

    def sentence(self, direction: Direction) -> str:
        """The definition in words, to print beside every number."""
        start, end = direction.split("_to_")
        length = {
            "frame": f"{self.frame} px",
            "picture": f"the longer side of the {end} picture",
            "box": f"the longer side of the object box in the {end}",
            "source_key_points": "the longer side of the box of the source key points",
        }[self.length]
        place = f"squashed to {self.frame}x{self.frame} px" if self.frame else "in original pixels"
        return (
            f"{self.name}: {start} key points carried to the {end} {place}, correct within alpha "
            f"times {length}; percent ({self.used_by})"
        )


_BOTH: tuple[Direction, ...] = ("target_to_source", "source_to_target")
DEFINITIONS = (
    Definition("scnet", 224, "frame", ("target_to_source",), "CNNGeo, WeakAlign, NC-Net, C3"),
    Definition("img", None, "picture", ("source_to_target",), "HPF, CATs, GeoAware"),
    Definition("img240", 240, "frame", ("source_to_target",), "DHPF, CHM"),
    Definition("bbox", None, "box", ("source_to_target",), "A2Net, SPair, PF-WILLOW"),
    Definition("bbox-kp", None, "source_key_points", _BOTH, "PF-WILLOW classic, NC-Net's pf"),
)

AVERAGES = (
    "per_pair: mean over the points of a pair, then over pairs; per_point: over all points; "
    "mean_of_categories: per_pair of each category, then over categories"
)
INTERVAL = (
    "{draws} bootstrap draws of as many pictures as there are, with replacement (files of equal "
    "contents are one picture); a pair counts as often as the product of the times that its two "
    "pictures were drawn, a draw or category without pairs not at all; 2.5 and 97.5 percentiles"
)


def pck_table(
    predicted_targets,
    predicted_sources,
    pairs: Pairs,
    *,
    alphas: Sequence[float] = ALPHAS,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict:
    """PCK by every definition whose ingredients exist.

    Args:
      predicted_targets: the source's key points, carried to the target; align-corners coordinates
        of the full picture, `[P, 2]` of each pair, or one array `[n, max P, 2]` whose rows beyond
        the P points of a pair are ignored. None leaves this direction out.
      predicted_sources: the target's key points, carried to the source; likewise.
      pairs: with key points; boxes and categories are optional.
      alphas: fractions that still count as correct.
      draws: of the bootstrap.
      seed: of the bootstrap.

    Returns:
      Ready for JSON: `pairs`, `pictures`, `points`, what the averages and intervals are, and
      `definitions`: for each name and direction the `definition` in words, `per_pair`, `per_point`
      and, with categories, `mean_of_categories` and `categories`, each by alpha ("0.05"), percent;
      `interval` holds a pair of bounds for each of the averages.

    Raises:
      UsageError: the pairs have no key points.
      ValueError: predictions that do not fit the pairs, or are not finite.
    """
    if pairs.source.points_px is None or pairs.target.points_px is None:
        raise UsageError(
            f"{pairs.name} has no key points, so there is no PCK; give points of both pictures"
        )
    _, valid = pairs.source.points()
    carried = {
        "source_to_target": _padded("predicted_targets", predicted_targets, valid),
        "target_to_source": _padded("predicted_sources", predicted_sources, valid),
    }
    weights = _bootstrap_weights(pairs, draws, seed)
    table: dict = {}
    for definition in DEFINITIONS:
        for direction in definition.directions:
            measured = pairs.target if direction == "source_to_target" else pairs.source
            predicted, length = carried[direction], _length(definition, pairs, measured)
            if predicted is None or length is None:
                continue
            percent = _percent(predicted, measured, definition.frame, length, alphas)
            table.setdefault(definition.name, {})[direction] = {
                "definition": definition.sentence(direction),
                **_summary(percent, valid.sum(-1), pairs.categories, weights, alphas),
            }
    return {
        "pairs": len(pairs),
        "pictures": pairs.num_pictures,
        "points": int(valid.sum()),
        "averages": AVERAGES,
        "interval": INTERVAL.format(draws=f"{draws:,}"),
        "definitions": table,
    }


def correct_points(
    predicted, pairs: Pairs, *, definition: str, direction: Direction, alpha: float
) -> np.ndarray:
    """Which carried points count as correct, bool `[n, max P]`; none beyond the P of a pair.

    Args:
      predicted: of the direction, as `pck_table` takes them.
      pairs: with key points.
      definition: name of one of `DEFINITIONS`, whose ingredients the pairs have.
      direction: one of its directions.
      alpha: fraction of its length.
    """
    (chosen,) = (d for d in DEFINITIONS if d.name == definition)
    measured = pairs.target if direction == "source_to_target" else pairs.source
    true, valid = measured.points()
    predicted, length = _padded("predicted", predicted, valid), _length(chosen, pairs, measured)
    if length is None:
        raise ValueError(f"definition {definition} needs boxes, and {pairs.name} has none")
    distance = np.linalg.norm((predicted - true) * _scale(measured, chosen.frame), axis=-1)
    return valid & (distance <= alpha * length[:, None])


def dense_metrics(
    predicted_px,
    true_px,
    *,
    on_object: np.ndarray,
    visible: np.ndarray,
    box_side: np.ndarray,
    alphas: Sequence[float] = ALPHAS,
) -> dict:
    """End-point error and PCK of dense matches, split by whether the true match is visible.

    Args:
      predicted_px, true_px: `[n, S, S, 2]`, (x, y) in pixels of the other picture.
      on_object: bool `[n, S, S]`, cells on the object; those whose true match is not known (NaN)
        are left out.
      visible: bool `[n, S, S]`, the true match is seen in the other picture.
      box_side: `[n]`, the longer side of the object's box in the other picture, pixels.
      alphas: fractions of it that still count as correct.

    Returns:
      Ready for JSON: for `all`, `visible` and `occluded` the number of `pixels`,
      `end_point_error_px` and `pck` by alpha (percent), None where there is no such pixel.

    Raises:
      ValueError: if the shapes do not fit.
    """
    shapes = [np.shape(array) for array in (predicted_px, true_px, on_object, visible)]
    if not shapes[0] == shapes[1] == (*shapes[2], 2) == (*shapes[3], 2):
        raise ValueError(
            "predicted_px, true_px, on_object and visible do not fit: "
            f"{', '.join(map(str, shapes))}"
        )
    known = on_object & np.isfinite(true_px).all(-1)
    chosen = {"all": known, "visible": known & visible, "occluded": known & ~visible}
    n, length = len(known), jnp.asarray(box_side)
    predicted, true = (jnp.asarray(px).reshape(n, -1, 2) for px in (predicted_px, true_px))
    found: dict = {
        "definition": "pixels of the object carried to the other picture; mean over the pixels of "
        "a pair, then over pairs; correct within alpha times the longer side of the box there"
    }
    for name, mask in chosen.items():
        valid = jnp.asarray(mask.reshape(n, -1))
        percent = [_pck(predicted, true, length, alpha=a, valid=valid) for a in alphas]
        error = _endpoint_error(predicted, true, valid=valid)
        found[name] = {
            "pixels": int(mask.sum()),
            "end_point_error_px": _mean(np.asarray(error)),
            "pck": dict(zip(_keys(alphas), map(_mean, np.asarray(percent)), strict=True)),
        }
    return found


def _length(definition: Definition, pairs: Pairs, measured: Pictures) -> np.ndarray | None:
    """What alpha is a fraction of, `[n]`; None if it is not known."""
    if definition.length == "frame":
        return np.full(len(pairs), definition.frame)
    if definition.length == "picture":
        return measured.sizes.max(-1)
    if definition.length == "box":
        boxes = measured.boxes_px
        return None if boxes is None else (boxes[:, 2:] - boxes[:, :2]).max(-1)
    return np.array([np.ptp(points, axis=0).max() for points in pairs.source.points_px or ()])


def _percent(predicted, measured: Pictures, frame, length, alphas) -> np.ndarray:
    """Correct points of each pair in percent, `[n, alphas]`."""
    true, valid = measured.points()
    scale = _scale(measured, frame)
    arrays = (jnp.asarray(x) for x in ((predicted + 1) * scale, (true + 1) * scale, 1.0 * length))
    correct = functools.partial(_pck, *arrays, valid=jnp.asarray(valid))
    return np.stack([correct(alpha=alpha) for alpha in alphas], -1).astype(float)


def _scale(measured: Pictures, frame: int | None) -> np.ndarray:
    """From [-1, 1] to pixels of the frame or of the originals, of each axis, `[n, 1, 2]`."""
    sizes = measured.sizes if frame is None else np.full_like(measured.sizes, frame)
    return (sizes[:, None] - 1) / 2


def _summary(percent, points, categories, weights, alphas) -> dict:
    """Averages, and their bounds over the weights `[draws, n]` of the bootstrap."""
    groups = {} if categories is None else {c: np.array(categories) == c for c in categories}
    ones = np.ones((1, len(points)))
    bounds = {
        name: np.percentile(values, [2.5, 97.5], axis=0).T.tolist()
        for name, values in _averages(percent, points, groups, weights).items()
    }
    found: dict = {
        name: _by_alpha(values[0].tolist(), alphas)
        for name, values in _averages(percent, points, groups, ones).items()
    }
    if groups:
        found["categories"] = {
            name: {
                "pairs": int(group.sum()),
                "per_pair": _by_alpha(percent[group].mean(0).tolist(), alphas),
            }
            for name, group in sorted(groups.items())
        }
    return found | {"interval": {name: _by_alpha(b, alphas) for name, b in bounds.items()}}


def _averages(percent, points, groups, weights) -> dict[str, np.ndarray]:
    """`[draws, alphas]` of each average, where pairs count by `weights` `[draws, n]`."""
    found = {
        "per_pair": weights @ percent / weights.sum(1, keepdims=True),
        "per_point": weights * points @ percent / (weights @ points)[:, None],
    }
    if groups:
        sums = np.stack([weights[:, group] @ percent[group] for group in groups.values()])
        counts = np.stack([weights[:, group].sum(1) for group in groups.values()])[..., None]
        means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
        found["mean_of_categories"] = np.nanmean(means, axis=0)
    return found


def _bootstrap_weights(pairs: Pairs, draws: int, seed: int) -> np.ndarray:
    """How often each pair counts in each draw of pictures, `[draws with any pair, n]`."""
    ends = np.stack([pairs.source.numbers, pairs.target.numbers])
    pictures, index = np.unique(ends, return_inverse=True)
    num = len(pictures)
    times = np.random.default_rng(seed).multinomial(num, np.full(num, 1 / num), size=draws)
    source, target = index.reshape(ends.shape)
    weights = (times[:, source] * times[:, target]).astype(float)
    return weights[weights.any(1)]


def _padded(name: str, predicted, valid: np.ndarray) -> np.ndarray | None:
    """Predictions `[n, max P, 2]`, 0 where there is no point."""
    if predicted is None:
        return None
    if len(predicted) != len(valid):
        raise ValueError(f"{name} has {len(predicted)} pairs, the pairs are {len(valid)}")
    found = np.zeros((*valid.shape, 2))
    for pair, points in enumerate(predicted):
        count = int(valid[pair].sum())
        if np.shape(points) not in ((count, 2), (valid.shape[1], 2)):
            raise ValueError(
                f"{name} of pair {pair} has shape {np.shape(points)}; it has {count} points"
            )
        found[pair, :count] = np.asarray(points)[:count]
        if not np.isfinite(found[pair]).all():
            raise ValueError(f"{name} of pair {pair} is not finite")
    return found


def _by_alpha(values: list, alphas: Sequence[float]) -> dict:
    return dict(zip(_keys(alphas), values, strict=True))


def _keys(alphas: Sequence[float]) -> list[str]:
    """ "0.05" and so on: two decimals unless an alpha has more."""
    return [f"{a:.2f}" if round(a, 2) == a else str(a) for a in alphas]


def _mean(values: np.ndarray) -> float | None:
    """Mean over the pairs that have a value, None of nothing."""
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None
