"""Photos of a folder that are kept back from the training, to check what it has learned."""

import hashlib
from itertools import islice

import numpy as np
import pytest

from data_pipelines.load import DataConfig, folder_photos, load
from data_pipelines.load.pictures import by_sha256, keep_back
from tests.experiments.conftest import SIZE, write_pictures


def rows_of(images):
    return {image.tobytes() for image in images}


def names(count):
    return [f"photos/{index}.jpg" for index in range(count)]


def test_a_tenth_is_kept_back_and_at_least_eight():
    for count, kept in ((39, 0), (40, 8), (89, 8), (90, 9), (142, 14)):
        held, trained = keep_back(names(count))
        assert (len(held), len(trained)) == (kept, count - kept)
        assert sorted([*held, *trained]) == list(range(count))


def test_those_of_the_lowest_sha256_are_kept_back_whatever_the_order():
    ordered = names(45)
    lowest = sorted(ordered, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:8]
    shuffled = list(np.random.default_rng(0).permutation(ordered))
    for each in (ordered, shuffled):
        held, trained = keep_back(each)
        assert [each[row] for row in held] == lowest
        assert list(trained) == sorted(trained)  # the others stay in their order


def test_a_name_that_is_no_text_has_its_place_too():
    assert sorted(by_sha256(["caf\udce9.jpg", "b.jpg"])) == [0, 1]


@pytest.mark.parametrize("loader", ["memory", "tf"])
def test_what_is_kept_back_is_in_no_batch(tmp_path, loader):
    path = write_pictures(tmp_path / "photos", 45)
    data = load(DataConfig("folder", path, image_size=SIZE, loader=loader))
    assert data.num_train == 37 and data.kept_back.shape == (8, SIZE, SIZE, 3)
    assert "37 pictures" in data.description and "8 more are kept back" in data.description
    seen = set(rows_of(data.preview))
    for batch in islice(data.batches(batch_size=37, seed=0), 4):
        seen |= rows_of(batch["source"]) | rows_of(batch["target"])
    assert len(seen) == 37 and not seen & rows_of(data.kept_back)


def test_of_fewer_than_forty_none_is_kept_back(tmp_path):
    path = write_pictures(tmp_path / "photos", 39)
    data = load(DataConfig("folder", path, image_size=SIZE))
    assert data.num_train == 39 and data.kept_back is None
    assert "kept back" not in data.description


def test_a_folder_that_is_not_trained_on_is_looked_at_as_a_whole(tmp_path):
    config = DataConfig("folder", write_pictures(tmp_path / "photos", 45), image_size=SIZE)
    photos, data = folder_photos(config), load(config)
    assert len(photos) == 45
    assert rows_of(data.kept_back) == rows_of(photos[:8])
