"""Pictures in bulk are kept on disk, never stale or cut short."""

import errno
import os

import numpy as np
import pytest

from data_pipelines.rendered.engine import arrays
from data_pipelines.rendered.faces import SCENE

COUNT, SIZE = 11, 16


def load(cache_dir=None, **options):
    options = {"size": SIZE, "progress": False} | options
    return arrays.load(SCENE, "train", COUNT, cache_dir=cache_dir, **options)


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

    monkeypatch.setattr(arrays, "_render", refuse)


def folder_of(cache_dir):
    (folder,) = cache_dir.iterdir()
    return folder


def test_the_second_load_reads_what_the_first_kept(cache, direct, never_render):
    np.testing.assert_equal(load(cache), direct)


@pytest.mark.parametrize("change", [{"size": 32}, {"seed": 1}])
def test_another_size_or_seed_gets_another_folder(cache, change):
    load(cache, fields=["box"], **change)
    assert len(list(cache.iterdir())) == 2


def test_a_changed_renderer_gets_another_folder(cache, monkeypatch):
    monkeypatch.setattr(arrays, "_digest", lambda module: "0123456789ab")
    load(cache, fields=["box"])
    assert len(list(cache.iterdir())) == 2


def test_only_the_fields_asked_for_are_read_and_large_ones_kept_on_demand(tmp_path, direct):
    found = load(tmp_path, fields=["image"])
    assert list(found) == ["image"]
    kept = {path.name for path in folder_of(tmp_path).iterdir()}
    assert "keypoints.npy" in kept and "surface.npy" not in kept
    np.testing.assert_equal(load(tmp_path), direct)


@pytest.mark.parametrize("kept_bytes", [0, 60, 2000])
def test_a_file_cut_short_is_rendered_again(cache, direct, capsys, kept_bytes):
    path = folder_of(cache) / "image.npy"
    os.truncate(path, kept_bytes)
    np.testing.assert_equal(load(cache), direct)
    assert "image.npy is damaged" in capsys.readouterr().err
    assert path.stat().st_size > direct["image"].nbytes


def test_a_file_of_the_wrong_shape_is_rendered_again(cache, direct, capsys):
    np.save(folder_of(cache) / "keypoints.npy", np.zeros((COUNT, 4, 2), np.float32))
    np.testing.assert_equal(load(cache), direct)
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
