"""What `make data` prepared trains through tf.data: the same examples in the same order."""

import dataclasses
from itertools import islice

import numpy as np
import pytest

from data_pipelines import tfds
from data_pipelines.load import AlignmentDataConfig, DataConfig, load
from data_pipelines.preparation import prepare
from data_pipelines.readers import pf_pascal
from tests.data_pipelines.pair_files import write_pascal
from tests.data_pipelines.published_files import write

SIZE = 16
COUNTS = {"train": 20, "val": 2, "test": 2}


@pytest.fixture
def used(monkeypatch):
    """Names of the pictures that were read from records."""
    names = []

    def contents_by_name(records, places):
        contents = whole(records, places)
        return lambda name: names.append(name) or contents(name)

    whole = tfds.contents_by_name
    monkeypatch.setattr(tfds, "contents_by_name", contents_by_name)
    return names


def both(config):
    held, streamed = (load(dataclasses.replace(config, loader=of)) for of in ("memory", "tf"))
    assert held.num_train == streamed.num_train
    return held, streamed


def assert_same_batches(held, streamed, *, steps=6, batch_size=4):
    batches = [
        islice(data.batches(batch_size=batch_size, seed=3, start_step=2), steps)
        for data in (held, streamed)
    ]
    for one, other in zip(*batches, strict=True):
        assert one.keys() == other.keys()
        for name, values in one.items():
            assert values.dtype == other[name].dtype
            atol = 1 if name in ("source", "target") else 0
            np.testing.assert_allclose(values.astype(int), other[name].astype(int), atol=atol)
            assert name == "category" or values.std() > 1


@pytest.mark.parametrize("resize", ["antialias", "align_corners"])
@pytest.mark.parametrize("prepared", [True, False])
def test_pairs_of_pf_pascal_with_mirrored_ones(tmp_path, monkeypatch, used, resize, prepared):
    monkeypatch.setattr(pf_pascal, "COUNTS", COUNTS)
    write_pascal(tmp_path / "files", counts=COUNTS)
    if prepared:
        prepare("pf_pascal", tmp_path / "files", prepared=tmp_path / "cache")
    config = AlignmentDataConfig(
        name="pf_pascal", path=tmp_path / "files", cache=tmp_path / "cache", image_size=SIZE,
        resize=resize,
    )  # fmt: skip
    held, streamed = both(config)
    np.testing.assert_array_equal(held.pairs, streamed.pairs)
    np.testing.assert_array_equal(held.categories, streamed.categories)
    np.testing.assert_array_equal(held.images, streamed.images[:])
    assert streamed.images.pictures.flipped.any() and not streamed.images.pictures.flipped.all()
    used.clear()
    assert_same_batches(held, streamed)  # more than an epoch
    assert bool(used) == prepared
    for name, test in held.tests.items():
        np.testing.assert_array_equal(test.images, streamed.tests[name].images)


@pytest.mark.parametrize("name", ["spair", "pascal3d", "pairs_csv"])
def test_other_pairs(tmp_path, monkeypatch, used, name):
    write(name, tmp_path / "files", monkeypatch)
    prepare(name, tmp_path / "files", prepared=tmp_path / "cache")
    path = tmp_path / "files" / ("pairs.csv" if name == "pairs_csv" else "")
    config = AlignmentDataConfig(name=name, path=path, cache=tmp_path / "cache", image_size=SIZE)
    assert_same_batches(*both(config), batch_size=2)
    assert used


def test_another_table_of_own_pairs_is_not_taken_for_the_prepared_one(tmp_path, monkeypatch, used):
    write("pairs_csv", tmp_path, monkeypatch)
    prepare("pairs_csv", tmp_path, prepared=tmp_path / "cache")
    (tmp_path / "other.csv").write_text("source,target\nb.png,c.png\na.png,b.png\n")
    config = AlignmentDataConfig(
        name="pairs_csv", path=tmp_path / "other.csv", cache=tmp_path / "cache", image_size=SIZE
    )
    assert_same_batches(*both(config), batch_size=2)
    assert not used


def test_pictures_that_are_warped_in_the_pre_training(tmp_path, monkeypatch, used):
    for name in ("spair", "voc2012"):
        write(name, tmp_path / name, monkeypatch)
    prepare("voc2012", tmp_path / "voc2012", prepared=tmp_path / "cache")
    config = AlignmentDataConfig(
        name="spair", path=tmp_path / "spair", cache=tmp_path / "cache", image_size=SIZE,
        voc_path=tmp_path / "voc2012",
    )  # fmt: skip
    assert_same_batches(*(data.to_warp for data in both(config)), batch_size=2)
    assert used


@pytest.mark.parametrize("name", ["aflw", "aflw_mtfl", "w300"])
def test_faces(tmp_path, monkeypatch, used, name):
    write(name, tmp_path / "files", monkeypatch)
    prepare(name, tmp_path / "files", prepared=tmp_path / "cache")
    config = DataConfig(name=name, path=tmp_path / "files", cache=tmp_path / "cache", image_size=32)
    assert_same_batches(*both(config), batch_size=2)
    assert used


def test_files_that_have_changed_since_are_read_themselves(tmp_path, monkeypatch, used):
    write("aflw", tmp_path / "files", monkeypatch)
    prepare("aflw", tmp_path / "files", prepared=tmp_path / "cache")
    (tmp_path / "files/output/more.jpg").write_bytes(b"")
    config = DataConfig(name="aflw", path=tmp_path / "files", cache=tmp_path / "cache")
    assert_same_batches(*both(dataclasses.replace(config, image_size=32)), batch_size=2)
    assert not used
