"""What is measured and shown of a landmark model: C3's Tables 1 and 2, Figures 1, 3 and 4."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from data_pipelines.load import Data
from experiments.c3_faces.model import make_viewer
from experiments.measure import consistency, swaps
from experiments.recipe import Trained
from experiments.show import landmark_gallery as gallery
from experiments.show.page import Gallery, Section


def evaluate(trained: Trained, data: Data) -> dict[str, Any]:
    """`landmarks` and `swaps`, where there are annotations, and `consistency`.

    The last is told by a trained flow module and by the true surfaces of rendered faces. What a
    decoder swaps is measured if it is trained.
    """
    viewer, parts = make_viewer(trained), learned(trained)
    found: dict[str, Any] = {}
    if (flow := "flow" in parts) or consistency.knows_truth(data.test):
        before = trained.untrained and make_viewer(trained.untrained).find
        found["consistency"] = consistency.measure_consistency(viewer.find, before, data, flow=flow)
    if data.test is not None and "decoder" in parts:
        found["swaps"] = swaps.measure_swaps(viewer, data.test, data.name)
    if data.fit is not None and data.test is not None:
        found["landmarks"] = trained.measure_landmarks(data.fit, data.test, data.validation)
    return found


def learned(trained: Trained) -> set[str]:
    """The networks whose parameters are not those of step 0 any more."""
    before, now = trained.model.random()["params"], trained.variables["params"]
    return {
        name
        for name, tree in now.items()
        if not all(map(np.array_equal, jax.tree.leaves(before[name]), jax.tree.leaves(tree)))
    }


def pictures(trained: Mapping[str, Trained], data: Data) -> Gallery:
    """Every picture of one run; of several what can be compared.

    As in the paper's Figure 3 landmarks are carried by one flow for all, that of the first run that
    has one; every run looks at the same images.
    """
    viewers = {name: make_viewer(run) for name, run in trained.items()}
    if len(viewers) == 1:
        ((name, viewer),) = viewers.items()
        drawn = gallery.draw_gallery(viewer, data, learned(trained[name]))
        return Gallery([Section("Pictures", pictures=drawn)])
    images, test = consistency.shown_images(data, consistency.NUM_PAIRS)
    codes = {name: viewer.look(images) for name, viewer in viewers.items()}
    judge = next((name for name, run in trained.items() if run.config.flow), next(iter(trained)))

    pairs = consistency.random_pairs(len(images), consistency.NUM_PAIRS)
    fields = viewers[judge].fields(codes[judge], pairs)
    errors = {
        name: consistency.carried_error(
            consistency.Found(code.landmarks, fields), pairs, images, test
        )
        for name, code in codes.items()
    }

    images, test = consistency.shown_images(data, gallery.SHOWN)
    pairs = gallery.shown_pairs(len(images))
    fields = viewers[judge].fields(codes[judge], pairs)
    sections = []
    for name, viewer in viewers.items():
        landmarks = codes[name].landmarks[: len(images)]
        drawn = [
            gallery.draw_landmarks(images, landmarks),
            gallery.draw_consistency(images, landmarks, fields, pairs, test),
            gallery.draw_swaps(viewer, images, codes[name]),
        ]
        text = "" if name == judge else f"T of Figure 3 is that of {judge}."
        sections.append(Section(name, text, pictures=drawn))
    common_flow = {"flow_of": judge, "pairs": consistency.NUM_PAIRS, "errors": errors}
    return Gallery(sections, {"common_flow": common_flow})
