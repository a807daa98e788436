"""AFLW in the crops of MTFL, on files in the published formats."""

import numpy as np
import pytest

from c3jax.files.errors import DataError
from c3jax.files.sources import load_annotated
from data_pipelines.readers import aflw_mtfl
from tests.data_pipelines.face_files import write_mtfl, write_mtfl_crops

COUNTS = {"train": 10, "test": 3}


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(aflw_mtfl, "COUNTS", {"train": (10, 12), "test": (3,)})
    return tmp_path, write_mtfl(tmp_path, COUNTS)


def test_the_lists_are_read_as_published(files):
    root, points = files
    test = aflw_mtfl.read(root, "test")
    assert test.names == ("AFLW/test_0.jpg", "AFLW/test_1.jpg", "AFLW/test_2.jpg")
    np.testing.assert_allclose(test.keypoints_px, points["test"] - 1, atol=1e-5)
    train = aflw_mtfl.read(root, "train")
    assert train.names[:2] == ("lfw_5590/train_0.jpg", "net_7876/train_1.jpg")
    np.testing.assert_allclose(train.keypoints_px, points["train"][:9] - 1, atol=1e-5)
    assert len(aflw_mtfl.read(root, "validation")) == 1


def test_crops_stay_whole_and_other_pictures_are_cut_about_their_points(files):
    root, points = files
    whole = load_annotated(aflw_mtfl.read(root, "test"), size=15)
    np.testing.assert_allclose(
        whole.keypoints_px, (points["test"] - 0.5) / 2 - 0.5, atol=1e-4
    )  # 30 px to 15
    cut = load_annotated(aflw_mtfl.read(root, "train"), size=20)
    low, high = cut.keypoints_px.min(1), cut.keypoints_px.max(1)
    np.testing.assert_allclose((low + high) / 2, 9.5, atol=1e-3)  # the points are in the middle
    np.testing.assert_allclose((high - low).max(-1), 20 / 2.5, rtol=1e-4)


def test_the_aflw_crops_are_taken_to_train_on_where_they_lie_beside_the_lists(files):
    root, _ = files
    points = write_mtfl_crops(root / "aflw_cropped", 12)
    train = aflw_mtfl.read(root, "train")
    assert train.names[0] == "crops/0.jpg" and not train.boxes
    np.testing.assert_allclose(train.keypoints_px, points[:11] - 1, atol=1e-3)
    assert load_annotated(train, size=8).images.shape == (11, 8, 8, 3)
    assert len(aflw_mtfl.read(root, "test")) == 3


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("crop_file", "crop", "facedata_cropped.csv: its header has no column crop_file"),
        (",1,0,", ",1,", "facedata_cropped.csv: line 2 has 13 columns"),
        (",1,0,", ",1,0,?", r"facedata_cropped.csv: line 2: '\?.*' is not a number"),
        (",1,0,", ",2,0,", "facedata_cropped.csv: 11 faces"),
    ],
)
def test_a_faulty_table_of_crops_is_named(files, old, new, named):
    write_mtfl_crops(files[0] / "aflw_cropped", 12)
    file = files[0] / "aflw_cropped/facedata_cropped.csv"
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=named):
        aflw_mtfl.read(files[0], "train")
