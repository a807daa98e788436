"""Every data set prepares from files as published, streams, and refuses others by name."""

import dataclasses
import hashlib
import re
import tarfile

import pytest

from c3jax.files import catalogue
from c3jax.files.errors import DataError
from data_pipelines.preparation import NAMES, prepare
from tests.data_pipelines.published_files import COUNTS, FILES, WRITERS, write


@pytest.fixture(scope="module", autouse=True)
def quiet():
    pytest.importorskip("tensorflow_datasets").disable_progress_bar()


@pytest.fixture
def root(tmp_path):
    return tmp_path / "files"


def prepared(name, root):
    return prepare(name, root, prepared=root.parent / "cache")


def test_every_data_set_that_can_be_prepared_is_tested_here():
    assert set(NAMES) == set(WRITERS) == set(COUNTS) == set(FILES)


def test_the_folder_of_celeb_a_is_read_as_it_is(root, monkeypatch):
    write("celeb_a", root, monkeypatch)
    made = prepared("celeb_a", root)
    assert (
        made.where == root / "img_align_celeba" and COUNTS["celeb_a"].items() <= made.counts.items()
    )
    assert made.data.read(0, size=16)[0].shape == (16, 16, 3)


@pytest.mark.parametrize(("name", "file"), [(n, file) for n in FILES for file in FILES[n]])
@pytest.mark.parametrize("how", ["missing", "truncated", "empty"])
def test_a_file_that_is_not_as_published_is_named(name, file, how, root, monkeypatch):
    write(name, root, monkeypatch)
    file = root / file
    content = file.read_bytes()
    file.unlink() if how == "missing" else file.write_bytes(
        content[: len(content) // 2] if how == "truncated" else b""
    )
    stem = re.escape(file.stem)  # a picture without its annotation is named by the latter
    with pytest.raises(DataError, match=f"(?s){stem}"):
        prepared(name, root)
    assert not list((root.parent / "cache").rglob("*.array_record*"))


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_folder_is_refused_with_source_licence_and_size(name, root):
    root.mkdir()
    data = catalogue.find(name)
    with pytest.raises(DataError) as caught:
        prepared(name, root)
    if name != "pairs_csv":
        for part in (data.source, data.licence, data.size):
            assert part in str(caught.value)


def archived(root, name):
    """The folder as the only one in an archive of that name, in its place."""
    inner = root.rename(root.parent / "inner")
    root.mkdir()
    with tarfile.open(root / name, "w") as archive:
        archive.add(inner, "whatever")
    return root / name


def test_an_archive_is_unpacked_once(root, monkeypatch):
    write("spair", root, monkeypatch)
    archived(root, "SPair-71k.tar.gz")
    first = prepared("spair", root)
    assert (root / "SPair-71k/Layout/large/trn.txt").is_file()
    assert prepared("spair", root).where == first.where


def test_a_truncated_archive_is_named_and_leaves_nothing(root, monkeypatch):
    write("pf_willow", root, monkeypatch)
    archive = archived(root, "PF-dataset.zip")
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="PF-dataset.zip: .*(damaged|ends after)"):
        prepared("pf_willow", root)
    assert [path.name for path in root.iterdir()] == ["PF-dataset.zip"]


def test_another_checksum_than_the_published_one_names_the_archive(root, monkeypatch):
    write("voc2012", root, monkeypatch)
    (root / "more").mkdir()  # so that the folder in the archive is VOCdevkit
    (root / "VOC2012").mkdir()
    for part in ("JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject"):
        (root / part).rename(root / "VOC2012" / part)
    (root / "ImageSets").rename(root / "VOC2012/ImageSets")
    archive = archived(root, "VOCtrainval_11-May-2012.tar")
    with pytest.raises(DataError, match="11-May-2012.tar: its sha256 is .* is published; download"):
        prepared("voc2012", root)
    data = catalogue.find("voc2012")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archives = (data.archives[0]._replace(sha256=digest),)
    trusted = dataclasses.replace(data, archives=archives)
    monkeypatch.setitem(catalogue.CATALOGUE, "voc2012", trusted)
    assert prepared("voc2012", root).counts == COUNTS["voc2012"]
