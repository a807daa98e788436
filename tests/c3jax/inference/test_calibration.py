"""How sure a model is of what it finds: what is fitted afterwards, stored and read."""

import dataclasses
import functools
import json

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import c3jax
from c3jax import inference
from c3jax.confidence import Isotonic, fit_familiar
from c3jax.inference import Calibration
from c3jax.models.families import from_config
from tests.c3jax.inference.test_alignment_model import mirrored
from tests.c3jax.inference.test_landmark_model import CONFIG, MODEL, SIZE, edit, pictures
from tests.experiments.tiny import random_tree

LANDMARKS = Isotonic(np.array([5.0, 30.0]), np.array([0.9, 0.3]))
MATCHES = Isotonic(np.array([0.25, 0.75]), np.array([0.0, 1.0]))


@pytest.fixture(scope="module")
def model():
    """A model without calibration."""
    network = from_config(MODEL)
    image = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), np.float32)
    variables = random_tree(jax.eval_shape(network.init, jax.random.key(0), image))
    return inference.LandmarkModel(network, variables, SIZE, "centre", batch_size=4)


@pytest.fixture(scope="module")
def familiar(model):
    features = model._apply(inference.landmark_model.locate, pictures(*[(SIZE, SIZE)] * 12))[2]
    return fit_familiar(features, dimensions=4)


@pytest.fixture
def folder(model, familiar, tmp_path):
    known = Calibration(LANDMARKS, MATCHES, familiar)
    inference.save(tmp_path, model.variables, CONFIG, dtype="float32", calibration=known)
    return tmp_path


def test_what_is_found_beside_the_landmarks(model, folder, familiar):
    calibrated = inference.load(folder)
    images = [*pictures((SIZE, SIZE), (20, 41)), np.zeros((9, 9, 3), np.uint8)]
    found = calibrated.find(images)
    assert_allclose(found.landmarks, model.landmarks(images), atol=1e-5)
    assert found.spread_percent.shape == (3, 3) and (found.spread_percent > 0).all()
    assert_allclose(found.confidence, LANDMARKS(found.spread_percent), atol=1e-5)
    assert found.object_score[0] == found.object_score[:1] > 0
    assert found.object.tolist() == (found.object_score >= 0.01).tolist()
    assert found.object[0] and not found.object[2]  # a black picture is like none of them


def test_without_calibration_places_and_spread_alone_are_known(model):
    found = model.find(pictures((SIZE, SIZE)))
    assert_allclose(found.landmarks, model.landmarks(pictures((SIZE, SIZE))), atol=1e-5)
    assert found[2:] == (None, None, None)
    assert [each.shape for each in model.find([])[:2]] == [(0, 3, 2), (0, 3)]


def test_the_spread_is_that_of_the_map_in_percent_of_the_side(model):
    (image,) = pictures((SIZE, SIZE))
    encode = jax.jit(functools.partial(model.network.apply, method="encode"))
    logits = encode(model.variables, image[None] / np.float32(255)).logits
    expected = 50 * c3jax.heatmap_spread(c3jax.spatial_softmax(logits))
    assert_allclose(model.find([image]).spread_percent, expected, rtol=1e-3)


@pytest.mark.parametrize("family", ["imm", "jlad"])
def test_models_of_every_family_tell_how_sure_they_are(family):
    fields = {
        "imm": {"image_shape": [SIZE, SIZE], "encoder_widths": [4, 4, 8], "decoder_channels": 8},
        "jlad": {
            "trunk": MODEL["trunk"],
            "stages": ["layer1"],
            "radius": 1,
            "alignment_channels": [4],
            "alignment_kernel": 3,
            "uncertainty_channels": [4],
            "detection_channels": [4],
        },
    }
    network = from_config({"family": family, "num_landmarks": 2, **fields[family]})
    image = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), np.float32)
    images = [image] * (2 if family == "jlad" else 1)
    variables = random_tree(jax.eval_shape(network.init, jax.random.key(0), *images))
    pixels = np.stack(pictures(*[(SIZE, SIZE)] * 2)) / np.float32(255)
    methods = ("locate", "landmarks")
    found, landmarks = jax.jit(
        lambda variables, pixels: [network.apply(variables, pixels, method=m) for m in methods]
    )(variables, pixels)
    assert_allclose(found.landmarks, landmarks, atol=1e-5)
    assert found.spread.shape == (2, 2) and found.features.shape[0] == 2
    assert ((found.spread > 0) & (found.spread < 2)).all() and found.features.ndim == 2


def test_what_is_stored_is_read(folder, familiar):
    found = inference.load(folder).calibration
    for name, expected in (("landmarks", LANDMARKS), ("matches", MATCHES), ("object", familiar)):
        for stored, given in zip(getattr(found, name), expected, strict=True):
            assert_allclose(stored, given, rtol=1e-5)
    described = json.loads((folder / "config.json").read_text())["calibration"]
    assert described["landmarks"] == {"spread_percent": [5.0, 30.0], "probability": [0.9, 0.3]}
    assert described["matches"]["score"] == [0.25, 0.75] and len(described["object"]) == 64


def test_models_without_calibration_are_read_and_leave_none_behind(model, folder):
    inference.save(folder, model.variables, CONFIG)
    assert not (folder / "object.safetensors").exists()
    assert inference.load(folder).calibration == Calibration()
    assert "calibration" not in json.loads((folder / "config.json").read_text())


@pytest.mark.parametrize(
    "field",
    [
        {"landmarks": {"spread_percent": [1, 2]}},
        {"landmarks": {"spread_percent": [1, 2], "probability": [0.5]}},
        {"matches": [1, 2]},
        {"landmarks": {"spread_percent": ["wide"], "probability": [0.5]}},
        7,
    ],
)
def test_a_faulty_field_is_refused(folder, field):
    edit(folder, calibration=field)
    with pytest.raises(ValueError, match="the field 'calibration' does not fit"):
        inference.load(folder)


def test_a_damaged_or_missing_file_of_the_object_is_refused(folder):
    file = folder / "object.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"object\.safetensors is missing or damaged"):
        inference.load(folder)
    file.unlink()
    with pytest.raises(ValueError, match=r"object\.safetensors is missing or damaged"):
        inference.load(folder)


def test_matches_keep_their_scores_and_know_their_probability():
    matches = dataclasses.replace(mirrored(), probability=MATCHES)
    scores = matches.confidence([[0, 0], [40, 20]])
    assert_array_equal(scores, [0.5, 0.5])
    assert_array_equal(matches.probability(scores), [0.5, 0.5])
    assert mirrored().probability is None


def test_an_object_of_other_features_is_refused(folder):
    import safetensors.numpy

    file = folder / "object.safetensors"
    safetensors.numpy.save_file({"mean": np.zeros(3, np.float32)}, file)
    described = json.loads((folder / "config.json").read_text())["calibration"]
    edit(folder, calibration=described | {"object": c3jax.weights.file_digest(file)})
    with pytest.raises(ValueError, match="holds no statistics of an object"):
        inference.load(folder)
