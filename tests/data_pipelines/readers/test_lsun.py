"""LSUN, on a database in the published format."""

import os
import sys

import numpy as np
import pytest
from PIL import Image

from c3jax.files.errors import DataError
from c3jax.files.pictures import PictureError
from data_pipelines import preparation
from data_pipelines.load import DataConfig, load
from data_pipelines.readers import lsun as reader
from data_pipelines.readers.lsun import lsun
from tests.data_pipelines.conftest import encode, smooth_picture

NUM = 6


def write_lsun(root, values=None):
    """`NUM` pictures of 36 x 24 as WebP; returns their keys in order."""
    lmdb = pytest.importorskip("lmdb")
    pictures = [Image.fromarray(smooth_picture(24, 36, seed)) for seed in range(NUM)]
    values = [encode(each, "WEBP", quality=95) for each in pictures] if values is None else values
    keys = sorted(f"{hash_:040x}" for hash_ in range(7, 7 * len(values) + 1, 7))
    root.mkdir()
    with lmdb.open(str(root), map_size=2**20) as database, database.begin(write=True) as writing:
        for key, value in zip(keys, values, strict=True):
            writing.put(key.encode(), value)
    return tuple(keys)


@pytest.fixture
def root(tmp_path):
    write_lsun(tmp_path / "bedroom_train_lmdb")
    return tmp_path / "bedroom_train_lmdb"


def test_pictures_come_in_the_order_of_their_keys(tmp_path):
    keys = write_lsun(tmp_path / "car")
    pictures = lsun(tmp_path / "car")
    assert pictures.names == keys
    for index in range(NUM):
        difference = pictures.picture(index).astype(int) - smooth_picture(24, 36, index)
        assert np.abs(difference).mean() < 4
    image, frame = pictures.read(0, size=12)
    assert image.shape == (12, 12, 3) and frame.region == (6, 0, 30, 24)


def test_streamed_and_held_pictures_are_the_same(root):
    options = {"name": "lsun", "path": root, "image_size": 16}
    batches = [
        next(load(DataConfig(**options, loader=loader)).batches(batch_size=4, seed=0))
        for loader in ("memory", "tf")
    ]
    for side in ("source", "target"):
        np.testing.assert_array_equal(batches[0][side], batches[1][side])


def test_more_than_memory_holds_is_refused(root, monkeypatch):
    monkeypatch.setattr("data_pipelines.load.pictures.MAX_IN_MEMORY", 5)
    with pytest.raises(DataError, match="6 pictures do not fit into memory: give --data.loader tf"):
        load(DataConfig(name="lsun", path=root))


def test_a_part_of_a_published_category_is_not_prepared(root, tmp_path):
    pytest.importorskip("tensorflow_datasets")
    said = "bedroom_train_lmdb: 6 pictures, 3,033,042 are published; download it anew"
    with pytest.raises(DataError, match=said):
        preparation.prepare("lsun", root, prepared=tmp_path / "tfds")


def test_faulty_databases_and_values_are_named(tmp_path):
    with pytest.raises(DataError, match=r"(?s)LSUN.*incomplete.*data.mdb.*yf.io"):
        lsun(tmp_path)
    write_lsun(tmp_path / "empty", values=[])
    with pytest.raises(DataError, match="data.mdb: an empty database"):
        lsun(tmp_path / "empty")
    (key,) = write_lsun(tmp_path / "page", values=[b"<html>"])
    with pytest.raises(PictureError, match=f"{key}: not a picture"):
        lsun(tmp_path / "page").read(0, size=8)
    write_lsun(tmp_path / "cut", values=[bytes(9000)] * 5)
    os.truncate(tmp_path / "cut/data.mdb", 2**15)
    with pytest.raises(DataError, match="data.mdb: truncated, 32,768 of .* bytes; download"):
        lsun(tmp_path / "cut")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/data.mdb").write_bytes(b"x" * 100)
    with pytest.raises(DataError, match="data.mdb: cannot be opened .*; download it anew"):
        lsun(tmp_path / "broken")


def test_without_lmdb_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lmdb", None)
    (tmp_path / "data.mdb").write_bytes(b"")
    reader._open.cache_clear()
    with pytest.raises(DataError, match="read with the package lmdb: pip install lmdb"):
        lsun(tmp_path)
