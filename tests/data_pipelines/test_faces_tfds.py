"""The TFDS builders of faces yield what the readers of their files read."""

import numpy as np
import pytest

from data_pipelines import aflw, aflw_mtfl, preparation, w300
from data_pipelines.errors import DataError
from data_pipelines.pictures import read_picture
from tests.data_pipelines.face_files import write_aflw, write_mtfl, write_w300


@pytest.fixture(autouse=True)
def quiet():
    pytest.importorskip("tensorflow")
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()


def check(builder, split, faces):
    """A prepared split equals what was read."""
    source = builder.as_data_source(split)
    assert len(source) == len(faces)
    for index in (0, len(faces) - 1):
        example, name = source[index], faces.pictures.names[index]
        assert example["name"].decode() == name
        difference = example["image"].astype(int) - read_picture(faces.pictures.root / name)
        assert np.abs(difference).max() <= 2  # JPEG decoders differ in rounding
        np.testing.assert_array_equal(example["keypoints_px"], faces.keypoints_px[index])
        box = faces.pictures.boxes.get(name, (np.nan,) * 4)
        np.testing.assert_array_equal(example["box_px"], np.float32(box))


def prepare(name, tmp_path):
    return preparation.prepare(name, tmp_path / "files", prepared=tmp_path / "tfds").data


def test_aflw(tmp_path, monkeypatch):
    counts = {"train": 10, "test": 2}
    monkeypatch.setattr(aflw, "COUNTS", counts)
    write_aflw(tmp_path / "files", counts)
    builder = prepare("aflw", tmp_path)
    for split in aflw.SPLITS:
        check(builder, split, aflw.aflw(tmp_path / "files", split))


def test_aflw_mtfl(tmp_path, monkeypatch):
    monkeypatch.setattr(aflw_mtfl, "COUNTS", {"train": (10,), "test": (2,)})
    write_mtfl(tmp_path / "files", {"train": 10, "test": 2})
    builder = prepare("aflw_mtfl", tmp_path)
    for split in aflw_mtfl.SPLITS:
        check(builder, split, aflw_mtfl.aflw_mtfl(tmp_path / "files", split))


def test_w300(tmp_path, monkeypatch):
    counts = dict.fromkeys(w300.COUNTS, 1)
    monkeypatch.setattr(w300, "COUNTS", counts)
    write_w300(tmp_path / "files", counts)
    builder = prepare("w300", tmp_path)
    for split in w300.PARTS:
        check(builder, split, w300.w300(tmp_path / "files", split))
    assert builder.info.splits["common+challenging"].num_examples == 3


def test_missing_files_are_refused_with_the_instructions(tmp_path):
    with pytest.raises(DataError, match=r"files: no files; needed: 300-W \(3 GB; licence: non-com"):
        prepare("w300", tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "files/README").write_text("nothing else")
    with pytest.raises(DataError, match=r"(?s)300-W is incomplete.*helen/trainset"):
        prepare("w300", tmp_path)
