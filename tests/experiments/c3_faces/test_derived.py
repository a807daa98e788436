"""C3 on cars and bedrooms, and the baseline: presets of faces, changed, and tiny runs."""

import dataclasses
import json
import sys

import numpy as np
import pytest

from c3jax.tools.measure.units import unit_px
from data_pipelines.load import DataConfig, load
from experiments import evaluate, recipe
from experiments.c3_bedrooms.recipe import RECIPE as BEDROOMS
from experiments.c3_cars.recipe import RECIPE as CARS
from experiments.c3_faces.recipe import RECIPE as FACES
from experiments.engine import cli, runs
from experiments.engine.runs import differences
from experiments.imm_faces.recipe import RECIPE as IMM
from tests.data_pipelines.readers.test_lsun import write_lsun
from tests.experiments.conftest import SIZE
from tests.experiments.tiny import call, train

EXPERIMENTS = FACES, CARS, BEDROOMS, IMM
COUNTS = "--data.train-examples 6 --data.fit-examples 6 --data.test-examples 4".split()
TINY = (
    f"--model.family imm --no-flow --no-cycle --model.encoder-widths 4 4 "
    f"--model.decoder-channels 4 --model.min-decoder-channels 4 --data.image-size {SIZE} "
    "--landmarks 2 --warmup.steps 0 --pretrain.steps 2 --joint.steps 0 --pretrain.batch-size 4"
).split() + COUNTS


OF_FACES = {"laptop": "laptop_small"}  # whose data and warps the baseline's preset has


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.name)
def test_presets_can_be_stored_and_built(experiment):
    presets = experiment.presets(None)
    laptops = ["laptop", "laptop_small", "laptop_resnet18"]
    assert list(presets) == (laptops[::2] if experiment is IMM else laptops) + ["paper"]
    for config in presets.values():
        stored = json.loads(json.dumps(runs.to_json(config)))
        assert runs.from_json(type(config), stored) == config
        experiment.build(config)


@pytest.mark.parametrize(
    "experiment, name", [(CARS, "rendered_cars"), (BEDROOMS, "rendered_rooms")]
)
def test_cars_and_bedrooms_are_trained_as_faces_are(experiment, name):
    shorter = {"warmup.steps": (4000, 4800)}
    for preset, also in {"laptop": {}, "laptop_small": shorter, "laptop_resnet18": shorter}.items():
        ours, theirs = (runs.to_json(e.presets(None)[preset]) for e in (experiment, FACES))
        assert differences(ours, theirs) == {"data.name": (name, "auto"), **also}
    ours, theirs = (runs.to_json(e.presets(None)["paper"]) for e in (experiment, FACES))
    found = differences(ours, theirs)
    assert set(found) == {"data.name", "data.path", "joint.steps", "joint.epochs"}
    assert found["joint.steps"][0] == FACES.presets(None)["paper"].joint.num_steps(159_870)


def test_the_baseline_has_neither_cycle_nor_flow():
    for preset, config in IMM.presets(None).items():
        assert (config.model.family, config.cycle, config.flow) == ("imm", False, False)
        assert config.data == FACES.presets(None)[OF_FACES.get(preset, preset)].data
        assert config.warmup.steps == config.joint.steps == 0 < config.pretrain.steps
    ours, theirs = IMM.presets(None)["laptop"], FACES.presets(None)["laptop_small"]
    laptop = differences(runs.to_json(ours), runs.to_json(theirs))
    assert not [name for name in laptop if name.startswith(("warp.", "data."))]


@pytest.mark.parametrize(
    ("experiment", "arguments", "name"),
    [
        (
            FACES,
            "--preset laptop_small --data.name folder --no-cycle --landmarks 7 --seed 3",
            "laptop_small-folder-k7-no_cycle-seed3",
        ),
        (IMM, "--preset paper", "paper-celeb_a-k10-seed0"),
        (IMM, "--preset paper --cycle", "paper-celeb_a-k10-cycle-seed0"),
        (
            IMM,
            "--data.name folder --data.path photos/../of@2026.b",
            "laptop-folder-of_2026.b-k10-seed0",
        ),
        (IMM, "--preset paper --name mine", "mine"),
    ],
)
def test_names_of_runs_tell_what_differs_from_the_preset(experiment, arguments, name, monkeypatch):
    monkeypatch.setattr(sys, "argv", [experiment.name, *arguments.split()])
    assert cli.parse_run(experiment.name, experiment.presets)[1].name == name


