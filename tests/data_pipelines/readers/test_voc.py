"""PASCAL VOC 2012, on files in the published format."""

import numpy as np
import pytest
from PIL import Image

from data_pipelines.errors import DataError
from data_pipelines.readers import voc
from tests.data_pipelines.object_files import write_mask, write_voc

COUNTS = {"train": 3, "val": 2, "trainval": 5}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(voc, "COUNTS", COUNTS)
    write_voc(tmp_path / "VOCdevkit/VOC2012", {"train": 3, "val": 2})
    return tmp_path


def test_pictures_masks_and_boxes_are_read_as_published(root):
    found = voc.read(root, "val")
    assert len(found) == 2 and found.pictures.names[1] == "2007_val000001.jpg"
    assert found.pictures.read(0, size=8)[0].shape == (8, 8, 3)
    classes, objects = found.masks(0)
    assert classes.shape == (16, 20) and classes.dtype == np.uint8
    assert np.unique(classes).tolist() == [0, 7, 255] and voc.CATEGORIES[7 - 1] == "car"
    np.testing.assert_array_equal(objects == 1, classes == 7)
    categories, boxes = found.objects(0)
    assert categories == ("car", "person")
    # The edges of the mask's pixels; boxes of parts are none of the object.
    np.testing.assert_array_equal(boxes, [[4, 2, 12, 8], [8, 0, 20, 16]])


def test_the_published_numbers_of_pictures_are_asked_for(tmp_path):
    write_voc(tmp_path, {"train": 1})
    with pytest.raises(DataError, match="train.txt: 1 pictures, 1,464 are published"):
        voc.read(tmp_path, "train")


def test_faulty_masks_are_named(root):
    found = voc.read(root, "train")
    file = found.root / "SegmentationClass/2007_train000000.png"
    whole = file.read_bytes()
    for content, said in (
        (whole[: len(whole) - 40], "cannot be decoded"),
        (b"<html>", "cannot be decoded"),
        (b"", "cannot be decoded"),
    ):
        file.write_bytes(content)
        with pytest.raises(DataError, match=f"2007_train000000.png: {said}"):
            found.masks(0)
    Image.new("RGB", (20, 16)).save(file)
    with pytest.raises(DataError, match="000000.png: its pixels are RGB, no palette"):
        found.masks(0)
    write_mask(file, np.full((16, 20), 21, np.uint8))
    with pytest.raises(DataError, match="000000.png: a class above 20"):
        found.masks(0)
    file.unlink()
    with pytest.raises(DataError, match="000000.png: no such file"):
        found.masks(0)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("</annotation>", "", "cannot be read as XML"),
        ("person", "persona", "'persona' is none of the 20 classes"),
        ("<xmax>20", "<xmax>x", "'x' is not a number"),
        ("<ymin>3</ymin>", "", "'' is not a number"),
    ],
)
def test_faulty_annotations_are_named(root, old, new, named):
    found = voc.read(root, "train")
    file = found.root / "Annotations/2007_train000001.xml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(DataError, match=f"2007_train000001.xml: {named}"):
        found.objects(1)
    file.unlink()
    with pytest.raises(DataError, match="2007_train000001.xml: no such file"):
        found.objects(1)
