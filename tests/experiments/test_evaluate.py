"""`python -m experiments.evaluate`."""

import dataclasses
import json
import math

import jax
import numpy as np
import pytest

from experiments import evaluate
from experiments.c3_faces import networks as nets
from experiments.c3_faces.run import Trained
from experiments.common.data import DataConfig
from experiments.engine.errors import UsageError
from tests.experiments.tiny_runs import call, config, random_tree, write_labelled, write_run

ROWS = ["--fit-rows", "1-10", "--test-rows", "11-14"]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return write_labelled(tmp_path_factory.mktemp("data") / "labelled")


@pytest.fixture(scope="module")
def run(labelled, tmp_path_factory):
    """A run with its own labelled data, its first variables (step 0) and random ones (step 7)."""
    chosen = config(name="labelled", path=labelled, fit_rows="1-9", test_rows="10-14")
    networks = nets.make_networks(chosen)
    first = nets.init_variables(networks, chosen)
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    return write_run(folder, chosen, {0: first, 7: random_tree(first)})


@pytest.fixture(scope="module")
def rendered_run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "rendered", config())


@pytest.fixture
def print_of(capsys):
    """What a command prints, as JSON."""

    def printed(*arguments):
        status = call(evaluate.main, *arguments)
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return json.loads(captured.out)

    return printed


def test_a_run_is_evaluated_on_its_own_data(run, print_of):
    found = print_of("--checkpoint", run)
    assert (found["fitted_on"], found["tested_on"]) == (9, 5)
    assert found["normalizer"] == "inter-ocular distance" and "no intercept" in found["protocol"]
    errors = ("nme_percent", "untrained_nme_percent", "mean_shape_nme_percent")
    for name in (*errors, "nme_with_intercept_percent", "backward_nme_percent"):
        assert math.isfinite(found[name]) and found[name] > 0
    assert found["nme_percent"] != found["untrained_nme_percent"]
    few = found["few_shot_nme_percent"]
    assert list(few) == ["1", "5"]  # of 9 pictures to fit on
    assert few["1"]["mean"] > 0 and few["1"]["deviation"] > 0


def test_step_0_is_the_untrained_baseline(run, print_of):
    found = print_of("--checkpoint", run / "checkpoints" / "0")
    assert found["nme_percent"] == pytest.approx(found["untrained_nme_percent"], rel=1e-3)
    assert not {"nme_undistorted_percent", "nme_fitted_on_all_percent"} & set(found)


def test_another_labelled_folder_is_evaluated_with_its_own_options(
    rendered_run, labelled, tmp_path, print_of
):
    (tmp_path / "images").symlink_to(labelled / "images")
    (tmp_path / "points.csv").write_bytes((labelled / "landmarks.csv").read_bytes())
    named = ["--data.name", "labelled", "--data.path", tmp_path, *ROWS]
    named += ["--data.landmarks-file", "points.csv", "--data.iod-points", "2", "3"]
    found = print_of("--checkpoint", rendered_run, *named)
    assert (found["fitted_on"], found["tested_on"]) == (10, 4)
    keypoints = np.loadtxt(tmp_path / "points.csv", delimiter=",", skiprows=1, usecols=range(1, 9))
    fit, test = keypoints[:10].reshape(-1, 4, 2), keypoints[10:].reshape(-1, 4, 2)
    distances = np.linalg.norm(test - fit.mean(0), axis=-1).mean(1)
    iod = np.linalg.norm(test[:, 2] - test[:, 3], axis=-1)
    expected = 100 * np.mean(distances / iod)
    assert found["mean_shape_nme_percent"] == pytest.approx(expected, rel=1e-4)


def test_named_data_start_from_defaults_and_own_data_from_the_run(tmp_path):
    own = config(name="labelled", path=tmp_path, crop="pad", fit_rows="1-2").data
    of_run = evaluate.Options(tmp_path, evaluate.DataOptions(), test_rows="3-4")
    assert evaluate.data_config(of_run, own) == dataclasses.replace(own, test_rows="3-4")
    named = evaluate.DataOptions(name="labelled", crop="squash")
    found = evaluate.data_config(evaluate.Options(tmp_path, named), own)
    assert found == DataConfig(name="labelled", crop="squash", image_size=own.image_size)
    with pytest.raises(UsageError, match="have no annotations: give --data.name labelled"):
        evaluate.data_config(of_run, config(name="folder", path=tmp_path).data)


