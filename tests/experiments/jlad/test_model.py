"""The joint networks of a run, as detection and alignment read them."""

import json

import jax
import numpy as np
import pytest

from c3jax import to_pixels
from c3jax.files.pictures import read_picture
from experiments import detect
from experiments.registry import load_aligner, load_trained
from tests.experiments.tiny import LANDMARKS, SIZE, call, smooth_picture


@pytest.fixture(scope="module")
def run(run_of):
    return run_of("jlad")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    smooth_picture(SIZE, SIZE, 2).save("square.png")
    smooth_picture(SIZE, SIZE, 3).save("other.png")
    return tmp_path


def squares(*names):
    return np.stack([read_picture(name) for name in names]).astype(np.float32) / 255


def test_tau_carries_from_source_to_target_and_one_field_goes_back(run, photos):
    trained = load_trained(run)
    found = load_aligner(run).align(read_picture("square.png"), read_picture("other.png"))
    there, back = squares("square.png", "other.png"), squares("other.png", "square.png")
    apply = jax.jit(trained.model.network.apply)
    for images, places, sigma, confidence in (
        (there, found.to_target, found.source_sigma, found.source_confidence),
        (back, found.to_source, found.target_sigma, found.target_confidence),
    ):
        (tau, log_sigma), _, _ = apply(trained.variables, images[:1], images[1:])
        np.testing.assert_allclose(places, tau[0], atol=1e-5)
        np.testing.assert_allclose(sigma, np.exp(log_sigma[0, ..., 0]), rtol=1e-5)
        np.testing.assert_allclose(confidence, 1 / (1 + sigma), rtol=1e-5)
    centre = np.array([[15.0, 16.0]])
    np.testing.assert_allclose(found.sigma(centre), 1 / found.confidence(centre) - 1, rtol=0.05)


def test_detect_finds_the_landmarks_of_the_network(run, photos):
    assert call(detect.main, "square.png", "--checkpoint", run, "--no-overlays") == 0
    (line,) = (photos / "landmarks/landmarks.jsonl").read_text().splitlines()
    trained = load_trained(run)
    images = squares("square.png")
    _, first, _ = jax.jit(trained.model.network.apply)(trained.variables, images, images)
    expected = to_pixels(first.landmarks[0], (SIZE, SIZE))
    assert expected.shape == (LANDMARKS, 2)
    np.testing.assert_allclose(json.loads(line)["landmarks_px"], expected, atol=0.01)
