"""Runs and exports of an older version, before there were recipes: they are read and go on.

fixtures/older_version.tar.xz holds, of two experiments, a finished run, its export, and the same
run cut off at step 3 of 6, with the eight pictures that they were trained on.
"""

import dataclasses
import json
import tarfile
from pathlib import Path

import jax
import numpy as np
import pytest
import safetensors.numpy

from experiments import compare, detect, evaluate, export
from experiments.engine import runs
from experiments.recipe import run
from experiments.registry import find_recipe, load_trained
from tests.experiments.tiny import call

ARCHIVE = Path(__file__).parent / "fixtures/older_version.tar.xz"
REGRESSED = 5e-3  # a regressor that six pictures fit magnifies what is rounded
LAST_STAGES = {"c3_faces": "joint", "jlad": "detection-1"}


@pytest.fixture(scope="module")
def older(tmp_path_factory, without_spots):
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "older_version"


@pytest.fixture(params=LAST_STAGES)
def folder(request, older, monkeypatch):
    """The finished run; paths of the data are relative to where the version was called."""
    monkeypatch.chdir(older)
    return older / "runs" / request.param / "run"


def results(folder):
    return runs.read_json(folder / "results.json")


def test_a_cut_off_run_goes_on_to_the_same_end(folder, monkeypatch):
    one_device = jax.devices()[:1]
    monkeypatch.setattr(jax, "devices", lambda: one_device)  # as when they were written
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    found = runs.find_run(folder.with_name("middle"))
    assert load_trained(found.folder).step == 3
    recipe = find_recipe(found.described["experiment"])
    config_type = type(recipe.presets(found.described["config"]["data"]["name"])["laptop"])
    config = runs.from_json(config_type, found.described["config"])
    run(recipe, "laptop", dataclasses.replace(config, name="middle"))
    ended = load_trained(found.folder)
    assert (ended.step, ended.stage) == (6, LAST_STAGES[recipe.name])
    # Losses, not parameters: Adam makes steps of the noise of a gradient that is 0.
    new, old = (
        [json.loads(row)["loss"] for row in (each / "metrics.jsonl").read_text().splitlines()]
        for each in (found.folder, folder)
    )
    assert new == pytest.approx(old, rel=1e-4)
    measured = results(found.folder)
    newer = {"swaps", "self_check"}
    # C3's flow was not trained, and what an untrained one carries is left out now.
    gone = {"consistency"} if recipe.name == "c3_faces" else set()
    assert measured.keys() - newer == results(folder).keys() - gone
    error = measured["landmarks"]["nme_percent"]
    assert error == pytest.approx(results(folder)["landmarks"]["nme_percent"], rel=REGRESSED)


def test_a_finished_run_is_evaluated_to_what_it_was(folder, capsys):
    assert call(evaluate.main, "--checkpoint", folder) == 0
    found, expected = json.loads(capsys.readouterr().out), results(folder)["landmarks"]
    assert found.keys() == expected.keys()
    for name in ("nme_percent", "untrained_nme_percent", "mean_shape_nme_percent"):
        assert found[name] == pytest.approx(expected[name], rel=REGRESSED)


def test_a_finished_run_is_exported_as_it_was(folder, tmp_path):
    assert call(export.main, folder, "--out", tmp_path / "export") == 0
    new, old = (
        safetensors.numpy.load_file(each / "model.safetensors")
        for each in (tmp_path / "export", folder / "export")
    )
    assert new.keys() == old.keys()
    assert all(np.array_equal(new[name], old[name]) for name in old)


def test_an_older_export_finds_what_its_run_finds(folder, older, tmp_path):
    found = []
    for number, checkpoint in enumerate((folder, folder / "export")):
        out = tmp_path / str(number)
        arguments = ("--checkpoint", checkpoint, "--out", out, "--no-overlays")
        assert call(detect.main, older / "labelled/images", *arguments) == 0
        lines = (out / "landmarks.jsonl").read_text().splitlines()
        rows = map(json.loads, lines)
        found.append(np.array([row["landmarks_px"] for row in rows]))
    np.testing.assert_allclose(*found, atol=0.05)


def test_older_runs_are_compared(folder, tmp_path, capsys):
    out = tmp_path / "page.html"
    other = runs.find_run(folder.with_name("middle")).folder
    runs.write_json(other / "results.json", results(folder))
    assert call(compare.main, folder, other, "--no-pictures", "--out", out) == 0
    assert "2 runs" in out.read_text()
