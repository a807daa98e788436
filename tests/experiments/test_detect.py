"""`python -m experiments.detect` and its like read runs, too."""

import json

import numpy as np
import pytest

from experiments import align, detect, fit_keypoints
from experiments.registry import load_aligner, load_detector
from tests.experiments.tiny import CELLS, SIZE, call, smooth_picture


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two pictures, and labels of them and a third."""
    monkeypatch.chdir(tmp_path)
    lines = ["image,left_x,left_y"]
    for number, size in enumerate([(60, 20), (18, 90), (SIZE, SIZE)]):
        smooth_picture(*size, number).save(f"{number}.png")
        lines.append(f"{number}.png,{5 + number},{7 + number}")
    (tmp_path / "landmarks.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_run_detects(run_of, photos):
    run = run_of("c3_faces")
    assert call(detect.main, "2.png", "--checkpoint", run, "--no-overlays") == 0
    found = json.loads((photos / "landmarks/landmarks.jsonl").read_text())["landmarks_px"]
    points = load_detector(run).landmarks([np.asarray(smooth_picture(SIZE, SIZE, 2))])[0]
    np.testing.assert_allclose(found, (points + 1) / 2 * (SIZE - 1), atol=0.01)


def test_a_run_aligns(run_of, photos):
    run = run_of("jlad")
    assert call(align.main, "0.png", "1.png", "--checkpoint", run, "--no-overlays") == 0
    rows = (photos / "matches/matches.csv").read_text().splitlines()[1:]
    pictures = (np.asarray(smooth_picture(*size, k)) for k, size in enumerate([(60, 20), (18, 90)]))
    expected = load_aligner(run).align(*pictures).cells_px()[1]
    found = np.array([row.split(",")[3:5] for row in rows], float)
    assert len(rows) == CELLS**2
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_key_points_are_fitted_to_a_run(run_of, photos, capsys):
    run = run_of("c3_faces")
    assert call(fit_keypoints.main, run, photos, "--out", "points") == 0
    given = f"--checkpoint {run} --keypoints points"
    assert f"1 key points: python -m experiments.detect PHOTOS {given}" in capsys.readouterr().out
    assert call(detect.main, "0.png", *given.split(), "--no-overlays") == 0


@pytest.mark.parametrize(
    ("command", "path", "named"),
    [
        (detect, "void", "config.json is missing: is void a run folder"),
        (detect, "nowhere", "nowhere is no folder; give a run folder"),
        (detect, "semantic_alignment", "is a run of semantic_alignment, which finds no landmarks"),
        (align, "c3_faces", "is a run of c3_faces, which matches no pictures"),
    ],
)
def test_what_is_no_such_run_is_refused(run_of, photos, command, path, named, capsys):
    (photos / "void").mkdir()
    run = run_of(path) if "_" in path else path
    pictures = ["0.png", "1.png"][: 1 + (command is align)]
    assert call(command.main, *pictures, "--checkpoint", run) == 2
    assert named in capsys.readouterr().err
