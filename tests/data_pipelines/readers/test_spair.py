"""SPair-71k, on files in the published format."""

import numpy as np
import pytest

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
