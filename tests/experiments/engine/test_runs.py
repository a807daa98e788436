"""Run folders: what may be continued, what is read back, and files that are whole or not there."""

import dataclasses
import json
import os

import pytest

from c3jax.inference.files import SHIPPED
from c3jax.tools.errors import UsageError
from experiments.c3_faces.presets import LAPTOP
from experiments.engine import runs
from experiments.engine.runs import to_json


def begin(folder, config=LAPTOP, *, checkpoint=True):
    runs.check_run(folder, config)
    runs.open_run(folder, "c3_faces", "laptop", config)
    if checkpoint:
        (folder / "checkpoints/500").mkdir(parents=True, exist_ok=True)


def test_the_configuration_is_written_with_experiment_and_preset(tmp_path):
    begin(tmp_path / "c3_faces/a")
    described = json.loads((tmp_path / "c3_faces/a/config.json").read_text())
    assert described == {"experiment": "c3_faces", "preset": "laptop", "config": to_json(LAPTOP)}


def test_a_run_and_an_exported_model_say_what_they_were_trained_on(tmp_path):
    data = dataclasses.replace(LAPTOP.data, name="celeb_a")
    begin(tmp_path, dataclasses.replace(LAPTOP, data=data))
    assert runs.data_of(tmp_path) == runs.data_of(tmp_path / "checkpoints/500") == "celeb_a"
    exported = SHIPPED / "face_detector"
    assert runs.data_of(exported) == runs.data_of(exported / "model.safetensors") == "folder"
    for told in ({"trained_on": "faces of mine"}, {"trained_on": None}, {}):  # any JSON
        (tmp_path / "config.json").write_text(json.dumps(told))
        assert runs.data_of(tmp_path / "model.safetensors") is None


@pytest.mark.parametrize("text", ['{"seed"', "[]", "null", "5"])
def test_what_is_no_object_is_refused_by_name(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(UsageError, match="results.json is no JSON: "):
        runs.read_json(tmp_path / "results.json")


def test_no_json_holds_what_is_no_number(tmp_path):
    found = {"nme": float("nan"), "rows": [{"error": float("inf")}, (1.5, None)]}
    runs.write_json(tmp_path / "results.json", found)
    text = (tmp_path / "results.json").read_text()
    assert json.loads(text) == {"nme": None, "rows": [{"error": None}, [1.5, None]]}
    assert "NaN" not in text and "Infinity" not in text


@pytest.mark.parametrize(
    "change, said",
    [
        ({"seed": 1}, "seed: 0 there, 1 here"),
        ({"cycle": False}, "cycle: True there, False here"),
        ({"loss": dataclasses.replace(LAPTOP.loss, cycle=7.0)}, "loss.cycle: 1.0 there, 7.0 here"),
        ({"joint": dataclasses.replace(LAPTOP.joint, steps=9)}, "joint.steps: .* there, 9 here"),
    ],
)
def test_another_configuration_is_refused_and_the_fields_named(tmp_path, change, said):
    begin(tmp_path)
    with pytest.raises(UsageError, match=f"run of another configuration .*{said}.* --name"):
        begin(tmp_path, dataclasses.replace(LAPTOP, **change))


def test_other_training_pictures_are_refused_once_a_checkpoint_is_saved(tmp_path):
    def opened(num_train):
        runs.open_run(tmp_path, "c3_faces", "laptop", LAPTOP, num_train=num_train)

    for num_train in (40, 57):  # nothing is saved yet
        opened(num_train)
    (tmp_path / "checkpoints/500").mkdir(parents=True)
    opened(57)
    with pytest.raises(UsageError, match="trained on 57 pictures .* now there are 40: .* --name"):
        opened(40)


def test_intervals_and_places_may_change_and_the_file_stays(tmp_path):
    begin(tmp_path)
    before = (tmp_path / "config.json").read_bytes()
    data = dataclasses.replace(LAPTOP.data, cache=tmp_path)
    begin(tmp_path, dataclasses.replace(LAPTOP, log_every=7, checkpoint_every=9, data=data))
    assert (tmp_path / "config.json").read_bytes() == before


def test_a_run_that_never_saved_may_change_its_configuration(tmp_path):
    begin(tmp_path, checkpoint=False)
    begin(tmp_path, dataclasses.replace(LAPTOP, seed=1))
    assert json.loads((tmp_path / "config.json").read_text())["config"]["seed"] == 1


def test_a_run_is_found_by_its_folder_or_a_checkpoint(tmp_path):
    begin(tmp_path)
    whole, one = runs.find_run(tmp_path), runs.find_run(tmp_path / "checkpoints/500")
    assert (whole.folder, whole.step, one.folder, one.step) == (tmp_path, None, tmp_path, 500)
    assert whole.described["preset"] == "laptop"


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="absent is no folder; give a run folder such as"):
        runs.find_run(tmp_path / "absent")
    with pytest.raises(UsageError, match="config.json is missing: is .* a run folder?"):
        runs.find_run(tmp_path)
    (tmp_path / "config.json").write_text('{"config": ')
    with pytest.raises(UsageError, match="config.json is no JSON"):
        runs.find_run(tmp_path)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    runs.write_json(path, {"a": 1})

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        runs.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