@pytest.mark.parametrize(
    "name, folder", [("c3_cars", "car"), ("c3_bedrooms", "bedroom_train_lmdb")]
)
def test_without_lsun_one_error_says_what_to_put_where(name, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipe, "first_variables", lambda *_: {})  # as if there were weights
    assert train(name, "--preset", "paper", "--runs", tmp_path / "runs") == 2
    told = capsys.readouterr().err
    assert f"data/lsun/{folder}/data.mdb" in told and "https://www.yf.io/p/lsun" in told
    assert "Traceback" not in told
    assert train(name, "--preset", "paper", "--data.path", tmp_path / "mine") == 2
    assert f"{tmp_path}/mine/data.mdb" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["rendered_cars", "rendered_rooms"])
def test_scenes_come_with_what_is_seen_and_a_length(name, tmp_path):
    config = DataConfig(
        name=name, image_size=SIZE, train_examples=3, fit_examples=4, test_examples=2,
        cache=tmp_path,
    )  # fmt: skip
    data = load(config)
    assert (data.num_train, len(data.fit), len(data.test)) == (3, 4, 2)
    for part in (data.fit, data.test):
        count, points = part.keypoints_px.shape[:2]
        assert part.seen.shape == (count, points) and part.counted() is part.seen
        assert part.lengths_px.shape == part.categories.shape == (count,)
        assert (unit_px(part) > SIZE / 3).all() and (unit_px(part) < 1.5 * SIZE).all()
    half = data.fit.select(slice(2))
    np.testing.assert_array_equal(half.lengths_px, data.fit.lengths_px[:2])
    batch = next(data.batches(batch_size=2, seed=0))
    assert batch["source"].shape == batch["target"].shape == (2, SIZE, SIZE, 3)
    # Without training nothing is rendered to train on.
    config = dataclasses.replace(config, train_examples=10**9)
    np.testing.assert_array_equal(load(config, training=False).preview, data.fit.images)


@pytest.mark.slow
@pytest.mark.parametrize(
    "experiment, data, normalizer",
    [
        ("c3_cars", "rendered_cars", "longest side of the true object box"),
        ("c3_bedrooms", "rendered_rooms", "diagonal of the picture"),
        ("imm_faces", "rendered_faces", "inter-ocular distance"),
    ],
)
def test_two_steps_are_trained_evaluated_and_reported(
    experiment, data, normalizer, tmp_path, capsys
):
    preset = "laptop" if experiment == "imm_faces" else "laptop_small"
    where = ["--data.cache", tmp_path, "--runs", tmp_path, "--name", "tiny"]
    arguments = ["--preset", preset, *TINY, *where]
    assert train(experiment, *arguments) == 0, capsys.readouterr().err
    assert f"error, % of {normalizer}" in capsys.readouterr().out
    folder = tmp_path / experiment / "tiny"
    results = json.loads((folder / "results.json").read_text())
    assert (results["experiment"], results["data"]) == (experiment, data)
    assert results["steps"] == 2
    landmarks = results["landmarks"]
    assert landmarks["normalizer"] == normalizer and landmarks["tested_on"] == 4
    for error in ("nme_percent", "untrained_nme_percent", "mean_shape_nme_percent"):
        assert 0 < landmarks[error] < 500
    assert ("consistency" in results) == (experiment == "imm_faces")  # no flow was trained
    assert normalizer in (folder / "report.html").read_text()


@pytest.mark.slow
def test_two_steps_on_a_streamed_database_of_lsun(tmp_path, capsys):
    write_lsun(tmp_path / "car")
    data = ["--data.name", "lsun", "--data.loader", "tf", "--data.path", tmp_path / "car"]
    where = ["--runs", tmp_path, "--name", "tiny"]
    assert train("c3_cars", "--preset", "laptop_small", *TINY, *data, *where) == 0
    folder = tmp_path / "c3_cars/tiny"
    results = json.loads((folder / "results.json").read_text())
    assert (results["data"], results["steps"]) == ("lsun", 2) and "landmarks" not in results
    assert (folder / "report.html").is_file()
    capsys.readouterr()
    assert call(evaluate.main, "--checkpoint", folder) == 2
    assert "the run's own data, lsun, have no annotations: give" in capsys.readouterr().err
