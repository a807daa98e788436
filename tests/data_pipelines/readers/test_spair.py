"""SPair-71k, on files in the published format."""

import numpy as np
import pytest

from data_pipelines.errors import DataError
from data_pipelines.readers import spair
from tests.data_pipelines.object_files import SPAIR_PAIRS, write_spair

COUNTS = {"train": 4, "val": 2, "test": 3}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(spair, "COUNTS", COUNTS)
    write_spair(tmp_path / "SPair-71k", {"trn": 4, "val": 2, "test": 3})
    return tmp_path


def test_the_lists_are_read_as_published(root):
    for split, count in COUNTS.items():
        pairs = spair.read(root, split)
        assert len(pairs) == count and not pairs.flipped.any()
        assert pairs.categories[:2] == ("aeroplane", "car")
        assert pairs.source.files[1].name == "2008_000004.jpg"
        np.testing.assert_array_equal(pairs.source.points_px[0], SPAIR_PAIRS[0][3])
        np.testing.assert_array_equal(pairs.target.points_px[0], [[0, 1], [14, 9], [1, 2]])
        np.testing.assert_array_equal(pairs.source.boxes_px[1], [1, 2, 12, 14])
        np.testing.assert_array_equal(pairs.target.boxes_px[1], [3, 4, 13, 15])
        np.testing.assert_array_equal(pairs.target.sizes[:2], [[24, 36], [40, 16]])


def test_the_published_numbers_of_pairs_are_asked_for(tmp_path):
    write_spair(tmp_path, {"trn": 1, "val": 1, "test": 1})
    with pytest.raises(DataError, match="trn.txt: 1 pairs, 53,340 are published"):
        spair.read(tmp_path, "train")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"category"', '"class"', "no field 'category'"),
        ('"src_bndbox": [1,', '"src_bndbox": [', "not a pair annotation"),
        ('"src_kps": [[1', '"src_kps": [["x"', "not a pair annotation"),
        ("}", "", "not a pair annotation"),
        ("[29, 19]", "[49, 19]", "point 2 of the source, .49, 19., lies outside"),
    ],
)
def test_a_faulty_annotation_is_named(root, old, new, named):
    file = next((root / "SPair-71k/PairAnnotation/val").glob("000000-*.json"))
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(DataError, match=f"000000-2008_000001-2008_000002:aeroplane.json: {named}"):
        spair.read(root, "val")
