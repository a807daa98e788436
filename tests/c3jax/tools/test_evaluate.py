"""`c3jax evaluate`: `landmarks` and `alignment` of exported models."""

import json
import math

import pytest

from c3jax.tools import evaluate
from tests.data_pipelines import pair_files
from tests.experiments.tiny import call

ROWS = ["--data.fit-rows", "1-9", "--data.test-rows", "10-14"]
POINTS = ("a.png,b.png,1;2;3;4,5;6;7;8", "b.png,a.png,5;6;7;8,1;2;3;4")


@pytest.fixture
def printed(capsys):
    """What the command prints, as JSON."""

    def printed(*arguments):
        status = call(evaluate.main, *arguments)
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return json.loads(captured.out)

    return printed


def test_a_labelled_folder_is_evaluated(exported, labelled, capsys, printed):
    where = ["--data.name", "labelled", "--data.path", labelled, *ROWS]
    model = exported("c3_faces")
    capsys.readouterr()
    found = printed("--checkpoint", model, *where)
    assert (found["fitted_on"], found["tested_on"]) == (9, 5)
    assert math.isfinite(found["nme_percent"]) and "untrained_nme_percent" not in found
    other = printed("--checkpoint", model, *where, "--data.iod-points", "2", "3")
    assert other["nme_percent"] != found["nme_percent"]


def test_pairs_are_evaluated(exported, tmp_path, capsys, printed):
    model = exported("semantic_alignment")
    pair_files.write_willow(tmp_path / "willow", classes=("car(G)",), num=3)
    header = "source,target,source_points,target_points"
    (tmp_path / "own").mkdir()
    table = pair_files.write_table(tmp_path / "own", *POINTS, header=header)
    capsys.readouterr()
    for name, path, pairs in (("pf_willow", tmp_path / "willow", 6), ("pairs_csv", table, 2)):
        found = printed("--checkpoint", model, "--data.name", name, "--data.path", path)
        assert found["pairs"] == pairs and list(found["pck"]) == ["0.05", "0.10", "0.15"]
        assert "start_pck" not in found and "identity_pck" in found


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "name the data: give --data.name labelled"),
        (["--data.name", "labelled"], "name the data: give --data.name labelled"),
        (["--data.name", "labelled", "--data.path", "x"], "fit-rows must be two 1-based row"),
        (["--data.name", "pf_willow", "--data.path", "x"], "for models that match pictures, and"),
        (["--data.name", "pf_willow", "--data.path", "x", *ROWS], "has no fit_rows, test_rows"),
        (["--data.name", "celeb_a", "--data.path", "x"], "celeb_a"),
    ],
)
def test_wrong_use_is_one_error(exported, arguments, named, capsys):
    assert call(evaluate.main, "--checkpoint", exported("c3_faces"), *arguments) == 2
    captured = capsys.readouterr()
    assert named in captured.err and "Traceback" not in captured.err


def test_pairs_without_points_and_models_of_the_other_kind_are_refused(exported, tmp_path, capsys):
    bare = pair_files.write_table(tmp_path, "a.png,b.png", header="source,target")
    for name, why in (("pairs_csv", "have no key points"), ("labelled", "that find landmarks")):
        arguments = ["--data.name", name, "--data.path", bare]
        assert call(evaluate.main, "--checkpoint", exported("semantic_alignment"), *arguments) == 2
        assert why in capsys.readouterr().err


def test_without_a_model_it_is_the_shipped_one_of_the_kind_of_the_data(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(evaluate, "load_both", lambda path: seen.append(path.name) or (None, None))
    for name in ("labelled", "pf_willow", "pairs_csv"):
        assert call(evaluate.main, "--data.name", name, "--data.path", tmp_path) == 2
    assert seen == ["face_detector", "aligner", "aligner"]
