"""Evaluation of both networks: PCK of the field, errors of landmarks, worth of the uncertainty."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from c3jax import warp
from c3jax.coordinates import grid, to_pixels
from experiments.common.alignment_data import AlignmentData
from experiments.jlad.steps import Network
from experiments.jlad.uncertainty import uncertainty_quality
from experiments.measure.alignment import (
    HEADLINES,
    Reading,
    TestPairs,
    alignment_object,
    evaluate_baselines,
    evaluate_maps,
    headline,
)
from experiments.measure.annotations import Evaluation
from experiments.measure.consistency import Pairs
from experiments.measure.evaluation import evaluate_landmarks
from experiments.terms.synthetic_pairs import as_float

BATCH = 16


class Trained(NamedTuple):
    """A network with its variables; `detection` is the group that is the detection's trunk."""

    network: Network
    variables: dict
    detection: str


class Fields(NamedTuple):
    """Of pairs: tau on the source grid and on the target grid `[n, h, w, 2]`, and log_sigma."""

    on_source: np.ndarray
    on_target: np.ndarray
    log_sigma: np.ndarray

    @property
    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """As `evaluate_maps` takes them."""
        return self.on_target, self.on_source


def compute_features(trained: Trained, images: np.ndarray) -> np.ndarray:
    """F of uint8 images, `[n, h, w, c]`."""
    return _in_batches(lambda part: _detect(trained.network, trained.variables, part).features)(
        images
    )


def compute_landmarks(trained: Trained, images: np.ndarray) -> np.ndarray:
    """Landmarks of uint8 images, `[n, K, 2]`."""

    def of_batch(part):
        return _detect(trained.network, trained.variables, part, trained.detection).landmarks

    return _in_batches(of_batch)(images)


def compute_fields(trained: Trained, features: np.ndarray, pairs: TestPairs | Pairs) -> Fields:
    """Fields of all pairs in both directions."""

    def align(source, target):  # a batch of features at a time: they are large
        return _align(trained.network, trained.variables, features[source], features[target])

    of_rows = _in_batches(align)
    on_source, on_target = of_rows(pairs.source, pairs.target), of_rows(pairs.target, pairs.source)
    return Fields(on_source.tau, on_target.tau, on_source.log_sigma)


def evaluate_round(
    trained: Trained, untrained: Trained, data: str, test: TestPairs, objects: tuple | None
) -> dict:
    """A row of the table: `pck`, and `landmarks` and `uncertainty` where there are any."""
    fields = compute_fields(trained, compute_features(trained, test.images), test)
    found = {"pck": headline(evaluate_maps(fields.maps, test), *HEADLINES[data])}
    if test.dense is not None:
        found["uncertainty"] = evaluate_uncertainty(fields, test)
    if objects is not None:
        found["landmarks"] = evaluate_objects(trained, untrained, *objects)
    return found


def evaluate_objects(
    trained: Trained, untrained: Trained, fit: Evaluation, test: Evaluation
) -> dict:
    """The `landmarks` object."""
    detect, detect_untrained = (
        functools.partial(compute_landmarks, each) for each in (trained, untrained)
    )
    return evaluate_landmarks(detect, detect_untrained, fit, test)


def evaluate_tests(trained: Trained, untrained: Trained, data: AlignmentData) -> dict[str, Any]:
    """`alignment` of the first test, `alignment_of` the others by name."""
    found = {
        name: evaluate_alignment(trained, untrained, data.name, test)
        for name, test in data.tests.items()
        if test.pairs.source.points_px is not None
    }
    return {"alignment": found.pop(next(iter(found))), "alignment_of": found} if found else {}


def evaluate_alignment(
    trained: Trained, untrained: Trained | None, data: str, test: TestPairs
) -> dict:
    """The `alignment` object, beside matches of the trained features."""
    features = compute_features(trained, test.images)
    found = evaluate_baselines(features, test, Reading())
    found["trained"] = evaluate_maps(compute_fields(trained, features, test).maps, test)
    if untrained is not None:
        before = compute_features(untrained, test.images)
        found["untrained"] = evaluate_maps(compute_fields(untrained, before, test).maps, test)
    definition, direction = HEADLINES[data]
    return alignment_object(found, definition=definition, direction=direction)


def evaluate_uncertainty(fields: Fields, test: TestPairs) -> dict:
    """Whether sigma tells the errors of the field, on pixels of the object."""
    assert test.dense is not None  # rendered objects have it
    shape = test.images.shape[1:3]
    pixels = jnp.broadcast_to(grid(shape), (len(test), *shape, 2))
    on_source, on_cells = jnp.asarray(fields.on_source), jnp.asarray(fields.log_sigma)
    carried = np.asarray(to_pixels(warp(on_source, pixels, padding="clamp"), shape))
    log_sigma = np.asarray(warp(on_cells, pixels, padding="clamp"))[..., 0]
    true = test.dense.points_px
    known = test.dense.on_object & np.isfinite(true).all(-1)
    error = np.linalg.norm(carried[known] - true[known], axis=-1)
    return uncertainty_quality(log_sigma[known], error, ~test.dense.visible[known])


@functools.partial(jax.jit, static_argnums=(0, 3))
def _detect(network: Network, variables, images, trunk: str = "trunk"):
    return network.detect(variables, as_float(images), trunk=trunk)


@functools.partial(jax.jit, static_argnums=0)
def _align(network: Network, variables, source, target):
    return network.align(variables, source, target)


def _in_batches(of_batch):
    """`of_batch` for any number of examples, in batches of one shape; leaves are NumPy's."""

    def of_all(*arrays):
        found = []
        for begin in range(0, len(arrays[0]), BATCH):
            parts = [array[begin : begin + BATCH] for array in arrays]
            count = len(parts[0])
            padded = [np.resize(part, (BATCH, *part.shape[1:])) for part in parts]
            found.append(jax.tree.map(lambda x, n=count: np.asarray(x)[:n], of_batch(*padded)))
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *found)

    return of_all
