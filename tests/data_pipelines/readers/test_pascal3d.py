"""Pairs of PASCAL3D+, on files in the published format."""

import itertools
import math

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from c3jax.files.errors import DataError
from c3jax.files.pairs_csv import pairs_csv
from data_pipelines.readers import pascal3d
from tests.data_pipelines.object_files import pascal3d_record, write_pascal3d


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(pascal3d, "CATEGORIES", ("car",))
    root = tmp_path / "PASCAL3D+_release1.1"
    write_pascal3d(root, "car", 20)
    write_pascal3d(root, "car", 20, source="imagenet", seed=50)
    return tmp_path


def angle(source, target):
    return math.degrees(math.acos(min(1, source.view @ target.view)))


def test_objects_are_read_as_published(root):
    objects = pascal3d.read_objects(root, "car")
    assert len(objects) == 40
    assert [objects[row].file.name for row in (0, 20)] == ["000000.jpg", "000000.JPEG"]
    assert [objects[row].crop_name for row in (0, 20)] == [
        "car_pascal/000000_0.jpg", "car_imagenet/000000_0.jpg",
    ]  # fmt: skip
    assert objects[0].box == (9, 4, 49, 34)
    assert set(objects[0].keypoints_px) == {"left_front", "right_front", "left_back", "right_back"}
    np.testing.assert_array_equal(objects[0].keypoints_px["left_front"], [11, 7])
    # At 5 degrees of elevation 10 degrees of azimuth are a little less.
    assert angle(objects[0], objects[1]) == pytest.approx(9.96, abs=0.01)
    assert angle(objects[0], objects[9]) == pytest.approx(89.56, abs=0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"truncated": 1.0},
        {"occluded": 1.0},
        {"difficult": 1.0},
        {"class": "person"},
        {"anchors": np.zeros((0, 0))},
        {"viewpoint": np.zeros((0, 0))},
        {"viewpoint": {"azimuth": 0.0, "elevation": 0.0, "distance": 0.0}},
    ],
)
def test_objects_that_are_not_whole_or_have_no_viewpoint_are_left_out(root, change):
    write_pascal3d(root / "PASCAL3D+_release1.1", "car", 20, **change)
    assert len(pascal3d.read_objects(root, "car")) == 20  # those of ImageNet


def test_pairs_are_different_similar_and_share_points(root):
    objects = pascal3d.read_objects(root, "car")
    pairs = pascal3d.similar_pairs(objects, 100, np.random.default_rng(0))
    assert len(pairs) == len({(a.file, b.file) for a, b in pairs}) == 100
    assert all(angle(a, b) <= 15 and a.file != b.file for a, b in pairs)
    every = pascal3d.similar_pairs(objects, 10**6, np.random.default_rng(0))
    similar = [p for p in itertools.permutations(objects, 2) if angle(*p) <= 15]
    assert {(a.file, b.file) for a, b in every} == {(a.file, b.file) for a, b in similar}
    few = [obj for obj in objects if obj.keypoints_px.pop("left_front") is not None]
    assert pascal3d.similar_pairs(few, 5, np.random.default_rng(0))  # three are left
    assert [obj.keypoints_px.pop("right_back") for obj in few]
    assert pascal3d.similar_pairs(few, 5, np.random.default_rng(0)) == []


def test_no_picture_is_in_two_splits(root):
    objects = pascal3d.read_objects(root, "car")
    parts = pascal3d.divide(objects, np.random.default_rng(0))
    assert {split: len(part) for split, part in parts.items()} == {"train": 28, "val": 8, "test": 4}
    assert len({found.file for part in parts.values() for found in part}) == 40


def test_the_tables_are_read_by_pairs_csv_with_points_on_the_crops(root, tmp_path):
    counts = pascal3d.write_pairs(root, tmp_path / "pairs", per_category=20)
    assert counts["train"] == 14 and counts["val"] == 4
    pairs = pairs_csv(tmp_path / "pairs/train.csv")
    assert set(pairs.categories) == {"car"} and len(pairs) == 14
    # The box 9..49 x 4..34 and a tenth of 40 on every side, within the picture.
    assert (pairs.source.sizes == [48, 38]).all()
    index = int(pairs.source.files[0].stem.split("_")[0])
    names = sorted(["left_front", "right_front", "left_back", "right_back"])
    anchors = pascal3d_record("car", index)["objects"][0]["anchors"]
    expected = [anchors[name]["location"][0] - 1 - [5, 0] for name in names]
    np.testing.assert_allclose(pairs.source.points_px[0], expected)
    again = pascal3d.write_pairs(root, tmp_path / "again", per_category=20)
    tables = [(tmp_path / name / "train.csv").read_text() for name in ("pairs", "again")]
    assert again == counts and tables[0] == tables[1]


def test_a_category_with_too_few_pairs_says_so(root, tmp_path, caplog):
    pascal3d.write_pairs(root, tmp_path / "pairs", per_category=10_000)
    assert "car train" in caplog.text and "of 7000 pairs" in caplog.text


def test_faulty_files_are_named(root):
    folder = root / "PASCAL3D+_release1.1"
    file = folder / "Annotations/car_pascal/000003.mat"
    whole = file.read_bytes()
    short_box = pascal3d_record("car", 3, bbox=np.array([[1.0, 2.0]]))
    for content, said in (
        ({"other": 1}, "no array 'record' in it"),
        ({"record": 1}, "record is no struct"),
        ({"record": short_box}, "object 1 is not as published"),
        (None, "cannot be read as a MATLAB file"),
    ):
        savemat(file, content) if content else file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=f"000003.mat: {said}"):
            pascal3d.read_objects(root, "car")
    file.write_bytes(whole)
    Image.new("RGB", (4, 4)).save(folder / "Images/car_pascal/000003.jpg")
    with pytest.raises(DataError, match="000003.jpg: 4x4 is tiny"):
        pascal3d.read_objects(root, "car")
