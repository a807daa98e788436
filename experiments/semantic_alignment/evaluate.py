"""What is measured and shown of an aligner: C3's Table 3, beside baselines on the same features."""

import functools
from collections.abc import Mapping
from typing import Any

from data_pipelines.load import AlignmentData, TestPairs
from experiments.measure.alignment import (
    HEADLINES,
    Correlate,
    evaluate_baselines,
    evaluate_methods,
    evaluate_tests,
)
from experiments.measure.networks import apply_in_batches
from experiments.recipe import Trained
from experiments.semantic_alignment.model import make_aligner, make_gaussian_block
from experiments.show.matches import draw_gallery
from experiments.show.page import Gallery, Section


def evaluate(trained: Trained, data: AlignmentData) -> dict[str, Any]:
    """`alignment` of the first test, `alignment_of` the others; `variant` with landmarks."""
    landmarks = trained.config.landmarks
    variant = {"variant": f"with {landmarks} landmarks"} if landmarks else {}
    return variant | evaluate_tests(functools.partial(evaluate_pairs, trained), data)


def evaluate_pairs(trained: Trained, test: TestPairs) -> dict[str, dict]:
    """`evaluate_maps` of the trained aligner, beside the baselines on its own features.

    On the trained trunk, `gaussian` is the separable Gaussian block and `start` the flow module
    before training; `untrained` is the network before any training, left out where its trunk is not
    known.
    """
    network, reading = trained.model.network, trained.config.reading
    correlate = functools.partial(_correlate, network)
    features = apply_in_batches(network, trained.variables, "features", test.images)
    flow = trained.model.random()["params"]["flow"]
    start = {**trained.variables, "params": {**trained.variables["params"], "flow": flow}}
    methods: dict[str, Correlate] = {
        "gaussian": make_gaussian_block(trained.config),
        "start": functools.partial(correlate, start),
        "trained": functools.partial(correlate, trained.variables),
    }
    found = evaluate_baselines(features, test, reading)
    found |= evaluate_methods(methods, features, test, reading)
    if (untrained := trained.untrained) is not None:
        methods = {"untrained": functools.partial(correlate, untrained.variables)}
        before = apply_in_batches(network, untrained.variables, "features", test.images)
        found |= evaluate_methods(methods, before, test, reading)
    return found


def pictures(trained: Mapping[str, Trained], data: AlignmentData) -> Gallery:
    """Matches of each run in the test pairs."""
    return Gallery(
        [
            Section(name, pictures=draw_gallery(make_aligner(run), data, HEADLINES[data.name]))
            for name, run in trained.items()
        ]
    )


def _correlate(network, variables, source, target):
    return network.apply(variables, source, target, method="correlate")
