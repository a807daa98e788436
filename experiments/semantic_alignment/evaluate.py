"""What is measured and shown of an aligner: C3's Table 3, beside baselines on the same features."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from c3jax.tools.measure.aligners import evaluate_aligner
from c3jax.tools.measure.alignment import HEADLINES
from data_pipelines.load import AlignmentData
from experiments.engine.networks import group_of, with_group
from experiments.recipe import Trained
from experiments.semantic_alignment.model import make_aligner
from experiments.show import matches
from experiments.show.page import Gallery, Section


def evaluate(trained: Trained, data: AlignmentData) -> dict[str, Any]:
    """`alignment` of the first test, `alignment_of` the others; `variant` with landmarks.

    On the trained trunk, `start` is the flow module before training; `untrained` is the network
    before any training, left out where its trunk is not known.
    """
    landmarks = trained.config.landmarks
    variant = {"variant": f"with {landmarks} landmarks"} if landmarks else {}
    if not data.tests:
        return variant
    model, flow = make_aligner(trained), group_of(trained.model.random(), "flow")
    start = replace(model, variables=with_group(model.variables, "flow", flow))
    untrained = trained.untrained and make_aligner(trained.untrained)
    others = {"start": start, "untrained": untrained}
    return variant | evaluate_aligner(model, data.name, data.tests, **others)


def pictures(trained: Mapping[str, Trained], data: AlignmentData) -> Gallery:
    """Matches of each run in the test pairs."""
    headline = HEADLINES[data.name]
    drawn = {
        name: matches.draw_gallery(make_aligner(run), data, headline)
        for name, run in trained.items()
    }
    return Gallery([Section(name, pictures=sheets) for name, sheets in drawn.items()])
