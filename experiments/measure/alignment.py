"""Evaluation of semantic alignment: what matchers carry, against key points and dense truth."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from c3jax import carry_points, correlation_4d, mutual_matching, warp
from c3jax.coordinates import grid, to_pixels
from c3jax.inference import Reading
from data_pipelines.pairs import Pairs
from experiments.measure.pck import Direction, dense_metrics, pck_table

_carry = jax.jit(carry_points)
_look_up = jax.jit(functools.partial(warp, padding="clamp"))


class Headline(NamedTuple):
    """The definition of PCK by which points are right or wrong."""

    definition: str
    direction: Direction


# By data set.
HEADLINES = {
    "rendered_objects": Headline("bbox", "source_to_target"),
    "pf_pascal": Headline("scnet", "target_to_source"),
    "pf_willow": Headline("bbox-kp", "target_to_source"),
    "spair": Headline("bbox", "source_to_target"),
    "pascal3d": Headline("scnet", "target_to_source"),  # JLAD 4.3: as SCNet measures
    "pairs_csv": Headline("img", "source_to_target"),
}

# From two feature maps `[b, h, w, c]` to their (refined) correlation `[b, h, w, h, w]`.
Correlate = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class DenseTruth:
    """The true correspondence of pairs, from source pixels to target pixels.

    points_px: float `[n, S, S, 2]`; on_object, visible: bool `[n, S, S]` (`visible` in the target).
    """

    points_px: np.ndarray
    on_object: np.ndarray
    visible: np.ndarray


@dataclass(frozen=True)
class TestPairs:
    """Annotated pairs, and their pictures squashed to squares.

    images: uint8 `[m, S, S, 3]`; source, target: the rows of each pair's pictures, `[n]`.
    """

    pairs: Pairs
    images: np.ndarray
    source: np.ndarray
    target: np.ndarray
    dense: DenseTruth | None = None

    def __len__(self) -> int:
        return len(self.pairs)


BASELINES: dict[str, Correlate] = {
    "nearest_neighbour": correlation_4d,
    "mutual_matching": lambda source, target: mutual_matching(correlation_4d(source, target)),
}


def alignment_maps(
    correlate: Correlate, features: np.ndarray, test: TestPairs, reading: Reading, *, chunk: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """Transformation maps of all pairs, T^{i->j} `[n, h, w, 2]` and T^{j->i} `[n, h, w, 2]`."""

    @jax.jit
    def of_chunk(source, target):
        return reading.maps(correlate(source, target))

    found = []
    for begin in range(0, len(test), chunk):
        rows = np.arange(begin, begin + chunk).clip(max=len(test) - 1)  # one shape for all chunks
        maps = of_chunk(features[test.source[rows]], features[test.target[rows]])
        found.append([np.asarray(each)[: len(test) - begin] for each in maps])
    to_target, to_source = (np.concatenate(side) for side in zip(*found, strict=True))
    return to_target, to_source


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
        dense = to_pixels(_look_up(on_source, pixels), shape)
        boxes = test.pairs.target.boxes_px
        assert boxes is not None  # rendered objects have them
        found["dense"] = dense_metrics(
            np.asarray(dense),
            test.dense.points_px,
            on_object=test.dense.on_object,
            visible=test.dense.visible,
            box_side=(boxes[:, 2:] - boxes[:, :2]).max(-1),
        )
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


def headline(table: dict, definition: str, direction: str) -> dict[str, float]:
    """PCK by alpha of one definition: the mean over pairs."""
    return table["definitions"][definition][direction]["per_pair"]


def alignment_object(found: dict[str, dict], *, definition: str, direction: str) -> dict:
    """The `alignment` object of `results.json` from `evaluate_methods`.

    `trained` is the method in question, `untrained` the same before training.
    """

    def pck(name):
        return headline(found[name], definition, direction)

    table = found["trained"]
    return {
        "pck": pck("trained"),
        **{f"{name}_pck": pck(name) for name in found if name != "trained"},
        "protocol": table["definitions"][definition][direction]["definition"],
        "pairs": table["pairs"],
        "pictures": table["pictures"],
        "methods": found,
    }