def test_a_frozen_trunk_is_taken_from_the_checkpoint_and_a_trained_one_is_not(
    monkeypatch, tmp_path
):
    model = dataclasses.replace(
        config().model, trunk="resnet18", landmark_stages=("layer1",), flow_stages=("layer1",)
    )
    chosen = dataclasses.replace(config(), model=model)
    networks = nets.make_networks(chosen)
    shapes = jax.eval_shape(lambda: nets.random_variables(networks, chosen))
    trained = Trained(chosen, networks, random_tree(shapes), 7)
    untrained = evaluate.untrained_variables(trained)
    assert jax.tree.structure(untrained) == jax.tree.structure(trained.variables)
    for group in ("params", "batch_stats"):
        for ours, theirs in zip(
            *(jax.tree.leaves(v[group]["trunk"]) for v in (untrained, trained.variables)),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)
    heads = [v["params"]["pose_logits"]["kernel"] for v in (untrained, trained.variables)]
    assert np.any(heads[0] != heads[1])
    moving = dataclasses.replace(chosen, model=dataclasses.replace(model, train_trunk=("joint",)))
    monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ValueError, match="no ImageNet weights of resnet18"):
        evaluate.untrained_variables(dataclasses.replace(trained, config=moving))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--checkpoint", "RUN/nowhere"], "nowhere is no folder; give a run folder"),
        (
            ["--checkpoint", "RUN/checkpoints/3"],
            "3 is no folder; give a run folder",
        ),
        (
            ["--checkpoint", "RUN", "--data.name", "pf_willow"],
            "pf_willow is for runs of semantic_alignment",
        ),
        (["--checkpoint", "RUN", "--data.name", "labelled"], "needs --data.path FOLDER"),
        (["--checkpoint", "RUN", "--fit-rows", "0-3"], "--data.fit-rows must be two 1-based row"),
        (["--checkpoint", "RUN", "--test-rows", "12-15"], "rows 12-15 are not within 1-14"),
        (["--checkpoint", "RUN", "--data.iod-points", "0", "4"], "two different points of 0 to 3"),
        (["--checkpoint", "RUN", "--data.iod-points", "1", "1"], "two different points of 0 to 3"),
        (["--checkpoint", "RUN", "--data.landmarks-file", "no.csv"], "no.csv: no such file"),
        (["--checkpoint", "RENDERED", *ROWS], "rendered_faces has no fit_rows, test_rows: give"),
        (["--checkpoint", "RENDERED", "--data.path", "x"], "rendered_faces has no path: give"),
        (["--checkpoint", "RUN", "--data.name", "imagenet"], "imagenet"),
        (["--checkpoint", "RUN", "--rows", "1-2"], "--rows"),
        ([], "--checkpoint"),
    ],
)
def test_wrong_use_ends_with_status_2(run, rendered_run, arguments, named, capsys):
    folders = {"RUN": str(run), "RENDERED": str(rendered_run)}
    for name, folder in folders.items():
        arguments = [argument.replace(name, folder) for argument in arguments]
    assert call(evaluate.main, *arguments) == 2
    captured = capsys.readouterr()
    assert named in captured.err and "Traceback" not in captured.err
    assert captured.out == ""


def test_eyes_that_coincide_are_named(run, labelled, tmp_path, capsys):
    (tmp_path / "images").symlink_to(labelled / "images")
    header, *rows = (labelled / "landmarks.csv").read_text().splitlines()
    rows[11] = "11.png,9,9,9,9,15,17,15,22"
    (tmp_path / "landmarks.csv").write_text("\n".join([header, *rows]) + "\n")
    assert call(evaluate.main, "--checkpoint", run, "--data.path", tmp_path) == 2
    assert "points 0 and 1 coincide in test picture 3" in capsys.readouterr().err


def test_an_exported_model_is_no_run(tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"format": 1, "model": {}}')
    assert call(evaluate.main, "--checkpoint", tmp_path) == 2
    assert "not a run; give a run folder" in capsys.readouterr().err
