"""What is measured and shown of both networks: PCK of the field, errors of landmarks, sigma."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from c3jax import local_correlation, warp
from c3jax.coordinates import grid
from c3jax.tools.measure.aligners import Fields, compute_features, compute_fields, evaluate_aligner
from c3jax.tools.measure.alignment import HEADLINES, evaluate_maps, numbers_of
from c3jax.tools.measure.evaluation import Kept
from c3jax.tools.measure.networks import apply
from c3jax.tools.measure.units import in_pixels
from data_pipelines.load import AlignmentData, Data, Evaluation, TestPairs, load_objects
from experiments.jlad.config import Config
from experiments.jlad.model import make_aligner, make_detector
from experiments.measure.consistency import Found, Pairs, measure_consistency
from experiments.measure.uncertainty import uncertainty_quality
from experiments.recipe import Trained
from experiments.show import joint_gallery, matches
from experiments.show.page import Gallery, Section


def evaluate(trained: Trained, data: AlignmentData | Data) -> dict[str, Any]:
    """`variant`; of pairs `alignment` and `alignment_of`. The rounds have measured the rest."""
    found = {"variant": trained.config.variant()}
    if isinstance(data, Data) or not data.tests:
        return found
    untrained = trained.untrained and make_aligner(trained.untrained)
    return found | evaluate_aligner(
        make_aligner(trained), data.name, data.tests, untrained=untrained
    )


def make_measure(
    config: Config, data: AlignmentData | Data
) -> Callable[[Trained], dict[str, Any]] | None:
    """From a trained network to its row of JLAD's Table 1; None where nothing can be measured."""
    kept: Kept = {}  # the untrained network is the same after each round
    if isinstance(data, Data):
        return functools.partial(measure_faces, data=data, kept=kept)
    test = next(iter(data.tests.values()), None)
    if test is None or test.pairs.source.points_px is None:
        return None
    objects = load_objects(config.data)
    where: Any = {"data": data.name, "test": test, "objects": objects}
    return functools.partial(measure_pairs, **where, kept=kept)


def round_of(trained: Trained) -> dict[str, int]:
    """The number of the round, 0 after the pre-training."""
    return {"round": int(trained.stage.rpartition("-")[2]) if "-" in trained.stage else 0}


def measure_pairs(
    trained: Trained,
    *,
    data: str,
    test: TestPairs,
    objects: tuple[Evaluation, Evaluation] | None,
    kept: Kept,
) -> dict[str, Any]:
    """A row of the table: `pck`, and `landmarks` and `uncertainty` where there are any."""
    model = make_aligner(trained)
    fields = compute_fields(model, compute_features(model, test.images), test)
    found = numbers_of(HEADLINES[data], evaluate_maps(fields.maps, test))
    row = round_of(trained) | {"pck": found["per_pair"]}
    if test.dense is not None:
        row["uncertainty"] = evaluate_uncertainty(fields, test)
    if objects is not None:
        row["landmarks"] = trained.measure_landmarks(*objects, kept=kept)
    return row


def measure_faces(trained: Trained, *, data: Data, kept: Kept) -> dict[str, Any]:
    """A row of the table: `consistency`, and `landmarks` where there are annotations."""
    before = trained.untrained and functools.partial(find, trained.untrained)
    found = measure_consistency(functools.partial(find, trained), before, data)
    row = round_of(trained) | {"consistency": found}
    if data.fit is not None and data.test is not None:
        annotated = data.fit, data.test, data.validation
        row["landmarks"] = trained.measure_landmarks(*annotated, kept=kept)
    return row


def find(trained: Trained, images: np.ndarray, pairs: Pairs) -> Found:
    """Landmarks of uint8 images, and tau of pairs of them."""
    model = make_aligner(trained)
    fields = compute_fields(model, compute_features(model, images), pairs)
    return Found(trained.find_landmarks(images), fields.on_source)


def evaluate_uncertainty(fields: Fields, test: TestPairs) -> dict:
    """Whether sigma tells the errors of the field, on pixels of the object."""
    assert test.dense is not None  # rendered objects have it
    shape = test.images.shape[1:3]
    pixels = jnp.broadcast_to(grid(shape), (len(test), *shape, 2))
    on_source, on_cells = jnp.asarray(fields.on_source), jnp.asarray(fields.log_sigma)
    carried = in_pixels(warp(on_source, pixels, padding="clamp"), shape)
    log_sigma = np.asarray(warp(on_cells, pixels, padding="clamp"))[..., 0]
    true = test.dense.points_px
    known = test.dense.on_object & np.isfinite(true).all(-1)
    error = np.linalg.norm(carried[known] - true[known], axis=-1)
    return uncertainty_quality(log_sigma[known], error, ~test.dense.visible[known])


def pictures(trained: Mapping[str, Trained], data: AlignmentData | Data) -> Gallery:
    """Landmarks, warped sources and self-similarity of pairs, and matches of each set of tests."""
    return Gallery([Section(name, pictures=draw(run, data)) for name, run in trained.items()])


def draw(trained: Trained, data: AlignmentData | Data) -> list:
    """The pictures of one run."""
    model, pairs = make_aligner(trained), joint_gallery.shown_pairs(data)
    found = [model.align(*pair) for pair in pairs]
    detector = make_detector(trained)
    landmarks = detector.landmarks(pairs.reshape(-1, *pairs.shape[2:]))
    landmarks = landmarks.reshape(*pairs.shape[:2], -1, 2)
    windows = np.asarray(apply(detector.network, _self_similarity, detector.variables, pairs[:, 0]))
    pictures = [
        joint_gallery.draw_landmarks(pairs, landmarks, found),
        joint_gallery.draw_warped(pairs, found),
        joint_gallery.draw_self_similarity(windows, pairs[:, 0], landmarks[:, 0]),
    ]
    if isinstance(data, Data) or data.name not in HEADLINES:
        return pictures
    return pictures + matches.draw_gallery(model, data, HEADLINES[data.name])


def _self_similarity(network, images):
    features = network.features(images)
    return local_correlation(features, features, radius=network.radius)
