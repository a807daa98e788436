"""From files as published to the pairs that alignment is trained and tested on."""

import numpy as np
import pytest

from c3jax.files.errors import DataError
from c3jax.tools.measure.alignment import HEADLINES
from c3jax.tools.measure.pck import DEFINITIONS
from data_pipelines.load import AlignmentDataConfig, load
from data_pipelines.readers import pascal3d
from tests.data_pipelines.published_files import PAIRS, write

SIZE = 16


def loaded(name, tmp_path, *, training=True, **options):
    config = AlignmentDataConfig(
        name=name, path=tmp_path / name, image_size=SIZE, cache=tmp_path / "cache", **options
    )
    return load(config, training=training)


def test_spair_is_trained_and_tested_on_its_published_lists(tmp_path, monkeypatch):
    write("spair", tmp_path / "spair", monkeypatch)
    data = loaded("spair", tmp_path)
    assert data.num_train == PAIRS["train"] and len(data.tests["test"]) == PAIRS["test"]
    assert data.images.shape == (4, SIZE, SIZE, 3) and len(np.unique(data.categories)) == 2
    batch = next(data.batches(batch_size=2, seed=0, start_step=0))
    assert batch["source"].shape == (2, SIZE, SIZE, 3)
    assert not loaded("spair", tmp_path, training=False).num_train


def test_spair_stands_in_the_cache_when_no_path_is_given(tmp_path, monkeypatch):
    config = AlignmentDataConfig(name="spair", image_size=SIZE, cache=tmp_path)
    with pytest.raises(DataError, match=f"needs --data.path, or its files in {tmp_path}/spair"):
        load(config)
    write("spair", tmp_path / "spair", monkeypatch)
    assert load(config).num_train == PAIRS["train"]


def test_subsets_of_pf_pascal_without_a_pair_are_left_out(tmp_path, monkeypatch):
    write("pf_pascal", tmp_path / "pf_pascal", monkeypatch)  # all test pairs are trained on
    data = loaded("pf_pascal", tmp_path)
    assert {name: len(test) for name, test in data.tests.items()} == {"test": PAIRS["test"]}


def test_pairs_of_pascal3d_are_written_once_and_split(tmp_path, monkeypatch):
    write("pascal3d", tmp_path / "pascal3d", monkeypatch)
    data = loaded("pascal3d", tmp_path)
    assert (data.num_train, len(data.tests["test"])) == (182, 2)
    monkeypatch.setattr(pascal3d, "write_pairs", None)
    assert loaded("pascal3d", tmp_path, training=False).tests.keys() == {"test"}


def test_pictures_of_voc_are_warped_instead(tmp_path, monkeypatch):
    write("spair", tmp_path / "spair", monkeypatch)
    write("voc2012", tmp_path / "voc2012", monkeypatch)
    data = loaded("spair", tmp_path, voc_path=tmp_path / "voc2012")
    assert data.to_warp.name == "voc2012" and data.to_warp.num_train == 2
    batch = next(data.to_warp.batches(batch_size=2, seed=0, start_step=0))
    assert not np.array_equal(batch["source"], batch["target"]) and "mask" not in batch
    plain = loaded("spair", tmp_path)
    assert plain.to_warp is plain
    with pytest.raises(DataError, match=r"(?s)VOC 2012.*incomplete.*train.txt"):
        loaded("spair", tmp_path, voc_path=tmp_path)


@pytest.mark.parametrize("name", HEADLINES)
def test_every_headline_is_defined_in_its_direction(name):
    definition, direction = HEADLINES[name]
    assert [d for d in DEFINITIONS if d.name == definition and direction in d.directions]
