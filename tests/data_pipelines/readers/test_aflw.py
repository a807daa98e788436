"""AFLW, re-cropped, on files in the published format."""

import numpy as np
import pytest
from scipy.io import savemat

from c3jax.files.errors import DataError
from c3jax.files.sources import load_annotated
from data_pipelines.readers import aflw
from tests.data_pipelines.face_files import write_aflw

COUNTS = {"train": 20, "test": 3}


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(aflw, "COUNTS", COUNTS)
    return tmp_path, write_aflw(tmp_path, COUNTS)


def test_the_splits_are_the_lists_and_the_last_tenth_is_validation(files):
    root, points = files
    for split, expected in (
        ("train", points["train"][:18]),
        ("validation", points["train"][18:]),
        ("test", points["test"]),
    ):
        faces = aflw.read(root, split)
        assert len(faces) == len(faces.names) == len(expected)
        np.testing.assert_allclose(faces.keypoints_px, expected, rtol=1e-5)
        assert (faces.keypoints_px.dtype, faces.eyes) == (np.float32, (0, 1))
    assert faces.names[0] == "image00000_test.jpg"


def test_whole_pictures_are_squashed_and_their_points_with_them(files):
    root, points = files
    examples = load_annotated(aflw.read(root, "test"), size=12)
    assert examples.images.shape == (3, 12, 12, 3)
    expected = (points["test"] + 0.5) * [12 / 24, 12 / 20] - 0.5
    np.testing.assert_allclose(examples.keypoints_px, expected, atol=1e-4)


def test_faulty_files_are_named(files):
    root, points = files
    annotations = root / "aflw_test_keypoints.mat"
    unknown = np.where(np.arange(3)[:, None, None] == 1, np.nan, points["test"])
    for content, said in (
        ({"hw": np.zeros((3, 2))}, "no array 'gt' in it"),
        ({"gt": points["test"][:2]}, r"gt is \(2, 5, 2\), not \(3, 5, 2\)"),
        ({"gt": unknown}, "gt of face 2 is not finite"),
    ):
        savemat(annotations, content)
        with pytest.raises(DataError, match=f"test_keypoints.mat: {said}"):
            aflw.read(root, "test")
