"""PF-WILLOW, on files in the published layout and on the real ones where they are in place."""

import logging
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from c3jax.files import pf_willow
from c3jax.files.errors import DataError
from tests.data_pipelines.pair_files import SUB_CLASSES, write_picture, write_willow

REAL = Path(__file__).parents[4] / "shared/data/pf_willow"


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    root = tmp_path_factory.mktemp("pf_willow")
    return root, write_willow(root)


@pytest.fixture
def small(tmp_path):
    write_willow(tmp_path, ("duck(S)", "car(M)"), num=3)
    return tmp_path


def test_ten_sub_classes_of_ten_pictures_are_900_ordered_pairs(complete, caplog):
    root, points = complete
    pairs = pf_willow.read(root, "test")
    assert (len(pairs), pairs.num_pictures) == (900, 100)
    assert not caplog.records
    assert len(set(zip(pairs.source.files, pairs.target.files, strict=True))) == 900
    assert {pairs.categories.count(name) for name in SUB_CLASSES} == {90}
    for index in (0, 137, 899):
        for end in (pairs.source, pairs.target):
            file = end.files[index]
            assert file.parent.name == pairs.categories[index]
            of_class = points[SUB_CLASSES.index(file.parent.name)]
            expected = of_class[int(file.stem[-3:])] - 1  # the files count from 1
            np.testing.assert_allclose(end.points_px[index], expected, rtol=1e-6)
            width, height = end.sizes[index]
            assert (width, height) == (
                12 + SUB_CLASSES.index(file.parent.name),
                20 + int(file.stem[-3:]),
            )
    assert not pairs.flipped.any() and pairs.source.boxes_px is None


def test_fewer_sub_classes_are_used_and_named(small, caplog):
    with caplog.at_level(logging.WARNING):
        pairs = pf_willow.read(small, "test")
    assert len(pairs) == 12 and set(pairs.categories) == {"duck(S)", "car(M)"}
    assert "2 sub-classes (pictures: car(M) 3, duck(S) 3)" in caplog.text


def test_other_files_do_not_matter(small):
    (small / "readme.txt").write_text("")
    (small / "__MACOSX").mkdir()
    (small / "__MACOSX/a.mat").write_bytes(b"")
    (small / "car(M)/._Picture_000.mat").write_bytes(b"")
    (small / "lists").mkdir()
    write_picture(small / "car(M)/without_annotation.png", 20, 20)
    (small / "car(M)/Picture_001.png").unlink()  # pictures may be JPEG
    write_picture(small / "car(M)/Picture_001.JPG", 30, 30, format="JPEG")
    assert len(pf_willow.read(small, "test")) == 12


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (None, "cannot be read"),
        ({"kps": 1}, "no array 'pts_coord'"),
        ({"pts_coord": np.ones((3, 4))}, r"\(3, 4\)"),
        ({"pts_coord": np.ones((2, 9))}, "9 in the"),
        ({"pts_coord": np.full((2, 10), 90)}, r"point 1 of the target, \(89, 89\), lies outside"),
    ],
)
def test_faulty_annotations_are_named(small, content, named):
    file = small / "car(M)/Picture_001.mat"
    savemat(file, content) if content else file.write_bytes(b"x")
    with pytest.raises(DataError, match=named):
        pf_willow.read(small, "test")


def test_missing_and_single_pictures_are_named(small):
    (small / "car(M)/Picture_001.png").unlink()
    with pytest.raises(DataError, match=r"car\(M\): .*Picture_001.png: no such"):
        pf_willow.read(small, "test")
    write_willow(small, ("car(G)",), num=1)
    with pytest.raises(DataError, match=r"car\(G\): a single annotated picture"):
        pf_willow.read(small, "test")


def test_folders_without_sub_classes_are_refused(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder. PF-WILLOW .0.02 GB"):
        pf_willow.read(tmp_path / "nowhere", "test")
    with pytest.raises(DataError, match="no sub-class in it"):
        pf_willow.read(tmp_path, "test")


def test_a_complete_set_must_have_its_900_pairs(tmp_path):
    write_willow(tmp_path, num=2)
    with pytest.raises(DataError, match="20 pairs in the ten sub-classes, 900 are published"):
        pf_willow.read(tmp_path, "test")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real pictures are not in place")
def test_the_real_sub_classes_are_read():
    pairs = pf_willow.read(REAL, "test")
    counts = {name: pairs.categories.count(name) for name in pairs.categories}
    assert set(counts.values()) == {90} and counts.keys() <= set(SUB_CLASSES)
    if len(counts) == 6:
        assert (len(pairs), pairs.num_pictures) == (540, 50)  # pictures of several sub-classes
    points, valid = pairs.source.points()
    assert points.shape == (len(pairs), 10, 2) and valid.all() and np.abs(points).max() < 1.01
