"""What an aligner reaches beside baselines on its own features, and fields of a joint model."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from c3jax.files.tested import TestPairs
from c3jax.inference import AlignmentModel, Reading
from c3jax.inference.batches import in_batches
from c3jax.models.flow import FlowModule
from c3jax.tools.measure.alignment import (
    HEADLINES,
    Correlate,
    alignment_maps,
    alignment_object,
    evaluate_baselines,
    evaluate_maps,
    evaluate_tests,
)
from c3jax.tools.measure.networks import apply, apply_in_batches


class Fields(NamedTuple):
    """Of pairs: tau on the source grid and on the target grid `[n, h, w, 2]`, and log_sigma."""

    on_source: np.ndarray
    on_target: np.ndarray
    log_sigma: np.ndarray

    @property
    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """As `evaluate_maps` takes them."""
        return self.on_target, self.on_source


def evaluate_aligner(
    model: AlignmentModel, data: str, tests: dict[str, TestPairs], **others: AlignmentModel | None
) -> dict[str, Any]:
    """`alignment` and `alignment_of`, see `evaluate_tests`; nothing where no test has points.

    Args:
      model: `trained` of the methods.
      data: the name of the data set, which chooses the headline.
      tests: the test pairs by name.
      others: `start` and `untrained` of the methods, left out where they are None.
    """
    evaluate = functools.partial(evaluate_pairs, model, data, others)
    return evaluate_tests(evaluate, tests)


def evaluate_pairs(
    model: AlignmentModel, data: str, others: Mapping[str, AlignmentModel | None], test: TestPairs
) -> dict[str, Any]:
    """The `alignment` object: a model beside the baselines on its own features.

    Of a model that refines a correlation, `gaussian` is the separable Gaussian block. Nothing is
    computed twice: others may have the trunk of the model, and be equal to each other.
    """
    own = features = compute_features(model, test.images)
    found = evaluate_baselines(features, test, model.reading or Reading())
    if model.reading is not None:
        gaussian = make_gaussian_block(model.network.flow.chunk)
        found["gaussian"] = evaluate_maps(
            alignment_maps(gaussian, features, test, model.reading), test
        )
    found["trained"] = evaluate_maps(find_maps(model, features, test), test)
    measured = {"trained": model}
    for name, other in others.items():
        if other is None:
            continue
        if twin := next((n for n, one in measured.items() if _equal(one, other)), None):
            found[name] = found[twin]
            continue
        features = own if _equal(model, other, "trunk") else compute_features(other, test.images)
        found[name] = evaluate_maps(find_maps(other, features, test), test)
        measured[name] = other
    return alignment_object(found, HEADLINES[data])


def _equal(first: AlignmentModel, second: AlignmentModel, group: str | None = None) -> bool:
    """Whether the variables of two models of one network, or those of a group, are the same."""
    trees = [
        {name: tree.get(group) if group else tree for name, tree in model.variables.items()}
        for model in (first, second)
    ]
    same = jax.tree.map(np.array_equal, *trees)
    return all(jax.tree.leaves(same))


def make_gaussian_block(chunk: int | None) -> Correlate:
    """The separable Gaussian block without training, a baseline; `chunk` bounds its memory."""
    module = FlowModule(channels=(1,), linear=True, chunk=chunk)
    cell = jnp.zeros((1, 1, 1, 1))
    apply_module: Any = module.apply
    return functools.partial(apply_module, module.init(jax.random.key(0), cell, cell))


def find_maps(
    model: AlignmentModel, features: np.ndarray, test: TestPairs
) -> tuple[np.ndarray, np.ndarray]:
    """Transformation maps of all pairs, as `evaluate_maps` takes them, from features of a model."""
    if model.reading is None:
        return compute_fields(model, features, test).maps
    correlate = functools.partial(_correlate, model.network, model.variables)
    return alignment_maps(correlate, features, test, model.reading)


def compute_features(model: AlignmentModel, images: np.ndarray) -> np.ndarray:
    """Features `[n, h, w, c]` of uint8 images of the size of the model."""
    return apply_in_batches(model.network, model.variables, "features", images)


def compute_fields(model: AlignmentModel, features: np.ndarray, pairs: Any) -> Fields:
    """Fields of pairs, rows `source` and `target` of the features, in both directions."""

    def align(source, target):  # a batch of features at a time: they are large
        return apply(model.network, "align", model.variables, features[source], features[target])

    of_rows = functools.partial(in_batches, align, size=16)
    on_source, on_target = of_rows(pairs.source, pairs.target), of_rows(pairs.target, pairs.source)
    return Fields(on_source.tau, on_target.tau, on_source.log_sigma)


def _correlate(network, variables, source, target):
    return network.apply(variables, source, target, method="correlate")
