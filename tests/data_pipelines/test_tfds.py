"""The records of every data set hold what the reader of its files reads."""

import numpy as np
import pytest

from c3jax.files.errors import DataError
from c3jax.files.pairs import Annotated, Pairs, mirror
from c3jax.files.pairs_csv import pairs_csv
from c3jax.files.pictures import read_picture
from data_pipelines.preparation import NAMES, prepare
from data_pipelines.readers import pascal3d, read_splits
from data_pipelines.readers.voc2012 import CATEGORIES, Segmented
from tests.data_pipelines.conftest import good_files
from tests.data_pipelines.object_files import write_pascal3d
from tests.data_pipelines.pair_files import write_table
from tests.data_pipelines.published_files import COUNTS, write

LOSSY = {"lsun": 30}  # re-encoded; otherwise JPEG decoders differ in rounding


@pytest.fixture(autouse=True)
def quiet():
    pytest.importorskip("tensorflow")
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()


@pytest.fixture
def files(tmp_path):
    return tmp_path / "files"


def records(name, files):
    return prepare(name, files, prepared=files.parent / "cache").data


def check(example, found, index, tolerance=2):
    """An example equals what was read; the pictures of pairs are compared as stored."""
    if isinstance(found, Pairs):
        return check_pair(example, found, index, tolerance)
    pictures = found.pictures if isinstance(found, Segmented) else found
    assert example["name"].decode() == found.names[index]
    difference = example["image"].astype(int) - pictures.picture(index)
    assert np.abs(difference).max() <= tolerance
    if isinstance(found, Segmented):
        masks = (example["classes"][..., 0], example["instances"][..., 0])
        np.testing.assert_array_equal(masks, found.masks(index))
        categories, boxes = found.objects(index)
        labels = [CATEGORIES[label] for label in example["objects"]["category"]]
        assert tuple(labels) == categories
        np.testing.assert_array_equal(example["objects"]["box_px"], boxes)
    elif found.keypoints_px is not None:
        np.testing.assert_array_equal(example["keypoints_px"], found.keypoints_px[index])
        box = found.boxes.get(found.names[index], (np.nan,) * 4)
        np.testing.assert_array_equal(example["box_px"], np.float32(box))


def check_pair(example, pairs, index, tolerance=2):
    assert example["category"].decode() == (pairs.categories or [""] * len(pairs))[index]
    assert example["flipped"] == pairs.flipped[index]
    for side, end in (("source", pairs.source), ("target", pairs.target)):
        assert example[f"{side}_name"].decode() == end.files[index].name
        image = example[f"{side}_image"].astype(int)
        assert np.abs(image - read_picture(end.files[index])).max() <= tolerance
        points = np.zeros((0, 2)) if end.points_px is None else end.points_px[index]
        box = np.full(4, np.nan) if end.boxes_px is None else end.boxes_px[index]
        stored = Annotated(end.files[index], points, box)
        if pairs.flipped[index]:
            stored = mirror(stored, end.sizes[index, 0])
        np.testing.assert_array_equal(example[f"{side}_points_px"], stored.points_px)
        np.testing.assert_array_equal(example[f"{side}_box_px"], stored.box_px)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "celeb_a"])
def test_records_are_what_the_reader_reads_in_the_published_splits(name, files, monkeypatch):
    write(name, files, monkeypatch)
    builder = records(name, files)
    folder = pascal3d.written_pairs(files, files.parent / "cache") if name == "pascal3d" else files
    splits = read_splits(name, folder)
    assert {split: len(found) for split, found in splits.items()} == COUNTS[name]
    for split, found in splits.items():
        source = builder.as_data_source(split)
        assert len(source) == len(found)
        for index in {0, len(found) // 2, len(found) - 1}:
            check(source[index], found, index, LOSSY.get(name, 2))
    if name == "w300":
        assert builder.info.splits["common+challenging"].num_examples == 3


def test_pictures_that_tensorflow_reads_otherwise_are_stored_as_pixels(files):
    table = write_table(
        files, "a.png,turned.jpg", "rgb.webp,b.png", "grey.jpg,cmyk.jpg", header="source,target"
    )
    for name in ("turned.jpg", "rgb.webp", "grey.jpg", "cmyk.jpg"):
        (files / name).write_bytes(good_files()[name])
    source, pairs = records("pairs_csv", files).as_data_source("pairs"), pairs_csv(table)
    for index in range(3):
        check(source[index], pairs, index)


def test_changed_files_make_another_set(files):
    table = write_table(files, "a.png,b.png", header="source,target")
    first = records("pairs_csv", files)
    assert records("pairs_csv", files).data_dir == first.data_dir
    table.write_text(table.read_text() + "b.png,c.png\n")
    second = records("pairs_csv", files)
    assert (len(first.as_data_source("pairs")), len(second.as_data_source("pairs"))) == (1, 2)


def test_faulty_and_missing_files_are_refused_as_by_their_reader(files):
    with pytest.raises(DataError, match="files: no files; needed: pairs.csv, and the pictures"):
        records("pairs_csv", files)
    with pytest.raises(DataError, match=r"files: no files; needed: 300-W \(3 GB; licence: non-com"):
        records("w300", files)
    write_table(files, "a.png,x.png", header="source,target")
    with pytest.raises(DataError, match="row 1: .*x.png: no such file"):
        records("pairs_csv", files)
    with pytest.raises(DataError, match=r"(?s)300-W is incomplete.*helen/trainset"):
        records("w300", files)


def test_another_folder_of_pascal3d_gives_other_pairs(tmp_path, monkeypatch):
    monkeypatch.setattr(pascal3d, "CATEGORIES", ("car",))
    monkeypatch.setattr(pascal3d, "MAX_ANGLE", 180.0)
    written = []
    for name, count in (("one", 10), ("other", 20)):
        for source in pascal3d.SOURCES:
            write_pascal3d(tmp_path / name, "car", count, source=source)
        written.append(pascal3d.written_pairs(tmp_path / name, tmp_path / "cache"))
    assert pascal3d.written_pairs(tmp_path / "one", tmp_path / "cache") == written[0]
    rows = [len(pairs_csv(folder / "train.csv")) for folder in written]
    assert rows[0] != rows[1]
