"""Evaluation of semantic alignment: what matchers carry, against key points and dense truth."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from c3jax import carry_points, correlation_4d, metrics, mutual_matching, warp
from c3jax.coordinates import grid
from c3jax.files.catalogue import find, names_of
from c3jax.files.tested import DenseTruth, TestPairs
from c3jax.inference import Reading
from c3jax.inference.batches import in_batches
from c3jax.tools.measure.pck import ALPHAS, Direction, by_alpha, pck, pck_table
from c3jax.tools.measure.units import finite_mean, in_pixels

_carry = jax.jit(carry_points)
_look_up = jax.jit(functools.partial(warp, padding="clamp"))
_endpoint_error = jax.jit(metrics.endpoint_error)


class Headline(NamedTuple):
    """The definition of PCK by which points are right or wrong."""

    definition: str
    direction: Direction


# By data set.
HEADLINES = {name: Headline(*find(name).pck) for name in names_of("pairs")}

# From two feature maps `[b, h, w, c]` to their (refined) correlation `[b, h, w, h, w]`.
Correlate = Callable[[Array, Array], Array]


BASELINES: dict[str, Correlate] = {
    "nearest_neighbour": correlation_4d,
    "mutual_matching": lambda source, target: mutual_matching(correlation_4d(source, target)),
}


def alignment_maps(
    correlate: Correlate, features: np.ndarray, test: TestPairs, reading: Reading, *, chunk: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """Transformation maps of all pairs, T^{i->j} `[n, h, w, 2]` and T^{j->i} `[n, h, w, 2]`."""
    maps = _compiled(correlate, reading)

    def maps_of_rows(source, target):
        return maps(features[source], features[target])

    return in_batches(maps_of_rows, test.source, test.target, size=chunk)


@functools.lru_cache(maxsize=8)  # the baselines, for all sets of tests
def _compiled(correlate: Correlate, reading: Reading) -> Callable[..., Any]:
    return jax.jit(lambda source, target: reading.maps(correlate(source, target)))


def evaluate_maps(maps: tuple[np.ndarray, np.ndarray], test: TestPairs) -> dict:
    """Every PCK of transformation maps (`pck_table`) and, where it is known, dense truth.

    T^{j->i} carries points of the source to the target, T^{i->j} the other way.
    """
    on_target, on_source = map(jnp.asarray, maps)
    source_points, _ = test.pairs.source.points()
    target_points, _ = test.pairs.target.points()
    found = pck_table(
        np.asarray(_carry(jnp.asarray(source_points), on_source)),
        np.asarray(_carry(jnp.asarray(target_points), on_target)),
        test.pairs,
    )
    if test.dense is not None:
        shape = test.images.shape[1:3]
        pixels = jnp.broadcast_to(grid(shape), (len(test), *shape, 2))
        carried_px = in_pixels(_look_up(on_source, pixels), shape)
        boxes = test.pairs.target.boxes_px
        assert boxes is not None  # rendered objects have them
        box_side = (boxes[:, 2:] - boxes[:, :2]).max(-1)
        found["dense"] = dense_metrics(carried_px, test.dense, box_side)
    return found


def dense_metrics(carried_px: np.ndarray, truth: DenseTruth, box_side: np.ndarray) -> dict:
    """End-point error and PCK of dense matches, split by whether the true match is visible.

    Args:
      carried_px: `[n, S, S, 2]`, where each pixel of the source is carried, as `truth.points_px`;
        pixels whose true match is not known (NaN) are left out.
      truth: of the same pairs.
      box_side: `[n]`, the longer side of the object's box in the target, pixels.

    Returns:
      Ready for JSON: for `all`, `visible` and `occluded` the number of `pixels`,
      `end_point_error_px` and `pck` by alpha (percent), None where there is no such pixel.
    """
    known = truth.on_object & np.isfinite(truth.points_px).all(-1)
    chosen = {"all": known, "visible": known & truth.visible, "occluded": known & ~truth.visible}
    carried, true = (
        jnp.asarray(px).reshape(len(known), -1, 2) for px in (carried_px, truth.points_px)
    )
    found: dict = {
        "definition": "pixels of the object carried to the other picture; mean over the pixels of "
        "a pair, then over pairs; correct within alpha times the longer side of the box there"
    }
    for name, mask in chosen.items():
        valid = jnp.asarray(mask.reshape(len(known), -1))
        percent = (pck(carried, true, jnp.asarray(box_side), alpha=a, valid=valid) for a in ALPHAS)
        found[name] = {
            "pixels": int(mask.sum()),
            "end_point_error_px": finite_mean(_endpoint_error(carried, true, valid=valid)),
            "pck": by_alpha(map(finite_mean, percent)),
        }
    return found


def identity_maps(test: TestPairs) -> tuple[np.ndarray, np.ndarray]:
    """Maps that carry every point to where it is."""
    same = np.broadcast_to(np.asarray(grid((2, 2))), (len(test), 2, 2, 2))
    return same, same


def evaluate_methods(
    methods: dict[str, Correlate], features: np.ndarray, test: TestPairs, reading: Reading
) -> dict[str, dict]:
    """`evaluate_maps` of each method and, always, of the identity."""
    found = {"identity": evaluate_maps(identity_maps(test), test)}
    for name, correlate in methods.items():
        found[name] = evaluate_maps(alignment_maps(correlate, features, test, reading), test)
    return found


def evaluate_baselines(features: np.ndarray, test: TestPairs, reading: Reading) -> dict[str, dict]:
    """`evaluate_methods` of the baselines: their best cells, and as finely as `reading` reads."""
    found = evaluate_methods(BASELINES, features, test, Reading(match="hard"))
    if reading.match == "hard":
        return found
    finer = {f"{name}_{reading.match}": correlate for name, correlate in BASELINES.items()}
    return found | evaluate_methods(finer, features, test, reading)


# What the methods are called, in the order of the tables.
METHODS = {
    "identity": "identity",
    "nearest_neighbour": "nearest neighbour",
    "mutual_matching": "mutual matching",
    "nearest_neighbour_kernel": "nearest neighbour, kernel soft-argmax",
    "mutual_matching_kernel": "mutual matching, kernel soft-argmax",
    "gaussian": "separable Gaussian block",
    "start": "the flow module as it starts",
    "untrained": "untrained network",
    "trained": "this run",
}


def numbers_of(headline: Headline, table: dict) -> dict:
    """What `pck_table` has of this definition and direction; `per_pair` is PCK by alpha."""
    return table["definitions"][headline.definition][headline.direction]


def alignment_object(found: dict[str, dict], headline: Headline) -> dict:
    """The `alignment` object of `results.json` from `evaluate_methods`.

    `trained` is the method in question, `untrained` the same before training.
    """
    headlines = {name: numbers_of(headline, table)["per_pair"] for name, table in found.items()}
    table = found["trained"]
    return {
        "pck": headlines.pop("trained"),
        **{f"{name}_pck": percent for name, percent in headlines.items()},
        "protocol": numbers_of(headline, table)["definition"],
        "pairs": table["pairs"],
        "pictures": table["pictures"],
        "methods": found,
    }


def evaluate_tests(
    evaluate: Callable[[TestPairs], dict[str, Any]], tests: dict[str, TestPairs]
) -> dict[str, Any]:
    """`alignment` of the first test set that has points, `alignment_of` the others by name.

    Args:
      evaluate: from test pairs to an `alignment` object.
      tests: the test sets by name.
    """
    found = {
        name: evaluate(test)
        for name, test in tests.items()
        if test.pairs.source.points_px is not None
    }
    if not found:
        return {}
    first, *others = found
    return {
        "alignment": {"test": first, **found[first]},
        "alignment_of": {name: found[name] for name in others},
    }


def method_rows(alignment: dict) -> list[list]:
    """Name and PCK by alpha of every method of an `alignment` object, for tables."""
    found = {key: alignment.get(f"{key}_pck") for key in METHODS} | {"trained": alignment["pck"]}
    return [[METHODS[key], *percent.values()] for key, percent in found.items() if percent]
