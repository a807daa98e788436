"""300-W, on files in the published format."""

import numpy as np
import pytest

from c3jax.files.errors import DataError
from c3jax.files.sources import load_annotated
from data_pipelines.readers import w300
from tests.data_pipelines.face_files import write_w300

COUNTS = {
    "afw": 3,
    "helen/trainset": 2,
    "lfpw/trainset": 2,
    "helen/testset": 1,
    "lfpw/testset": 2,
    "ibug": 2,
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(w300, "COUNTS", COUNTS)
    return tmp_path, write_w300(tmp_path, COUNTS)


def test_the_splits_are_the_usual_ones(files):
    root, points = files
    assert {split: len(w300.read(root, split)) for split in w300.FOLDERS} == {
        "train": 7, "test": 5, "common": 3, "challenging": 2,
    }  # fmt: skip
    test = w300.read(root, "test")
    expected = np.concatenate([points[part] for part in ("helen/testset", "lfpw/testset", "ibug")])
    np.testing.assert_allclose(test.keypoints_px, expected - 1, atol=1e-4)
    assert test.names[1] == "lfpw/testset/image_0 _1.png" and test.eyes == (36, 45)


def test_published_counts_are_the_known_sums():
    sums = {s: sum(w300.COUNTS[part] for part in parts) for s, parts in w300.FOLDERS.items()}
    assert sums == {"train": 3148, "test": 689, "common": 554, "challenging": 135}


def test_a_face_is_cut_to_the_square_about_its_points(files):
    faces = w300.read(files[0], "challenging")
    examples = load_annotated(faces, size=28)
    low, high = examples.keypoints_px.min(1), examples.keypoints_px.max(1)
    np.testing.assert_allclose((low + high) / 2, 13.5, atol=1e-3)
    np.testing.assert_allclose((high - low).max(-1), 28 / 1.4, rtol=1e-4)


def test_a_folder_with_too_few_faces_is_named(files):
    root, _ = files
    file = next((root / "afw").glob("*.pts"))
    file.unlink()
    with pytest.raises(DataError, match=f"{file.stem}.jpg: no .pts beside it"):
        w300.read(root, "train")
    file.with_suffix(".jpg").unlink()
    with pytest.raises(DataError, match="afw: 2 faces, 3 are published"):
        w300.read(root, "train")
