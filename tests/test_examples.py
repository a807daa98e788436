"""The examples run, and what they show is so."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from c3jax import inference, to_pixels
from c3jax.files.pictures import read_picture
from tests.experiments.conftest import compiled as compiled
from tests.experiments.conftest import exported as exported
from tests.experiments.conftest import pictures as pictures
from tests.experiments.conftest import run_of as run_of

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_loss_falls_in_the_plain_loop():
    history = runpy.run_path(str(EXAMPLES / "use_losses.py"))["train"](steps=40)
    assert np.isfinite(history).all()
    assert np.mean(history[-10:]) < 0.8 * np.mean(history[:10])


def test_a_worker_of_the_batch_job_finds_landmarks(exported, pictures, tmp_path, monkeypatch):
    """Of what Ray is given; that its workers may die was tried with Ray itself."""
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())
    detector = runpy.run_path(str(EXAMPLES / "detect_with_ray.py"))["Detector"]
    (tmp_path / "broken.jpg").write_bytes(b"")
    first, second = sorted(pictures.iterdir())[:2]
    names = np.array([str(first), str(tmp_path / "broken.jpg"), str(second)])
    found = detector(str(exported("c3_faces")), str(tmp_path))({"item": names})
    assert found["image"] == names.tolist() and found["left_out"] == [None, "an empty file", None]
    for name, points_px in zip(names, found["landmarks_px"], strict=True):
        if name.endswith("broken.jpg"):
            assert points_px is None
            continue
        image = read_picture(name)
        points = inference.load(exported("c3_faces")).landmarks([image])[0]
        np.testing.assert_allclose(points_px, to_pixels(points, image.shape[:2]), atol=0.01)
