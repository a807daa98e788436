"""Percentage of correct key points (PCK), by each of the definitions that papers use.

Definitions differ in the frame in which distances are measured, in the length that alpha is a
fraction of, and in the direction in which points are carried. Numbers of one definition cannot be
compared with those of another, so every result carries the sentence that defines it.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from c3jax import metrics
from c3jax.files.pairs import Pairs, Side

pck = jax.jit(metrics.pck, static_argnames="alpha")

ALPHAS = (0.05, 0.10, 0.15)
DRAWS = 1000

Direction = Literal["source_to_target", "target_to_source"]
Length = Literal["frame", "picture", "box", "source_key_points"]


@dataclass(frozen=True)
class Definition:
    """What PCK means.

    Attributes:
      name: as in results and papers.
      frame: side of the square that both pictures are squashed to, None for original pixels.
      length: what alpha is a fraction of: the side of the frame; the longer side of the end
        picture, where distances are measured, or of the object's box there; or the longer side of
        the box of the source's key points, in both directions.
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

    def length_px(self, pairs: Pairs, end: Side) -> np.ndarray | None:
        """What alpha is a fraction of, `[n]`; None if it is not known."""
        if self.length == "frame":
            return np.full(len(pairs), self.frame)
        if self.length == "picture":
            return end.sizes.max(-1)
        if self.length == "box":
            boxes = end.boxes_px
            return None if boxes is None else (boxes[:, 2:] - boxes[:, :2]).max(-1)
        return np.array([np.ptp(points, axis=0).max() for points in pairs.source.points_px or ()])

    def scale(self, end: Side) -> np.ndarray:
        """From [-1, 1] to pixels of the frame or of the originals, of each axis, `[n, 1, 2]`."""
        sizes = end.sizes if self.frame is None else np.full_like(end.sizes, self.frame)
        return (sizes[:, None] - 1) / 2


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
    draws: int = DRAWS,
    seed: int = 0,
) -> dict:
    """PCK by every definition for which the pairs have what it needs.

    Args:
      predicted_targets, predicted_sources: the source's key points, carried to the target, and the
        target's, carried to the source; (x, y) in [-1, 1], `[n, max P, 2]`, whose rows beyond the
        P points of a pair are ignored.
      pairs: with key points; boxes and categories are optional.
      draws, seed: of the bootstrap.

    Returns:
      Ready for JSON: `pairs`, `pictures`, `points`, what the averages and intervals are, and
      `definitions`: for each name and direction the `definition` in words, `per_pair`, `per_point`
      and, with categories, `mean_of_categories` and `categories`, each by alpha ("0.05"), percent;
      `interval` holds a pair of bounds for each of the averages.

    Raises:
      ValueError: predictions that are not finite.
    """
    _, valid = pairs.source.points()
    carried = {
        "source_to_target": _known("predicted_targets", predicted_targets, valid),
        "target_to_source": _known("predicted_sources", predicted_sources, valid),
    }
    weights = _bootstrap_weights(pairs, draws, seed)
    table: dict = {}
    for definition in DEFINITIONS:
        for direction in definition.directions:
            end = _end(pairs, direction)
            if (length := definition.length_px(pairs, end)) is None:
                continue
            percent = _percent(carried[direction], end, definition.scale(end), length)
            table.setdefault(definition.name, {})[direction] = {
                "definition": definition.sentence(direction),
                **_summary(percent, valid.sum(-1), pairs.categories, weights),
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
      predicted: key points carried in this direction, as `pck_table` takes them.
      pairs: with key points, and what the definition needs.
      definition: name of one of `DEFINITIONS`.
      direction: one of its directions.
      alpha: fraction of its length.
    """
    (chosen,) = (d for d in DEFINITIONS if d.name == definition)
    end = _end(pairs, direction)
    true, valid = end.points()
    length = chosen.length_px(pairs, end)
    assert length is not None  # or the table has no such definition
    distance = np.linalg.norm((predicted - true) * chosen.scale(end), axis=-1)
    return valid & (distance <= alpha * length[:, None])


def _end(pairs: Pairs, direction: Direction) -> Side:
    """The pictures that points are carried to, where distances are measured."""
    return pairs.target if direction == "source_to_target" else pairs.source


def _percent(predicted, end: Side, scale, length) -> np.ndarray:
    """Correct points of each pair in percent, `[n, alphas]`."""
    true, valid = end.points()
    arrays = (jnp.asarray(x) for x in ((predicted + 1) * scale, (true + 1) * scale, 1.0 * length))
    correct = functools.partial(pck, *arrays, valid=jnp.asarray(valid))
    return np.stack([correct(alpha=alpha) for alpha in ALPHAS], -1).astype(float)


def _summary(percent, points, categories, weights) -> dict:
    """Averages, and their bounds over the weights `[draws, n]` of the bootstrap."""
    groups = {c: np.array(categories) == c for c in categories or ()}
    ones = np.ones((1, len(points)))
    found: dict = {
        name: by_alpha(values[0].tolist())
        for name, values in _averages(percent, points, groups, ones).items()
    }
    if groups:
        found["categories"] = {
            name: {"pairs": int(group.sum()), "per_pair": by_alpha(percent[group].mean(0).tolist())}
            for name, group in sorted(groups.items())
        }
    found["interval"] = {
        name: by_alpha(np.percentile(values, [2.5, 97.5], axis=0).T.tolist())
        for name, values in _averages(percent, points, groups, weights).items()
    }
    return found


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


def _known(name: str, predicted, valid: np.ndarray) -> np.ndarray:
    """Predictions, 0 where there is no point."""
    found = np.where(valid[..., None], np.asarray(predicted, float), 0)
    if len(bad := np.flatnonzero(~np.isfinite(found).all((1, 2)))):
        raise ValueError(f"{name} of pair {bad[0]} is not finite")
    return found


def by_alpha(values: Iterable) -> dict:
    """Values by alpha: "0.05" and so on."""
    return {f"{alpha:.2f}": value for alpha, value in zip(ALPHAS, values, strict=True)}
