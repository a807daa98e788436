"""`python -m experiments.evaluate`: `landmarks` and `alignment` of runs and exported models."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from c3jax.inference import SHIPPED
from c3jax.tools.errors import UsageError
from data_pipelines.load import AlignmentDataConfig, DataConfig
from experiments import evaluate, export
from experiments.recipe import Trained
from tests.data_pipelines import pair_files
from tests.data_pipelines.published_files import write
from tests.experiments import tiny
from tests.experiments.tiny import call, write_run

ROWS = ["--fit-rows", "1-9", "--test-rows", "10-14"]
METHODS = ("identity", "nearest_neighbour", "mutual_matching", "gaussian", "start", "untrained")
ALPHAS = ["0.05", "0.10", "0.15"]
POINTS = ("a.png,b.png,1;2;3;4,5;6;7;8", "b.png,a.png,5;6;7;8,1;2;3;4")


@pytest.fixture(scope="module")
def rendered_run(run_of):
    return run_of("c3_faces")


@pytest.fixture(scope="module")
def aligner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "aligner"
    return tiny.write_two_steps(folder, tiny.config("semantic_alignment"))


@pytest.fixture(scope="module")
def willow(tmp_path_factory):
    """Two of the sub-classes."""
    folder = tmp_path_factory.mktemp("willow")
    pair_files.write_willow(folder, classes=("car(G)", "duck(S)"), num=3)
    return folder


def test_a_run_is_evaluated_on_its_own_data(labelled_run, print_of):
    found = print_of("--checkpoint", labelled_run)
    assert (found["fitted_on"], found["tested_on"]) == (9, 5)
    assert found["normalizer"] == "inter-ocular distance" and "no intercept" in found["protocol"]
    errors = ("nme_percent", "untrained_nme_percent", "mean_shape_nme_percent")
    for name in (*errors, "nme_with_intercept_percent", "backward_nme_percent"):
        assert math.isfinite(found[name]) and found[name] > 0
    assert found["nme_percent"] != found["untrained_nme_percent"]
    few = found["few_shot_nme_percent"]
    assert list(few) == ["1", "5"]  # of 9 pictures to fit on
    assert few["1"]["mean"] > 0 and few["1"]["deviation"] > 0


def test_step_0_is_the_untrained_network(labelled_run, aligner, willow, print_of):
    found = print_of("--checkpoint", labelled_run / "checkpoints" / "0")
    assert found["nme_percent"] == pytest.approx(found["untrained_nme_percent"], rel=1e-3)
    assert not {"nme_undistorted_percent", "nme_fitted_on_all_percent"} & set(found)
    where = ("--data.name", "pf_willow", "--data.path", willow)
    methods = print_of("--checkpoint", aligner / "checkpoints/0", *where)["methods"]
    assert methods["trained"] == methods["untrained"] == methods["start"]


def test_another_labelled_folder_is_evaluated_with_its_own_options(
    rendered_run, labelled, tmp_path, print_of
):
    (tmp_path / "images").symlink_to(labelled / "images")
    (tmp_path / "points.csv").write_bytes((labelled / "landmarks.csv").read_bytes())
    named = ["--data.name", "labelled", "--data.path", tmp_path, *ROWS]
    named += ["--data.landmarks-file", "points.csv", "--data.iod-points", "2", "3"]
    found = print_of("--checkpoint", rendered_run, *named)
    assert (found["fitted_on"], found["tested_on"]) == (9, 5)
    keypoints = np.loadtxt(tmp_path / "points.csv", delimiter=",", skiprows=1, usecols=range(1, 9))
    fit, test = keypoints[:9].reshape(-1, 4, 2), keypoints[9:].reshape(-1, 4, 2)
    distances = np.linalg.norm(test - fit.mean(0), axis=-1).mean(1)
    iod = np.linalg.norm(test[:, 2] - test[:, 3], axis=-1)
    expected = 100 * np.mean(distances / iod)
    assert found["mean_shape_nme_percent"] == pytest.approx(expected, rel=1e-4)


def test_the_sub_classes_that_are_there_are_evaluated(aligner, willow, print_of):
    found = print_of("--checkpoint", aligner, "--data.name", "pf_willow", "--data.path", willow)
    assert (found["pairs"], found["pictures"]) == (12, 6)
    assert list(found["pck"]) == ALPHAS and "source key points" in found["protocol"]
    for name in METHODS:
        assert list(found[f"{name}_pck"]) == ALPHAS
    table = found["methods"]["trained"]["definitions"]["bbox-kp"]["target_to_source"]
    assert table["per_pair"] == found["pck"]
    assert {c: v["pairs"] for c, v in table["categories"].items()} == {"car(G)": 6, "duck(S)": 6}
    assert found["pck"] != found["start_pck"] or found["pck"] != found["untrained_pck"]


def test_spair_is_evaluated_by_its_own_definition(aligner, tmp_path, monkeypatch, print_of):
    write("spair", tmp_path / "spair", monkeypatch)
    named = ("--data.name", "spair", "--data.path", tmp_path / "spair")
    found = print_of("--checkpoint", aligner, *named)
    assert found["pairs"] == 2 and found["protocol"].startswith("bbox: source key points carried")


def test_a_table_of_own_pairs_is_evaluated(aligner, tmp_path, print_of):
    header = "source,target,source_points,target_points"
    table = pair_files.write_table(tmp_path, *POINTS, header=header)
    found = print_of("--checkpoint", aligner, "--data.name", "pairs_csv", "--data.path", table)
    assert found["pairs"] == 2 and "longer side of the target picture" in found["protocol"]
    # Nothing moves by more than 4 px, 15 % of the longest side of 36 is 5.4.
    assert found["identity_pck"]["0.15"] == pytest.approx(50 + 50 * (np.hypot(4, 4) <= 4.5))


def test_a_joint_run_is_evaluated_on_landmarks_and_on_pairs(run_of, labelled, tmp_path, print_of):
    run = run_of("jlad")
    named = ["--checkpoint", run, "--data.path", labelled, "--data.name", "labelled", *ROWS]
    found = print_of(*named)
    assert found["normalizer"] == "inter-ocular distance"
    assert (found["fitted_on"], found["tested_on"]) == (9, 5)
    assert found["nme_percent"] != found["untrained_nme_percent"]
    header = "source,target,source_points,target_points"
    table = pair_files.write_table(tmp_path, *POINTS, header=header)
    found = print_of("--checkpoint", run, "--data.name", "pairs_csv", "--data.path", table)
    assert set(found) >= {"pck", "identity_pck", "untrained_pck", "protocol"}


def test_photos_without_labels_are_checked(labelled_run, labelled, tmp_path, capsys):
    where = ("--data.name", "folder", "--data.path", labelled / "images", "--data.crop", "squash")
    model = tmp_path / "model"
    assert call(export.main, labelled_run, "--out", model, "--dtype", "float32") == 0
    capsys.readouterr()
    found = []
    for path in (labelled_run, model):
        assert call(evaluate.main, "--checkpoint", path, *where) == 0
        out, err = capsys.readouterr()
        assert "Self-check, without labels" in err
        found.append(json.loads(out))
    assert found[0]["pictures"] == 14 and found[0]["made_on"] == "photos"
    assert found[0]["sentence"] in err.replace("\n", " ")
    assert found[1]["warp_error_percent"] == pytest.approx(found[0]["warp_error_percent"], rel=1e-3)


def test_a_run_is_checked_on_what_it_has_kept_back(tmp_path, print_of):
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(41):
        tiny.smooth_picture(tiny.SIZE, tiny.SIZE, index).save(photos / f"{index}.png")
    own = tiny.config(data={"name": "folder", "path": photos})
    run = write_run(tmp_path / "run", own)
    found = print_of("--checkpoint", run)
    assert found["pictures"] == 8 and "kept back from the training" in found["made_on"]
    found = print_of("--checkpoint", run, "--data.path", photos / ".." / "photos")
    assert found["pictures"] == 8


@pytest.mark.parametrize(
    "experiment, measured", [("semantic_alignment", "pck"), ("jlad", "nme_percent pck")]
)
def test_an_export_reaches_what_its_run_reaches(
    experiment, measured, exported, labelled, willow, capsys, print_of
):
    model = exported(experiment)
    capsys.readouterr()
    where = {
        "nme_percent": ["--data.name", "labelled", "--data.path", labelled, *ROWS],
        "pck": ["--data.name", "pf_willow", "--data.path", willow],
    }
    for key in measured.split():
        paths = model.parent, model
        of_run, found = (print_of("--checkpoint", path, *where[key]) for path in paths)
        assert found[key] == pytest.approx(of_run[key], rel=1e-3)
        before = of_run.keys() - found.keys()
        assert before and before <= {"untrained_nme_percent", "untrained_pck", "start_pck"}


def data_config(own, **given):
    """The data that options mean for a run of this configuration."""
    recipe = tiny.recipe_of(own)
    trained = Trained(recipe, "laptop", own, recipe.build(own), {}, 7, "")
    return evaluate.data_config(given, evaluate.of_run(Path("run"), trained))


def test_named_data_start_from_defaults_and_own_data_from_the_run(tmp_path):
    own = tiny.config(data={"name": "labelled", "path": tmp_path, "crop": "pad", "fit_rows": "1-2"})
    found = data_config(own, test_rows="3-4")
    assert found == dataclasses.replace(own.data, test_rows="3-4")
    found = data_config(own, name="labelled", crop="squash")
    assert found == DataConfig(name="labelled", crop="squash", image_size=tiny.SIZE)
    with pytest.raises(UsageError, match="folder has no test_rows: give --data.name labelled"):
        data_config(tiny.config(data={"name": "folder", "path": tmp_path}), test_rows="3-4")


def test_named_pairs_start_from_defaults_and_own_ones_from_the_run(tmp_path):
    named = {"name": "pairs_csv", "path": tmp_path, "test_path": tmp_path / "t"}
    own = tiny.config("semantic_alignment", data=named)
    assert data_config(own) == own.data
    moved = dataclasses.replace(own.data, path=tmp_path / "m", test_path=None)
    assert data_config(own, path=tmp_path / "m") == moved
    willow = {"name": "pf_willow", "path": tmp_path}
    assert data_config(own, **willow) == AlignmentDataConfig(image_size=tiny.SIZE, **willow)
    paper = tiny.config("semantic_alignment", data=named | {"resize": "align_corners"})
    assert data_config(paper, **willow).resize == "align_corners"
    with pytest.raises(UsageError, match="crop, fit_rows: pairs have no landmarks"):
        data_config(own, crop="pad", fit_rows="1-2")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["RUN/nowhere"], "nowhere is no folder; give a run folder"),
        (["RUN/checkpoints/3"], "3 is no folder; give a run folder"),
        (["RUN", "--data.name", "pf_willow"], "pf_willow is for models that match pictures"),
        (["RUN", "--data.name", "labelled"], "needs --data.path FOLDER"),
        (["RUN", "--fit-rows", "0-3"], "--data.fit-rows must be two 1-based row"),
        (["RUN", "--test-rows", "12-15"], "rows 12-15 are not within 1-14"),
        (["RUN", "--data.iod-points", "0", "4"], "two different points of 0 to 3"),
        (["RUN", "--data.iod-points", "1", "1"], "two different points of 0 to 3"),
        (["RUN", "--data.landmarks-file", "no.csv"], "no.csv: no such file"),
        (["RUN", "--data.pairs-path", "x"], "pairs-path is for pf_pascal"),
        (["RENDERED", *ROWS], "rendered_faces has no fit_rows, test_rows: give"),
        (["RUN", "--data.name", "folder"], "data.name folder needs --data.path FOLDER"),
        (["RUN", "--data.name", "folder", *ROWS], "folder has no fit_rows, test_rows: give"),
        (["ALIGNER", "--data.name", "folder"], "folder is for models that find landmarks"),
        (["RENDERED", "--data.path", "x"], "rendered_faces has no path: give"),
        (["RUN", "--data.name", "imagenet"], "imagenet"),
        (["RUN", "--rows", "1-2"], "--rows"),
        (["ALIGNER", "--data.name", "labelled"], "labelled is for models that find landmarks"),
        (["ALIGNER", "--data.name", "pf_willow"], "pf_willow needs --data.path"),
        (["ALIGNER", "--data.name", "pf_willow", "--data.path", "void"], "void: no such folder"),
        (["ALIGNER", "--data.name", "pf_willow", "--data.path", "RUN"], "no sub-class in it"),
        (["ALIGNER", "--fit-rows", "1-3"], "fit_rows: pairs have no landmarks"),
        (["SHIPPED/aligner"], "no data of its own: give --data.name labelled"),
        (["SHIPPED/aligner", "--data.name", "labelled"], "SHIPPED/aligner does not"),
        (["SHIPPED/face_detector", "--data.name", "pf_willow"], "is for models that match"),
        (["BARE.safetensors", "--data.name", "pf_willow"], "no such file; a model is a folder"),
        (["ALIGNER", "--data.name", "pairs_csv", "--data.path", "BARE"], "have no key points"),
    ],
)
def test_wrong_use_is_one_error(
    labelled_run, rendered_run, aligner, tmp_path, arguments, named, capsys
):
    bare = pair_files.write_table(tmp_path, "a.png,b.png", header="source,target")
    places = {"RUN": labelled_run, "RENDERED": rendered_run, "ALIGNER": aligner, "BARE": bare}
    places["SHIPPED"] = SHIPPED
    for name, place in places.items():
        arguments = [argument.replace(name, str(place)) for argument in arguments]
        named = named.replace(name, str(place))
    assert call(evaluate.main, "--checkpoint", *arguments) == 2
    captured = capsys.readouterr()
    assert named in captured.err and "Traceback" not in captured.err
    assert captured.out == ""


def test_the_run_must_be_named(capsys):
    assert call(evaluate.main) == 2
    assert "--checkpoint" in capsys.readouterr().err


def test_an_exported_model_is_no_run(tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"format": 1, "model": {}}')
    assert call(evaluate.main, "--checkpoint", tmp_path) == 2
    assert "not a run; give a run folder" in capsys.readouterr().err
