"""What is measured and shown of an aligner: C3's Table 3, beside baselines on the same features."""

import functools
from collections.abc import Mapping
from typing import Any

from data_pipelines.load import AlignmentData, TestPairs
from experiments.measure.alignment import (
    HEADLINES,
    Correlate,
    alignment_object,
    evaluate_baselines,
    evaluate_methods,
    evaluate_tests,
)
from experiments.measure.networks import apply_in_batches
from experiments.recipe import Trained
from experiments.semantic_alignment.model import make_aligner, make_gaussian_block
from experiments.show import matches
from experiments.show.page import Gallery, Section


def evaluate(trained: Trained, data: AlignmentData) -> dict[str, Any]:
    """`alignment` of the first test, `alignment_of` the others; `variant` with landmarks."""
    variant = {"variant": f"with {trained.config.landmarks} landmarks"}
    untrained = trained.untrained if data.tests else None
    tested = evaluate_tests(
        functools.partial(evaluate_pairs, trained, untrained, data.name), data.tests
    )
    return (variant if trained.config.landmarks else {}) | tested


def evaluate_pairs(
    trained: Trained, untrained: Trained | None, data: str, test: TestPairs
) -> dict[str, Any]:
    """The `alignment` object: the trained aligner beside the baselines on its own features.

    On the trained trunk, `gaussian` is the separable Gaussian block and `start` the flow module
    before training; `untrained` is the network before any training, left out where its trunk is not
    known.
    """
    network = trained.model.network
    correlate = functools.partial(_correlate, network)
    features = apply_in_batches(network, trained.variables, "features", test.images)
    flow = trained.model.random()["params"]["flow"]
    start = {**trained.variables, "params": {**trained.variables["params"], "flow": flow}}
    methods: dict[str, Correlate] = {
        "gaussian": make_gaussian_block(trained.config),
        "start": functools.partial(correlate, start),
        "trained": functools.partial(correlate, trained.variables),
    }
    found = evaluate_baselines(features, test, trained.config.reading)
    found |= evaluate_methods(methods, features, test, trained.config.reading)
    if untrained is not None:
        methods = {"untrained": functools.partial(correlate, untrained.variables)}
        before = apply_in_batches(network, untrained.variables, "features", test.images)
        found |= evaluate_methods(methods, before, test, trained.config.reading)
    return alignment_object(found, HEADLINES[data])


def pictures(trained: Mapping[str, Trained], data: AlignmentData) -> Gallery:
    """Matches of each run in the test pairs."""
    headline = HEADLINES[data.name]
    drawn = {
        name: matches.draw_gallery(make_aligner(run), data, headline)
        for name, run in trained.items()
    }
    return Gallery([Section(name, pictures=sheets) for name, sheets in drawn.items()])


def _correlate(network, variables, source, target):
    return network.apply(variables, source, target, method="correlate")
