"""AFLW and 300-W as data sets of the experiments."""

import json

import numpy as np
import pytest

from c3jax.tools.errors import UsageError
from data_pipelines.load import DataConfig, load
from data_pipelines.readers import aflw, aflw_mtfl, w300
from experiments import evaluate
from tests.data_pipelines.face_files import write_aflw, write_mtfl, write_w300
from tests.experiments.test_evaluate import data_config
from tests.experiments.tiny import call, config, write_run

SIZE = 32
PARTS = {"train": 10, "test": 3}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """All three, in the folders where they are looked for."""
    monkeypatch.setattr(aflw, "COUNTS", PARTS)
    monkeypatch.setattr(aflw_mtfl, "COUNTS", {name: (n,) for name, n in PARTS.items()})
    monkeypatch.setattr(w300, "COUNTS", dict.fromkeys(w300.COUNTS, 2))
    write_aflw(tmp_path / "aflw", PARTS)
    write_mtfl(tmp_path / "aflw_mtfl", PARTS)
    write_w300(tmp_path / "w300", w300.COUNTS)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "fitted", "kept_back", "tested", "points", "eyes"),
    [
        ("aflw", 9, 1, 3, 5, (0, 1)),
        ("aflw_mtfl", 9, 1, 3, 5, (0, 1)),
        ("w300", 6, None, 6, 68, (36, 45)),
    ],
)
def test_faces_are_found_in_the_cache(root, name, fitted, kept_back, tested, points, eyes):
    data = load(DataConfig(name=name, cache=root, image_size=SIZE))
    assert (data.name, data.num_train, len(data.fit), len(data.test)) == (
        *(name, fitted, fitted, tested),
    )
    assert (None if data.validation is None else len(data.validation)) == kept_back
    assert data.test.keypoints_px.shape == (tested, points, 2) and data.test.eyes == eyes
    assert str(root / name) in data.description and f"tested on {tested}" in data.description
    batch = next(data.batches(batch_size=4, seed=0))
    assert batch["source"].shape == (4, SIZE, SIZE, 3)


def test_the_frame_of_aflw_is_the_squashed_crop(root):
    data = load(DataConfig(name="aflw", path=root / "aflw", image_size=SIZE), training=False)
    np.testing.assert_allclose(data.test.stretch, np.full(3, 20 / 24))  # 24 wide, 20 high
    square = load(DataConfig(name="w300", cache=root, image_size=SIZE), training=False)
    assert square.test.stretch is None
    rows = {name: np.arange(6)[part].tolist() for name, part in square.test.parts.items()}
    assert rows == {"common": [0, 1, 2, 3], "challenging": [4, 5]} and not data.test.parts


@pytest.mark.parametrize("name", ["aflw", "aflw_mtfl", "w300"])
def test_evaluation_takes_a_folder_and_refuses_rows(tmp_path, name):
    expected = DataConfig(name=name, path=tmp_path, image_size=config().data.image_size)
    assert data_config(config(), name=name, path=tmp_path) == expected
    with pytest.raises(UsageError, match=f"{name} has no fit_rows: give --data.name labelled"):
        data_config(config(), name=name, path=tmp_path, fit_rows="1-3")


@pytest.mark.slow
def test_a_run_is_evaluated_on_aflw(root, tmp_path, capsys):
    run = write_run(tmp_path / "run", config())
    named = ["--checkpoint", run, "--data.name", "aflw", "--data.path", root / "aflw"]
    assert call(evaluate.main, *named) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["fitted_on"], found["fitted_on_all"], found["tested_on"]) == (9, 10, 3)
    # Lengths across are 24 / 20 times as long in the originals, and so are the eyes' distances.
    assert found["nme_undistorted_percent"] < found["nme_percent"]
