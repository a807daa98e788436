"""`python -m experiments.evaluate` on tables of points: what is in them, and what is not."""

import math

from experiments import evaluate
from tests.experiments.tiny import call

ROWS = ["--fit-rows", "1-10", "--test-rows", "11-14"]


def relabelled(labelled, folder, row, number, cells):
    """A labelled folder with other cells in one row, counted from 1."""
    folder.mkdir()
    (folder / "images").symlink_to(labelled / "images")
    lines = (labelled / "landmarks.csv").read_text().splitlines()
    name, *before = lines[row].split(",")
    before[number : number + len(cells)] = cells
    lines[row] = ",".join([name, *before])
    (folder / "landmarks.csv").write_text("\n".join(lines) + "\n")
    return ["--data.name", "labelled", "--data.path", folder]


def test_eyes_that_coincide_are_named(labelled_run, labelled, tmp_path, capsys):
    *_, folder = relabelled(labelled, tmp_path / "eyes", 12, 0, ["9", "9", "9", "9"])
    assert call(evaluate.main, "--checkpoint", labelled_run, "--data.path", folder) == 2
    assert "points 0 and 1 coincide in test picture 3" in capsys.readouterr().err


def test_points_outside_their_picture_are_never_measured(labelled_run, labelled, tmp_path, capsys):
    for where, row in ("fit", 3), ("test", 12):
        named = relabelled(labelled, tmp_path / where, row, 4, ["5000"])
        assert call(evaluate.main, "--checkpoint", labelled_run, *named, *ROWS) == 2
        said = capsys.readouterr().err
        assert f"{row - 1:02d}.png: its point 3, (5000, " in said and "Traceback" not in said
        assert "correct or delete their rows in landmarks.csv" in said


def test_points_that_are_not_labelled_are_left_out(
    labelled_run, labelled, tmp_path, print_of, capsys
):
    named = relabelled(labelled, tmp_path / "blank", 12, 4, ["", ""])
    found = print_of("--checkpoint", labelled_run, *named, *ROWS)
    assert "key points seen" in found["protocol"] and math.isfinite(found["nme_percent"])
    named = relabelled(labelled, tmp_path / "eyes", 12, 0, ["", ""])
    assert call(evaluate.main, "--checkpoint", labelled_run, *named, *ROWS) == 2
    assert "points 0 and 1 are not both labelled in test picture 2" in capsys.readouterr().err


def test_rows_that_are_fitted_on_and_tested_are_told(labelled_run, labelled, caplog):
    named = ["--data.name", "labelled", "--data.path", labelled]
    rows = ["--fit-rows", "1-11", "--test-rows", "10-14"]
    assert call(evaluate.main, "--checkpoint", labelled_run, *named, *rows) == 0
    assert "landmarks.csv: rows 10-11 are both fitted on and tested" in caplog.text
