"""The models that come with the package, on the trunks of their packages."""

import json

import numpy as np
import pytest

from c3jax import inference
from c3jax.packages import PACKAGES

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


@pytest.mark.parametrize("name, architecture", [("face_detector", "lite0"), ("aligner", "lite2")])
def test_shipped_models_are_small_and_name_their_trunks(name, architecture):
    folder = inference.SHIPPED / name
    described = json.loads((folder / inference.CONFIG).read_text())
    assert described["trunk_file"]["sha256"] == PACKAGES[architecture].sha256
    assert sum(file.stat().st_size for file in folder.iterdir()) < 1_000_000
    card = (folder / "README.md").read_text()
    assert "Google" in card and "ML Illustrated" in card and "license: other" in card


def test_the_detector_finds_ten_landmarks_and_names_the_sets_it_learned_from():
    found = inference.load(inference.SHIPPED / "face_detector").landmarks(PICTURE[None])
    assert found.shape == (1, 10, 2) and np.isfinite(found).all()
    card = (inference.SHIPPED / "face_detector/README.md").read_text()
    assert all(f"doi:10.6084/m9.figshare.{n}" in card for n in (5047666, 4220517, 4055130))


@pytest.mark.slow
def test_the_aligner_matches_a_picture_with_itself():
    matches = inference.load_aligner(inference.SHIPPED / "aligner").align(PICTURE, PICTURE)
    points = np.array([[10.0, 12.0], [40.0, 30.0]])
    np.testing.assert_allclose(matches.carry(points), points, atol=3)
