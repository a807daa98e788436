"""PASCAL VOC 2012, on files in the published format."""

import numpy as np
import pytest
from PIL import Image

from c3jax.files.errors import DataError
from data_pipelines.readers import voc2012
from tests.data_pipelines.object_files import write_mask, write_voc

COUNTS = {"train": 3, "val": 2, "trainval": 5}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(voc2012, "COUNTS", COUNTS)
    write_voc(tmp_path / "VOCdevkit/VOC2012", {"train": 3, "val": 2})
    return tmp_path


def test_pictures_masks_and_boxes_are_read_as_published(root):
    found = voc2012.read(root, "val")
    assert len(found) == 2 and found.pictures.names[1] == "2007_val000001.jpg"
    assert found.pictures.read(0, size=8)[0].shape == (8, 8, 3)
    classes, objects = found.masks(0)
    assert classes.shape == (16, 20) and classes.dtype == np.uint8
    assert np.unique(classes).tolist() == [0, 7, 255] and voc2012.CATEGORIES[7 - 1] == "car"
    np.testing.assert_array_equal(objects == 1, classes == 7)
    categories, boxes = found.objects(0)
    assert categories == ("car", "person")
    # The edges of the mask's pixels; boxes of parts are none of the object.
    np.testing.assert_array_equal(boxes, [[4, 2, 12, 8], [8, 0, 20, 16]])


def test_faulty_masks_are_named(root):
    found = voc2012.read(root, "train")
    file = found.root / "SegmentationClass/2007_train000000.png"
    half = file.read_bytes()[:-40]
    for write, said in (
        (lambda: file.write_bytes(half), "cannot be read as PNG"),
        (lambda: file.write_bytes(b"<html>"), "cannot be read as PNG"),
        (lambda: file.write_bytes(b""), "cannot be read as PNG"),
        (lambda: Image.new("RGB", (20, 16)).save(file), "its pixels are RGB, no palette"),
        (lambda: write_mask(file, np.full((16, 20), 21, np.uint8)), "a class above 20"),
        (file.unlink, "no such file"),
    ):
        write()
        with pytest.raises(DataError, match=f"2007_train000000.png: {said}"):
            found.masks(0)


def test_a_missing_annotation_is_named(root):
    found = voc2012.read(root, "train")
    (found.root / "Annotations/2007_train000001.xml").unlink()
    with pytest.raises(DataError, match="2007_train000001.xml: no such file"):
        found.objects(1)
