"""AFLW, re-cropped, on files in the published format."""

import numpy as np
import pytest
from scipy.io import savemat

from data_pipelines.errors import DataError
from data_pipelines.examples import load_annotated
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


def test_the_folder_above_the_release_will_do(tmp_path, monkeypatch):
    monkeypatch.setattr(aflw, "COUNTS", COUNTS)
    write_aflw(tmp_path / "aflw_release-2", COUNTS)
    assert len(aflw.read(tmp_path, "test")) == 3


def test_the_published_numbers_of_faces_are_asked_for(tmp_path):
    write_aflw(tmp_path, COUNTS)
    with pytest.raises(DataError, match="images.txt: 20 faces, 10,122 are published"):
        aflw.read(tmp_path, "train")
    with pytest.raises(DataError, match="images.txt: 3 faces, 2,991 are published"):
        aflw.read(tmp_path, "test")


def test_faulty_files_are_named(files):
    root, points = files
    annotations = root / "aflw_test_keypoints.mat"
    whole = annotations.read_bytes()
    annotations.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="test_keypoints.mat: cannot be read as a MATLAB file"):
        aflw.read(root, "test")
    savemat(annotations, {"hw": np.zeros((3, 2))})
    with pytest.raises(DataError, match="test_keypoints.mat: no array 'gt' in it"):
        aflw.read(root, "test")
    savemat(annotations, {"gt": points["test"][:2]})
    with pytest.raises(DataError, match=r"test_keypoints.mat: gt is \(2, 5, 2\), not \(3, 5, 2\)"):
        aflw.read(root, "test")
    savemat(annotations, {"gt": np.where(np.arange(3)[:, None, None] == 1, np.nan, 1.0 + FIVE)})
    with pytest.raises(DataError, match="test_keypoints.mat: gt of face 2 is not finite"):
        aflw.read(root, "test")


FIVE = np.zeros((1, 5, 2))
