"""Faces in bulk: the same for any number of processes, kept on disk, never stale or cut short."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from data_pipelines import rendering
from data_pipelines.rendered_faces import arrays as faces
from data_pipelines.rendered_faces import load_arrays, render_face, renderer_digest
from data_pipelines.rendered_faces.chunks import CODE
from data_pipelines.rendering import arrays
from data_pipelines.rendering.chunks import CODE as SHARED_CODE

COUNT, SIZE = 11, 16


@pytest.fixture(autouse=True, scope="module")
def small_chunks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK", 4)
        yield


def load(cache_dir=None, **options):
    options = {"size": SIZE, "workers": 1, "progress": False} | options
    return load_arrays("train", COUNT, cache_dir=cache_dir, **options)


@pytest.fixture(scope="module")
def direct():
    return load()


@pytest.fixture
def cache(tmp_path):
    load(tmp_path)
    return tmp_path


@pytest.fixture
def never_render(monkeypatch):
    def refuse(*_):
        raise AssertionError("rendered although it was kept")

    monkeypatch.setattr(arrays, "render_arrays", refuse)


def folder_of(cache_dir):
    (folder,) = cache_dir.iterdir()
    return folder


def same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_rows_are_the_faces_of_render_face(direct):
    for index in (0, 10):
        face = render_face("train", index, size=SIZE)
        for name, value in face.items():
            np.testing.assert_array_equal(direct[name][index], value, err_msg=name)


def test_the_number_of_processes_changes_nothing(direct, capfd):
    same(load(workers=2, progress=True), direct)
    shown = capfd.readouterr().err
    assert "11/11" in shown and "faces/s" in shown and "Warning" not in shown


def test_an_error_in_a_process_reaches_the_caller():
    with pytest.raises(ValueError, match="split.*'dev'"):
        load_arrays("dev", COUNT, size=SIZE, workers=2, progress=False)


def test_the_second_load_reads_what_the_first_kept(cache, direct, never_render):
    same(load(cache), direct)


def test_the_folder_names_everything_that_the_faces_depend_on(cache):
    name = folder_of(cache).name
    assert name == f"rendered_faces-16px-train-11-seed0-{renderer_digest()}"


@pytest.mark.parametrize("change", [{"size": 32}, {"seed": 1}])
def test_other_parameters_get_another_folder(cache, change):
    load(cache, fields=["box"], **change)
    assert len(list(cache.iterdir())) == 2


def test_a_changed_renderer_gets_another_folder(cache, monkeypatch):
    monkeypatch.setattr(faces, "renderer_digest", lambda: "0123456789ab")
    load(cache, fields=["box"])
    assert len(list(cache.iterdir())) == 2


def test_only_the_fields_asked_for_are_read_and_large_ones_kept_on_demand(tmp_path, direct):
    found = load(tmp_path, fields=["image"])
    assert list(found) == ["image"]
    kept = {path.name for path in folder_of(tmp_path).iterdir()}
    assert "keypoints.npy" in kept and "surface.npy" not in kept
    same(load(tmp_path), direct)


@pytest.mark.parametrize("kept_bytes", [0, 60, 2000])
def test_a_file_cut_short_is_rendered_again(cache, direct, capsys, kept_bytes):
    path = folder_of(cache) / "image.npy"
    os.truncate(path, kept_bytes)
    same(load(cache), direct)
    assert "image.npy is damaged" in capsys.readouterr().err
    assert path.stat().st_size > direct["image"].nbytes


def test_a_file_of_the_wrong_shape_is_rendered_again(cache, direct, capsys):
    np.save(folder_of(cache) / "keypoints.npy", np.zeros((COUNT, 4, 2), np.float32))
    same(load(cache), direct)
    assert "expected" in capsys.readouterr().err


def test_a_full_disk_is_refused_before_rendering(tmp_path, monkeypatch, never_render):
    monkeypatch.setattr(arrays.shutil, "disk_usage", lambda _: type("", (), {"free": 1000})())
    with pytest.raises(OSError, match="free space or choose another cache_dir") as refusal:
        load(tmp_path)
    assert refusal.value.errno == errno.ENOSPC and str(tmp_path) in str(refusal.value)


def test_a_disk_that_fills_up_leaves_no_half_file(tmp_path, monkeypatch):
    def full(file, array):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(arrays.np, "save", full)
    with pytest.raises(OSError, match=r"No space left.*\.npy") as refusal:
        load(tmp_path)
    assert refusal.value.errno == errno.ENOSPC
    assert list(folder_of(tmp_path).iterdir()) == []


def test_a_cache_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match="taken"):
        load(tmp_path / "taken")


def test_refuses_a_count_of_none_and_unknown_fields():
    with pytest.raises(ValueError, match="count 0"):
        load_arrays("train", 0)
    with pytest.raises(ValueError, match="'depth'"):
        load(fields=["depth"])


def modules_of(package):
    return {path.stem for path in Path(package.__file__).parent.glob("*.py")}


def test_the_digest_covers_every_module_that_shapes_a_face():
    others = {"__init__", "__main__", "arrays", "builder", "chunks", "correspondence"}
    assert set(CODE) == modules_of(faces) - others
    others = {"__init__", "arrays", "builder", "chunks", "features", "sheet", "worker"}
    assert set(SHARED_CODE) == modules_of(rendering) - others
