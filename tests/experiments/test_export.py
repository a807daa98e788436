"""`python -m experiments.export`."""

import re

import numpy as np
import pytest
from safetensors.numpy import load_file

from c3jax import inference
from experiments import export
from experiments.c3_faces.run import make_detector
from experiments.engine.errors import UsageError
from tests.experiments.tiny_runs import NUM_LANDMARKS, SIZE, call, config, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "tiny", config(crop="pad"))


def test_an_export_finds_the_landmarks_of_its_run(run, tmp_path, capsys):
    assert call(export.main, run, "--out", tmp_path / "model", "--dtype", "float32") == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == str(tmp_path / "model" / "MODEL_CARD.md")
    assert f"{NUM_LANDMARKS} landmarks at {SIZE} px, step 7, float32, " in said
    assert float(re.search(r"differ by at most (\S+) px", said)[1]) < 0.001
    _, trained = export.read_run(run)
    images = export.random_pictures(5, SIZE)
    expected = make_detector(trained.networks, batch_size=8)(trained.variables, images)
    exported = inference.load(tmp_path / "model")
    np.testing.assert_allclose(exported.landmarks(images), expected, atol=1e-4)
    assert exported.crop == "pad"
    assert exported.trained_on["data"] == "rendered_faces" and exported.trained_on["steps"] == 7


def test_a_run_and_its_export_are_read_alike(run, capsys):
    assert call(export.main, run / "checkpoints" / "7") == 0
    models = [export.load_model(path) for path in (run, run / "export")]
    assert [model.crop for model in models] == ["pad", "pad"]
    images = export.random_pictures(3, SIZE + 9)
    first, second = (model.landmarks(images) for model in models)
    np.testing.assert_allclose(first, second, atol=5e-3)  # float16
    stored = load_file(run / "export" / "model.safetensors")
    assert {name.split("/")[0] for name in stored} == {"params", "batch_stats"}
    assert {str(array.dtype) for array in stored.values()} == {"float16"}


def test_celeb_a_runs_look_at_the_frame_of_the_protocol(run):
    found, trained = export.read_run(run)
    object.__setattr__(trained, "config", config(name="celeb_a"))
    assert export.model_config(found, trained)["crop"] == "squash_inner"


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
def test_wrong_use_ends_with_status_2(run, arguments, named, capsys):
    assert call(export.main, *(argument.replace("RUN", str(run)) for argument in arguments)) == 2
    said = capsys.readouterr().err
    assert named in said and "Traceback" not in said


def test_other_folders_are_no_runs(run, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="not a run; give a run folder"):
        export.load_model(tmp_path)
    (tmp_path / "config.json").write_text('{"experiment": "semantic_alignment", "config": {}}')
    with pytest.raises(UsageError, match="is a run of semantic_alignment, not of c3_faces"):
        export.load_model(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        export.load_model(tmp_path / "model.safetensors")
