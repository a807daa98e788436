"""`python -m experiments.semantic_alignment` from rendered objects to the report, and again."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from data_pipelines.load import AlignmentData
from experiments.engine import loop
from experiments.recipe import Trained
from experiments.registry import load_trained
from experiments.semantic_alignment.recipe import RECIPE
from tests.data_pipelines import pair_files
from tests.experiments.tiny import SIZE, config, traced, train, write_run

MODEL = (
    "--model.stages layer1 --model.trunk-widths 16 32 64 64 --model.flow-channels 1 "
    "--model.flow-linear --model.start gaussian"
).split()
TINY = (
    f"--preset laptop_small --data.image-size {SIZE} "
    "--features.batch-size 4 --flow.batch-size 8 --finetune.batch-size 8 --log-every 1 "
    "--checkpoint-every 1 --check-every 100"
).split() + MODEL
RENDERED = "--data.train-examples 16 --data.test-pairs 9".split()
TWO_STEPS = "--features.steps 2 --flow.steps 2 --finetune.steps 2".split()
METHODS = ("identity", "nearest_neighbour", "mutual_matching", "gaussian", "start", "untrained")


@pytest.fixture(scope="module")
def place(tmp_path_factory, compiled, without_spots):
    return tmp_path_factory.mktemp("alignment")


@pytest.fixture(scope="module")
def started(place):
    """`started(name, *options)` runs the command; the status and the run folder."""

    def started(name, *options):
        where = ["--runs", place, "--data.cache", place / "data", "--name", name]
        few = () if "--data.name" in options else RENDERED
        status = train("semantic_alignment", *TINY, *few, *where, *options)
        return status, place / "semantic_alignment" / name

    return started


@pytest.fixture(scope="module")
def whole(started):
    """A finished run."""
    status, folder = started(
        "whole", *"--features.steps 2 --flow.steps 0 --finetune.steps 2".split()
    )
    assert status == 0
    return folder


def test_a_run_leaves_results_beside_every_baseline(whole):
    results = json.loads((whole / "results.json").read_text())
    assert results["experiment"] == "semantic_alignment" and results["steps"] == 4
    where = [results[name] for name in ("preset", "data", "seed")]
    assert where == ["laptop_small", "rendered_objects", 0]
    found = results["alignment"]
    assert found["test"] == "seen categories"
    assert "longer side of the object box" in found["protocol"]
    for name in ("pck", *(f"{method}_pck" for method in METHODS)):
        assert list(found[name]) == ["0.05", "0.10", "0.15"]
    assert list(results["alignment_of"]) == ["held-out category (chair)"]
    dense = found["methods"]["trained"]["dense"]
    assert dense["all"]["pixels"] == sum(dense[p]["pixels"] for p in ("visible", "occluded"))


def test_a_run_leaves_a_report_with_its_pictures(whole):
    page = (whole / "report.html").read_text(encoding="utf-8")
    for text in ("Matches: seen categories", "Matches: held-out category (chair)", "this run"):
        assert text in page
    for text in ("Alignment: seen categories", "error, px, occluded", "nearest neighbour", "car"):
        assert text in page
    assert "C3, as published" not in page and ">None<" not in page and ">nan<" not in page
    names = {file.stem for file in (whole / "pictures").iterdir()}
    assert names == {"matches_0", "matches_1", "losses"}


@pytest.fixture
def refused(started, capsys):
    """`refused(*options)` is the one line that a command says before it ends with status 2."""

    def refused(*options):
        capsys.readouterr()
        status, _ = started("refused", *options)
        told = capsys.readouterr().err
        assert status == 2 and "Traceback" not in told and told.count("error: ") == 1
        return told

    return refused


def test_a_run_of_another_kind_or_model_is_no_start(refused, run_of, tmp_path):
    faces = run_of("c3_faces")
    assert "is a run of c3_faces, not of semantic_alignment" in refused("--init-from", faces)
    other = config("semantic_alignment", model={"flow_channels": (2, 1)})
    told = refused("--init-from", write_run(tmp_path / "other", other))
    assert "is a run of another model" in told and "flow" in told and "(--model.*, " in told
    assert "absent is no folder" in refused("--init-from", tmp_path / "absent")


def test_wrong_data_are_refused_before_training(refused, tmp_path):
    table = pair_files.write_table(
        tmp_path, "a.png,b.png", "a.png,nowhere.png", header="source,target"
    )
    own = ("--data.name", "pairs_csv", "--data.path", table)
    told = refused(*own)
    assert "nowhere.png: no such file" in told and "row 2" in told
    table.write_text("source,target\na.png,b.png\n")
    assert "needs pairs of two categories or more" in refused(*own)
    table.write_text("source,target,source_points,target_points\na.png,b.png,1;2,30;2\n")
    assert "point 1 of the target, (30, 2), lies outside the 24x36" in refused(*own)
    assert "pf_willow has test pairs alone" in refused("--data.name", "pf_willow")
    assert "is none of the categories" in refused("--data.held-out", "spoon")
    assert "there is nothing to train" in refused(
        *"--features.steps 0 --flow.steps 0 --finetune.steps 0".split()
    )
    assert "stage flow has steps and no loss" in refused(*TWO_STEPS, "--flow-loss.weak", "0")
    told = refused(*TWO_STEPS, "--flow.batch-size", "4")
    assert "--flow.batch-size must be at least 8 on 4 devices, got 4" in told
    assert "--cache-features needs --features.steps 0" in refused(*TWO_STEPS, "--cache-features")
    assert "--landmarks must be 0 (none) or at least 2" in refused("--landmarks", "1")


def test_own_pairs_without_any_label_are_trained_on_and_shown(started, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "make_train_step", traced)
    table = pair_files.write_table(tmp_path, "a.png,b.png", "b.png,c.png", header="source,target")
    stages = "--features.steps 0 --flow.steps 1 --finetune.steps 0".split()
    no_weak = [*stages, *"--flow-loss.weak 0 --flow-loss.flow 1".split()]
    own = ("--data.name", "pairs_csv", "--data.path", table)
    status, folder = started("own", *own, *no_weak)
    assert status == 0
    results = json.loads((folder / "results.json").read_text())
    assert "alignment" not in results and results["steps"] == 1
    assert "Matches: training pairs" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_run_with_landmarks_says_so(started):
    stages = "--features.steps 0 --flow.steps 0 --finetune.steps 1".split()
    status, folder = started("k3", *stages, *"--landmarks 3 --model.landmark-channels 4".split())
    assert status == 0
    results = json.loads((folder / "results.json").read_text())
    assert results["variant"] == "with 3 landmarks" and results["alignment"]["pck"]
    line = json.loads((folder / "metrics.jsonl").read_text().splitlines()[0])
    assert {"weak", "cycle", "invariance", "equivariance"} <= line.keys()


def test_features_that_are_computed_once_train_the_flow_module_alone(started):
    stages = "--features.steps 0 --flow.steps 2 --finetune.steps 0 --cache-features".split()
    stages += "--flow.learning-rate 0.01 --flow.batch-size 16".split()  # several a device
    status, folder = started("cached", *stages)
    assert status == 0
    run = load_trained(folder)
    first = run.model.first()
    jax.tree.map(
        np.testing.assert_array_equal, run.variables["params"]["trunk"], first["params"]["trunk"]
    )
    moved = jax.tree.map(
        lambda a, b: np.abs(a - b).max(), run.variables["params"]["flow"], first["params"]["flow"]
    )
    assert max(jax.tree.leaves(moved)) > 0


def test_a_dead_flow_module_is_named_with_what_to_change():
    data = AlignmentData(
        name="",
        description="",
        images=np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8),
        pairs=np.array([[0, 1], [2, 3]]),
        categories=np.zeros(2, int),
        tests={},
    )
    model = RECIPE.build(config("semantic_alignment"))
    trained = Trained(RECIPE, "", config("semantic_alignment"), model, model.random(), 7, "flow")
    assert model.warn(trained, data) == []
    params = trained.variables["params"]
    dead = params | {"flow": jax.tree.map(lambda leaf: leaf * 0, params["flow"])}
    dead = trained.variables | {"params": dead}
    (warning,) = model.warn(dataclasses.replace(trained, variables=dead), data)
    assert "dead in 100%" in warning and "--model.negative-slope" in warning
