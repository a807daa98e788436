"""`python -m experiments.export` of every kind of run: the model finds what the run finds."""

import json
import re

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from c3jax import inference
from c3jax.confidence import Familiar, Isotonic
from c3jax.inference.calibration import write_calibration
from experiments import detect, export
from experiments.registry import load_aligner, load_detector, load_trained
from tests.experiments import tiny
from tests.experiments.tiny import EXPERIMENTS, LANDMARKS, SIZE, call, smooth_picture, write_run

FOUND = {
    "c3_faces": f"{LANDMARKS} landmarks",
    "semantic_alignment": "matches",
    "jlad": f"{LANDMARKS} landmarks and matches",
}


@pytest.fixture(scope="module", params=EXPERIMENTS)
def run(request, tmp_path_factory):
    data = {"crop": "pad"} if request.param == "c3_faces" else {}
    return write_run(
        tmp_path_factory.mktemp("runs") / "tiny", tiny.config(request.param, data=data)
    )


def assert_alike(run, model, *, atol):
    """Whether a run and its export find the same in pictures of another size."""
    pictures = export.random_pictures(2, SIZE + 9)
    trained = load_trained(run).model
    if trained.landmarks:
        found = [load_detector(path) for path in (run, model)]
        assert found[0].crop == found[1].crop
        np.testing.assert_allclose(*(each.landmarks(pictures) for each in found), atol=atol)
    if trained.match:
        found = [load_aligner(path) for path in (run, model)]
        assert found[0].reading == found[1].reading
        matches = [each.align(*pictures) for each in found]
        np.testing.assert_allclose(*(each.to_target for each in matches), atol=atol)
        np.testing.assert_allclose(*(each.source_confidence for each in matches), atol=atol)


def test_an_export_finds_what_its_run_finds(run, tmp_path, capsys):
    assert call(export.main, run, "--out", tmp_path / "model", "--dtype", "float32") == 0
    said, experiment = capsys.readouterr().out, load_trained(run).recipe.name
    assert said.splitlines()[-1] == str(tmp_path / "model" / "README.md")
    assert f"{FOUND[experiment]} at {SIZE} px, step 7, float32, " in said
    moved = re.findall(r"differ by (?:at most )?(\S+) px", said)
    assert len(moved) == 1 + (" and " in FOUND[experiment]) and max(map(float, moved)) < 0.001
    assert_alike(run, tmp_path / "model", atol=1e-4)
    described = json.loads((tmp_path / "model/config.json").read_text())
    origin = described["trained_on"]
    assert (origin["experiment"], origin["steps"]) == (experiment, 7)
    assert origin["data"] == load_trained(run).config.data.name


def test_programs_are_written_beside_the_model(run_of, tmp_path, capsys):
    arguments = ["--format", "stablehlo", "--out", tmp_path]
    assert call(export.main, run_of("jlad"), *arguments) == 0
    assert "matches.stablehlo: jax.export.deserialize, " in capsys.readouterr().out
    for name, keys in (("landmarks", {"landmarks", "spread_percent"}), ("matches", {"to_target"})):
        content = bytearray((tmp_path / f"{name}.stablehlo").read_bytes())
        program = jax.export.deserialize(content)
        assert program.in_avals[0].shape == (1, SIZE, SIZE, 3)
        assert keys <= jax.tree.unflatten(program.out_tree, program.out_avals).keys()


def test_what_was_fitted_after_training_is_exported(tmp_path):
    run = write_run(tmp_path / "run", "jlad")
    known = Isotonic(np.array([1.0, 2.0]), np.array([0.75, 0.25]))
    field = write_calibration(run, inference.Calibration(landmarks=known, matches=known))
    (run / "calibration.json").write_text(json.dumps({"step": 7, **field}))
    assert call(export.main, run) == 0
    for model in (load_detector(run / "export"), load_aligner(run / "export")):
        assert model.calibration.matches.outputs.tolist() == [0.75, 0.25]
        assert model.calibration.landmarks.inputs.tolist() == [1.0, 2.0]


