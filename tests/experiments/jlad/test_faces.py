"""`python -m experiments.jlad` on faces, and variants that share one pre-training."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import evaluate
from experiments.engine import runs
from experiments.jlad.model import build
from experiments.jlad.recipe import LAPTOP_SMALL, PRESETS, presets_for
from experiments.registry import load_trained
from tests.experiments.jlad.test_jlad import NETWORKS
from tests.experiments.tiny import call, train, write_labelled

STEPS = 1
TINY = [
    *NETWORKS,
    *f"--pretrain.steps {STEPS} --rounds.count 0 --rounds.alignment-steps {STEPS}".split(),
    *f"--rounds.detection-steps {STEPS}".split(),
]
RENDERED = (
    "--data.name rendered_faces --data.train-examples 8 --data.fit-examples 6 "
    "--data.test-examples 4"
).split()


def shrink(loss_fn, optimizer, *, devices):
    """A step without a loss: all parameters shrink (to compile the real one takes long)."""

    def step(state, batch, key):
        assert batch["source"].shape == batch["target"].shape
        params = jax.tree.map(lambda leaf: jnp.asarray(0.9 * np.asarray(leaf)), state.params)
        state = state.replace(params=params, step=jnp.int32(state.step + 1))
        return state, {"seen": np.float32("mask" in batch), "skipped_in_a_row": 0}

    return step


@pytest.fixture(scope="module")
def root(tmp_path_factory, without_spots):
    """A folder with two runs: the pre-training `first`, and rounds on photos that go on from it."""
    root = tmp_path_factory.mktemp("faces")
    where = ("--data.cache", root / "data", "--runs", root / "runs")
    photos = ("--data.path", write_labelled(root / "faces") / "images", "--data.name=folder")
    shared = ("--init-from", root / "runs/jlad/first", "--pretrain.steps", 0, "--rounds.count", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("experiments.engine.loop.make_train_step", shrink)
        patch.setattr("experiments.measure.consistency.NUM_PAIRS", 8)
        assert train("jlad", *TINY, *RENDERED, *where, "--name", "first") == 0
        second = root / "runs/jlad/second"  # killed before its first checkpoint
        second.mkdir()
        runs.write_json(second / "iterations.json", [{"round": 0, "of": "another start"}])
        assert train("jlad", *TINY, *photos, *where, *shared, "--name", "second") == 0
    return root


def results_of(root, name):
    return json.loads((root / "runs/jlad" / name / "results.json").read_text())


def test_rendered_faces_are_measured_by_the_protocol_of_faces_and_by_the_truth(root):
    found = results_of(root, "first")
    assert found["data"] == "rendered_faces" and found["steps"] == STEPS
    assert found["landmarks"]["normalizer"] == "inter-ocular distance"
    errors = ("nme_percent", "untrained_nme_percent", "mean_shape_nme_percent")
    assert all(found["landmarks"][name] > 0 for name in errors)
    assert {"landmarks_carried_by_flow", "landmarks_true", "flow_true"} <= set(found["consistency"])
    assert "alignment" not in found
    (row,) = found["iterations"]
    assert row == {"round": 0, "landmarks": found["landmarks"], "consistency": found["consistency"]}


def test_rounds_go_on_from_another_run_and_begin_with_its_row(root):
    found = results_of(root, "second")
    assert (found["variant"], found["steps"]) == ("joint", 2 * STEPS)
    assert (found["data"], found["begun_on"]) == ("folder", "rendered_faces")
    before, after = found["iterations"]
    assert (before["round"], after["round"]) == (0, 1)
    assert before["consistency"] != after["consistency"] == found["consistency"]
    assert set(after) == {"round", "consistency"} and "landmarks" not in found
    first, second = (
        load_trained(root / "runs/jlad" / name).variables["params"] for name in ("first", "second")
    )
    for ours, theirs in zip(*map(jax.tree.leaves, (first, second)), strict=True):
        np.testing.assert_allclose(theirs, 0.9 ** (2 * STEPS) * ours, rtol=1e-5)


def test_the_synthetic_pairs_of_rendered_faces_have_masks(root):
    def stages_of(name):
        path = root / "runs/jlad" / name / "metrics.jsonl"
        rows = map(json.loads, path.read_text().splitlines())
        return {row["stage"]: row["seen"] for row in rows}

    assert stages_of("first") == {"pretrain": 1}
    assert stages_of("second") == {"alignment-1": 0, "detection-1": 0}


@pytest.mark.parametrize("name", ["first", "second"])
def test_the_report_shows_pairs_of_faces_and_the_table_of_rounds(root, name):
    run = root / "runs/jlad" / name
    page = (run / "report.html").read_text()
    for title in ("Rounds", "Consistency across images", "Landmarks on pairs", "Warped sources"):
        assert title in page
    names = {"numbered", "cut_outs", "landmarks", "warped", "self_similarity", "losses"}
    assert {path.stem for path in (run / "pictures").iterdir()} == names


def test_a_run_on_photos_is_checked_without_labels(root, capsys):
    found = results_of(root, "second")["self_check"]
    assert (found["pictures"], found["made_on"][:17]) == (14, "training pictures")
    assert 0 <= found["warp_error_percent"] and found["verdict"] in ("poor", "fair", "good")
    page = (root / "runs/jlad/second/report.html").read_text()
    assert "Self-check, without labels" in page and "fewer than 40 photos none is kept" in page
    assert call(evaluate.main, "--checkpoint", root / "runs/jlad/second") == 0
    again = json.loads(capsys.readouterr().out)
    assert again["follow"] == pytest.approx(found["follow"], rel=1e-3)
    assert {*again} == {*found}


def test_the_widths_of_a_small_trunk_are_not_those_of_a_pretrained_one():
    model = dataclasses.replace(LAPTOP_SMALL.model, trunk="resnet18")
    assert build(LAPTOP_SMALL).network.trunk.widths == LAPTOP_SMALL.model.trunk_widths is not None
    assert build(dataclasses.replace(LAPTOP_SMALL, model=model)).network.trunk.widths is None


@pytest.mark.parametrize("name", [None, "rendered_objects", "pairs_csv"])
def test_pairs_keep_the_presets(name):
    assert presets_for(name) is PRESETS


def test_faces_keep_their_palettes_and_else_the_warps_of_the_presets():
    for name, config in presets_for("rendered_faces").items():
        assert config.warp == dataclasses.replace(PRESETS[name].warp, palette=0.0)
    assert LAPTOP_SMALL.warp.palette > 0


def test_wrong_use_is_one_error(tmp_path, capsys):
    for arguments, said in (
        (["--data.name", "mnist"], "no data 'mnist': give --data.name rendered_objects |"),
        (["--data.name", "folder", "--data.held-out", "mug"], "--data.held-out"),
        (["--data.crop", "pad"], "--data.crop"),
        (["--init-from", tmp_path / "no"], "no is no folder; give a run folder"),
    ):
        assert train("jlad", *TINY, "--runs", tmp_path / "runs", *arguments) == 2
        told = capsys.readouterr().err
        assert said in told and "Traceback" not in told
