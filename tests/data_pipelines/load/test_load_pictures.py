"""From a data configuration to batches and evaluation sets, and what is refused."""

from itertools import islice

import numpy as np
import pytest

from c3jax.files.errors import DataError
from data_pipelines.load import DataConfig, Evaluation, load
from experiments.engine import processes
from experiments.engine.stages import batches_of
from tests.experiments.conftest import SIZE, write_pictures
from tests.experiments.tiny import write_labelled


def test_a_folder_gives_pairs_of_different_pictures(tmp_path):
    pictures = write_pictures(tmp_path / "photos", 6)
    data = load(DataConfig(name="folder", path=pictures, image_size=SIZE))
    assert (data.name, data.num_train, data.fit, data.test) == ("folder", 6, None, None)
    assert "6 pictures" in data.description and str(pictures) in data.description
    assert data.preview.shape == (6, SIZE, SIZE, 3) and data.preview.dtype == np.uint8
    for batch in islice(data.batches(batch_size=4, seed=0), 5):
        assert batch["source"].shape == batch["target"].shape == (4, SIZE, SIZE, 3)
        assert (batch["source"] != batch["target"]).any(axis=(1, 2, 3)).all()


def test_each_process_trains_on_its_part_of_the_batches(tmp_path, monkeypatch):
    data = load(DataConfig("folder", write_pictures(tmp_path / "photos", 6), image_size=SIZE))
    whole = next(batches_of(data, batch_size=4, seed=0)(2))
    monkeypatch.setattr(processes, "shard", lambda: {"shard_index": 1, "shard_count": 2})
    part = next(batches_of(data, batch_size=4, seed=0)(2))
    np.testing.assert_array_equal(part["source"], whole["source"][2:])


def test_labelled_pictures_have_a_fit_and_a_test_part(tmp_path):
    config = DataConfig(
        name="labelled", path=write_labelled(tmp_path / "faces"), image_size=32,
        fit_rows="1-10", test_rows="11-14", iod_points=(1, 3),
    )  # fmt: skip
    data = load(config)
    assert (data.num_train, len(data.fit), len(data.test)) == (10, 10, 4)
    assert data.fit.keypoints_px.shape == (10, 4, 2)
    assert data.fit.eyes == data.test.eyes == (1, 3)


def test_rendered_faces_come_with_boxes_masks_and_surfaces(tmp_path):
    config = DataConfig(
        name="rendered_faces", image_size=32, train_examples=3, fit_examples=2, test_examples=2,
        cache=tmp_path,
    )  # fmt: skip
    data = load(config)
    assert (data.num_train, len(data.fit), len(data.test)) == (3, 2, 2)
    for part in (data.fit, data.test):
        assert part.images.shape == part.surfaces.shape == (2, 32, 32, 3)
        assert part.masks.shape == (2, 32, 32) and part.boxes_px.shape == (2, 4)
        assert part.keypoints_px.shape[::2] == (2, 2)
    assert (data.fit.images != data.test.images).any()
    assert list(tmp_path.iterdir())
    batch = next(data.batches(batch_size=3, seed=0, start_step=0))
    assert batch["source"].shape == batch["target"].shape == (3, 32, 32, 3)
    assert batch["mask"].shape == (3, 32, 32) and batch["mask"].any(axis=(1, 2)).all()


def test_evaluation_alone_renders_no_training_pictures(tmp_path):
    config = DataConfig(
        name="rendered_faces", image_size=32, train_examples=10**9, fit_examples=2,
        test_examples=2, cache=tmp_path,
    )  # fmt: skip
    data = load(config, training=False)
    np.testing.assert_array_equal(data.preview, data.fit.images)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"name": "folder"}, "data.name folder needs --data.path FOLDER"),
        ({"name": "labelled"}, "data.name labelled needs --data.path FOLDER|--data.fit-rows"),
        ({"name": "celeba"}, "'celeba' is not a data set: rendered_faces, rendered_cars"),
        ({"name": "rendered_faces", "loader": "tf"}, "rendered_faces is held in memory"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(changes, said):
    with pytest.raises(DataError, match=said):
        load(DataConfig(**changes))


@pytest.mark.parametrize("rows", [None, "", "5", "5-", "3-2", "0-4", "a-b", "1-2-3"])
def test_rows_that_are_no_range_are_refused(tmp_path, rows):
    config = DataConfig(
        name="labelled", path=write_labelled(tmp_path / "faces"), image_size=32, fit_rows=rows
    )
    with pytest.raises(DataError, match="--data.fit-rows must be two 1-based row numbers"):
        load(config)


def test_some_of_annotated_pictures_have_all_that_belongs_to_them():
    rows = np.arange(4)
    whole = Evaluation(
        rows[:, None, None, None], rows[:, None, None], boxes_px=rows[:, None], eyes=(1, 2),
        stretch=rows, parts={"common": slice(0, 2)},
    )  # fmt: skip
    some = whole.select(slice(1, 3))
    for column in (some.images, some.keypoints_px, some.boxes_px, some.stretch):
        assert column.ravel().tolist() == [1, 2]
    assert (len(some), some.eyes, some.masks, some.parts) == (2, (1, 2), None, {})