def test_a_step_is_exported_beneath_its_run_in_half_precision(run, capsys):
    assert call(export.main, run / "checkpoints" / "7") == 0
    moved = re.findall(r"differ by (?:at most )?(\S+) px", capsys.readouterr().out)
    assert max(map(float, moved)) < 0.2
    stored = load_file(run / "export" / "model.safetensors")
    assert {name.split("/")[0] for name in stored} == {"params", "batch_stats"}
    assert {str(array.dtype) for array in stored.values()} == {"float16"}


def test_celeb_a_runs_look_at_the_frame_of_the_protocol(tmp_path):
    run = write_run(tmp_path / "run", tiny.config(data={"name": "celeb_a"}))
    assert load_detector(run).crop == "squash_inner"


def test_landmark_networks_of_an_aligner_are_left_out(tmp_path):
    stage = tiny.config("semantic_alignment").flow
    model = {"landmark_channels": 4}
    config = tiny.config("semantic_alignment", model=model, landmarks=3, finetune=stage)
    run = write_run(tmp_path / "run", config)
    assert load_trained(run).variables["params"].keys() == {"trunk", "flow", "landmarks"}
    assert call(export.main, run, "--out", tmp_path / "model", "--dtype", "float32") == 0
    assert inference.load_aligner(tmp_path / "model").variables["params"].keys() == {
        "trunk",
        "flow",
    }
    described = json.loads((tmp_path / "model/config.json").read_text())["model"]
    assert "landmarks" not in described


def test_separate_networks_are_used_but_not_exported(tmp_path, capsys):
    run = write_run(tmp_path / "run", tiny.config("jlad", separate=True), stage="detection-1")
    assert call(export.main, run) == 2
    assert "(--separate), and an exported model has one" in capsys.readouterr().err
    variables = load_trained(run).variables["params"]
    detector, aligner = load_detector(run).variables, load_aligner(run).variables
    assert detector["params"]["trunk"] is not aligner["params"]["trunk"]
    for found, group in ((detector, "detection_trunk"), (aligner, "trunk")):
        np.testing.assert_array_equal(
            found["params"]["trunk"]["conv1"]["kernel"], variables[group]["conv1"]["kernel"]
        )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["RUN/nowhere"], "nowhere is no folder; give a run folder"),
        (["RUN/checkpoints/8"], "8 is no folder; give a run folder"),
        (["RUN", "--out", "RUN"], "holds another config.json (a run?): give another --out"),
        (["RUN", "--dtype", "int8"], "int8"),
        (["RUN", "--compress"], "--compress"),
        ([], "RUN"),
    ],
)
def test_wrong_use_ends_with_status_2(run_of, arguments, named, capsys):
    run = run_of("semantic_alignment")
    assert call(export.main, *(argument.replace("RUN", str(run)) for argument in arguments)) == 2
    said = capsys.readouterr().err
    assert named in said and "Traceback" not in said


def test_detection_says_how_sure_each_landmark_is_and_whether_there_is_an_object(
    exported, tmp_path
):
    model = exported("c3_faces")
    known = Isotonic(np.array([1.0, 99.0]), np.array([0.9, 0.1]))
    width = 16 + 32 + 64  # layer1 to layer3 of the small trunk
    familiar = Familiar(np.zeros(width), np.eye(width), np.array([0.5, 1e6]))
    described = json.loads((model / "config.json").read_text())
    config = {k: v for k, v in described.items() if k not in ("format", "sha256")}
    calibration = inference.Calibration(landmarks=known, object=familiar)
    variables = inference.load(model).variables
    inference.save(tmp_path / "model", variables, config, calibration=calibration)
    smooth_picture(40, 60, 0).save(tmp_path / "a.png")
    arguments = ("--checkpoint", tmp_path / "model", "--out", tmp_path / "out")
    assert call(detect.main, tmp_path / "a.png", *arguments) == 0
    row = json.loads((tmp_path / "out/landmarks.jsonl").read_text())
    spread = np.array(row["spread_percent"])
    np.testing.assert_allclose(row["confidence"], known(spread), atol=1e-3)
    assert row["object_score"] == 0.5 and row["object"] is True
    assert (
        "confidence: the probability that a landmark" in (tmp_path / "out/README.txt").read_text()
    )
