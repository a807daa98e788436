"""Objects and pairs in bulk: the same for any number of processes, kept on disk, never stale."""

import os
from pathlib import Path

import numpy as np
import pytest

from data_pipelines.errors import DataError
from data_pipelines.rendered_objects import (
    CATEGORIES,
    arrays,
    dense_correspondence,
    load_arrays,
    load_pairs,
    render_object,
    renderer_digest,
)
from data_pipelines.rendered_objects.chunks import CODE
from data_pipelines.rendered_objects.pairs import pair_indices, pool_size
from data_pipelines.rendering import arrays as shared

COUNT, SIZE = 7, 20
SOME = ("mug", "chair", "bottle")


@pytest.fixture(autouse=True, scope="module")
def small_chunks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "CHUNK", 4)
        yield


def load(cache_dir=None, **options):
    options = {"size": SIZE, "workers": 1, "progress": False, "categories": SOME} | options
    return load_arrays("train", COUNT, cache_dir=cache_dir, **options)


def pairs(cache_dir=None, **options):
    options = {"size": SIZE, "workers": 1, "progress": False, "categories": SOME} | options
    return load_pairs("train", COUNT, cache_dir=cache_dir, **options)


@pytest.fixture(scope="module")
def direct():
    return load()


@pytest.fixture(scope="module")
def direct_pairs():
    return pairs()


@pytest.fixture
def never_render(monkeypatch):
    def refuse(*_):
        raise AssertionError("rendered although it was kept")

    return lambda: monkeypatch.setattr(shared, "render_arrays", refuse)


def same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_rows_are_the_objects_of_render_object(direct):
    for index in (0, 6):
        thing = render_object("train", index, size=SIZE, categories=SOME)
        assert thing.keys() - direct.keys() == {"vertices_px"}
        for name in direct:
            np.testing.assert_array_equal(direct[name][index], thing[name], err_msg=name)


def test_the_number_of_processes_changes_nothing(direct, direct_pairs, capfd):
    same(load(workers=2, progress=True), direct)
    shown = capfd.readouterr().err
    assert "7/7" in shown and "objects/s" in shown and "Warning" not in shown
    same(pairs(workers=2), direct_pairs)


def test_the_second_load_reads_what_the_first_kept(tmp_path, direct, direct_pairs, never_render):
    load(tmp_path), pairs(tmp_path)
    never_render()
    same(load(tmp_path), direct)
    same(pairs(tmp_path), direct_pairs)


@pytest.mark.parametrize("kept_bytes", [0, 60, 2000])
def test_a_file_cut_short_is_rendered_again(tmp_path, direct_pairs, capsys, kept_bytes):
    pairs(tmp_path)
    for path in tmp_path.glob("*/correspondence.npy"), tmp_path.glob("*/image.npy"):
        os.truncate(next(path), kept_bytes)
    same(pairs(tmp_path), direct_pairs)
    shown = capsys.readouterr().err
    assert "correspondence.npy is damaged" in shown and "image.npy is damaged" in shown


def test_the_folder_names_everything_that_the_objects_depend_on(tmp_path):
    load(tmp_path, fields=["box"])
    pairs(tmp_path)
    load(tmp_path, categories=CATEGORIES, fields=["box"])
    names = {folder.name for folder in tmp_path.iterdir()}
    digest = renderer_digest()
    assert names == {
        f"rendered_objects-mug+chair+bottle-20px-train-7-seed0-{digest}",
        f"rendered_objects-mug+chair+bottle-20px-train-9-seed0-{digest}",
        f"rendered_object_pairs-mug+chair+bottle-20px-train-7-seed0-{digest}",
        f"rendered_objects-all-20px-train-7-seed0-{digest}",
    }


@pytest.mark.parametrize("change", [{"size": 32}, {"seed": 1}, {"categories": ("car",)}])
def test_other_parameters_get_another_folder(tmp_path, change):
    load(tmp_path, fields=["box"])
    load(tmp_path, fields=["box"], **change)
    assert len(list(tmp_path.iterdir())) == 2


def test_large_fields_are_kept_on_demand(tmp_path):
    assert list(load(tmp_path, fields=["image"])) == ["image"]
    (folder,) = tmp_path.iterdir()
    kept = {path.stem for path in folder.iterdir()}
    assert {"image", "keypoints", "visible"} <= kept and not kept & {"surface", "depth", "mask"}


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
    same(found, {name: direct_pairs[name] for name in found})


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


@pytest.mark.parametrize("function", [load_arrays, load_pairs])
def test_refusals(function, tmp_path):
    with pytest.raises(DataError, match="count 0"):
        function("train", 0)
    with pytest.raises(DataError, match="categories: .*'dragon'"):
        function("train", 4, categories=("car", "dragon"))
    with pytest.raises(DataError, match="split.*'dev'"):
        function("dev", 4)
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match="objects cannot be kept .*another cache_dir.*taken"):
        function("train", 4, size=SIZE, cache_dir=tmp_path / "taken", progress=False)


def test_refuses_unknown_fields():
    with pytest.raises(DataError, match="'vertices_px'"):
        load(fields=["vertices_px"])


def test_the_digest_covers_every_module_that_shapes_an_object():
    package = Path(arrays.__file__).parent
    found = {
        path.relative_to(package).with_suffix("").as_posix()
        for path in package.rglob("*.py")
        if path.stem not in ("__init__", "__main__", "arrays", "builder", "chunks")
    }
    assert set(CODE) == found
