"""Runs read back: what no longer fits or has changed on the disk is named, in one line."""

import json
import shutil

import jax
import numpy as np
import pytest

from c3jax.tools.errors import UsageError
from c3jax.training.checkpoints import CheckpointError
from experiments import evaluate
from experiments.registry import find_recipe, load_aligner, load_detector, load_trained, names
from tests.experiments import tiny
from tests.experiments.tiny import EXPERIMENTS, call, write_run


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_run_is_read_back_without_data_and_weight_files(name, tmp_path, monkeypatch):
    monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    model = {"trunk": "resnet18"} | dict.fromkeys(("stages",), ("layer1",))
    if name == "c3_faces":
        model = {"trunk": "resnet18", "landmark_stages": ("stem",), "flow_stages": ("stem",)}
    config = tiny.config(name, data={"cache": tmp_path / "nowhere"}, model=model, seed=3)
    first, last = (tiny.random_variables(config, seed) for seed in (1, 2))
    folder = write_run(tmp_path / "run", config, {5: first, 9: last}, stage="joint")
    for path, variables, step in ((folder, last, 9), (folder / "checkpoints/5", first, 5)):
        trained = load_trained(path)
        assert (trained.step, trained.stage, trained.preset) == (step, "joint", "laptop")
        assert trained.config == config and trained.recipe is find_recipe(name)
        jax.tree.map(np.testing.assert_array_equal, trained.variables, variables)
        assert trained.origin() == {
            "experiment": name,
            "preset": "laptop",
            "data": config.data.name,
            "seed": 3,
            "steps": step,
        }


@pytest.mark.parametrize(("step", "stage"), [(4, "pretrain"), (5, "")])
def test_older_checkpoints_name_no_stage_but_the_steps_of_the_first(tmp_path, step, stage):
    config = tiny.config("semantic_alignment")
    variables = tiny.random_variables(config)
    write_run(tmp_path, config, {step: variables}, pretrain_steps=4)
    assert load_trained(tmp_path).stage == stage


def test_another_number_of_landmarks_names_array_and_shapes(tmp_path):
    folder = write_run(tmp_path / "run", "c3_faces")
    described = json.loads((folder / "config.json").read_text())
    described["config"]["landmarks"] = 4
    (folder / "config.json").write_text(json.dumps(described))
    said = "run is of another version's model: .* arrays differ, .*decoder.*: "
    with pytest.raises(CheckpointError, match=rf"{said}\(3, 3, 7, 8\) there, \(3, 3, 8, 8\) here"):
        load_trained(folder)


def test_a_flipped_bit_is_one_line_that_offers_the_step_before(tmp_path, capfd):
    folder = write_run(tmp_path / "run", "c3_faces")
    steps = folder / "checkpoints"
    shutil.copytree(steps / "7", steps / "5")
    file = max((steps / "7/state").rglob("d/*"), key=lambda file: file.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)
    assert call(evaluate.main, "--checkpoint", folder) == 2
    told = capfd.readouterr().err.strip()
    assert told.startswith(f"error: the checkpoint {steps / '7'} is damaged (")
    assert file.name in told and f"the step before it is {steps / '5'}: name that" in told
    assert "\n" not in told


def test_a_folder_with_a_recipe_is_an_experiment():
    every = {"c3_bedrooms", "c3_cars", "c3_faces", "imm_faces", "jlad", "semantic_alignment"}
    assert names() == sorted(every)
    assert all(find_recipe(name).name == name for name in names())
    with pytest.raises(UsageError, match="there is no experiment 'nope': c3_bedrooms, c3_cars"):
        find_recipe("nope")


@pytest.mark.parametrize("load", [load_trained, load_detector, load_aligner])
def test_other_folders_are_no_runs(load, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="not a run; give a run folder"):
        load(tmp_path)
    (tmp_path / "config.json").write_text('{"experiment": "nope", "config": {}}')
    with pytest.raises(UsageError, match="there is no experiment 'nope'"):
        load(tmp_path)
    with pytest.raises(UsageError, match="no such file|is no folder"):
        load(tmp_path / "model.safetensors")
