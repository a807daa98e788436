"""Pairs of objects: rows of the pool with true correspondence, kept on disk, fairly drawn."""

import os

import numpy as np
import pytest

from c3jax.files.errors import DataError
from data_pipelines.rendered.engine import arrays as shared
from data_pipelines.rendered.objects import (
    dense_correspondence,
    load_arrays,
    load_pairs,
    render_object,
)
from data_pipelines.rendered.objects.pairs import pair_indices, pool_size

COUNT, SIZE = 7, 20
SOME = ("mug", "chair", "bottle")


def pairs(cache_dir=None, **options):
    options = {"size": SIZE, "workers": 1, "progress": False, "categories": SOME} | options
    return load_pairs("train", COUNT, cache_dir=cache_dir, **options)


@pytest.fixture(scope="module")
def direct_pairs():
    return pairs()


def test_pairs_are_kept_and_those_cut_short_rendered_again(
    tmp_path, direct_pairs, capsys, monkeypatch
):
    np.testing.assert_equal(pairs(tmp_path), direct_pairs)
    for path in tmp_path.glob("*/correspondence.npy"), tmp_path.glob("*/image.npy"):
        os.truncate(next(path), 60)
    np.testing.assert_equal(pairs(tmp_path), direct_pairs)
    shown = capsys.readouterr().err
    assert "correspondence.npy is damaged" in shown and "image.npy is damaged" in shown
    monkeypatch.setattr(shared, "_render", None)
    np.testing.assert_equal(pairs(tmp_path), direct_pairs)


def test_the_number_of_processes_changes_no_pair(direct_pairs, monkeypatch):
    monkeypatch.setattr(shared, "CHUNK", 4)
    np.testing.assert_equal(pairs(workers=2), direct_pairs)


def test_pairs_are_rows_of_the_pool(direct_pairs):
    pool = load_arrays("train", 9, size=SIZE, categories=SOME, workers=1, progress=False)
    source, target = direct_pairs["source_index"], direct_pairs["target_index"]
    assert (source != target).all()
    for index in (source, target):
        np.testing.assert_array_equal(pool["category"][index], direct_pairs["category"])
    np.testing.assert_array_equal(direct_pairs["category"][:4], [3, 1, 6, 3])
    for side, index in (("source", source), ("target", target)):
        np.testing.assert_array_equal(direct_pairs[side], pool["image"][index])
        for name in ("keypoints", "box", "mask"):
            np.testing.assert_array_equal(direct_pairs[f"{side}_{name}"], pool[name][index])
    both = pool["visible"][source] & pool["visible"][target]
    np.testing.assert_array_equal(direct_pairs["keypoint_valid"], both)


def test_pairs_carry_their_dense_correspondence(direct_pairs):
    for row in (0, 5):
        things = [
            render_object("train", int(direct_pairs[name][row]), size=SIZE, categories=SOME)
            for name in ("source_index", "target_index")
        ]
        for name, value in zip(
            ("correspondence", "on_object", "visible"), dense_correspondence(*things), strict=True
        ):
            np.testing.assert_array_equal(direct_pairs[name][row], value, err_msg=name)


def test_pairs_without_the_dense_fields(direct_pairs):
    found = pairs(dense=False)
    assert direct_pairs.keys() - found.keys() == {"correspondence", "on_object", "visible"}
    np.testing.assert_equal(found, {name: direct_pairs[name] for name in found})


@pytest.mark.parametrize("count", [1, 2, 10, 100])
def test_pictures_of_the_pool_are_used_evenly(count):
    source, target = pair_indices("test", count, 0, SOME)
    size = pool_size(count, SOME)
    assert count <= size <= count + 5
    assert (source != target).all() and (source % 3 == target % 3).all()
    np.testing.assert_array_equal(source % 3, np.arange(count) % 3)
    assert max(source.max(), target.max()) < size
    assert np.bincount(source).max() <= 1


def test_pairs_of_the_splits_and_seeds_differ():
    first = pair_indices("train", 30, 0, SOME)
    assert (first != pair_indices("test", 30, 0, SOME)).any()
    assert (first != pair_indices("train", 30, 1, SOME)).any()


def test_refusals(tmp_path):
    with pytest.raises(DataError, match="count 0"):
        load_pairs("train", 0)
    with pytest.raises(DataError, match="categories: .*'dragon'"):
        load_pairs("train", 4, categories=("car", "dragon"))
    with pytest.raises(DataError, match="split.*'dev'"):
        load_pairs("dev", 4)
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match="objects cannot be kept .*another cache_dir.*taken"):
        load_pairs("train", 4, size=SIZE, cache_dir=tmp_path / "taken", progress=False)
