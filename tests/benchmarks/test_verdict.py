"""`python -m benchmarks.verdict` on checkpoints of a tiny run."""

import json

import pytest

from benchmarks import verdict
from tests.experiments import tiny


def test_a_better_score_has_the_smaller_error():
    rows = [
        {"step": step, "score": score, "error": error}
        for step, score, error in [(1, 0.1, 30.0), (1, 0.4, 20.0), (2, 0.9, 12.0), (2, 0.8, 11.0)]
    ]
    assert verdict.ordered(rows) == {"pairs": 2, "right": 1, "percent": 50.0}
    # Ranks 1 2 4 3 of the scores, 4 3 2 1 of the errors: 1 - 6 (9 + 1 + 4 + 4) / (4 15).
    assert verdict.rank_correlation(rows) == pytest.approx(1 - 6 * 18 / 60)


def test_every_checkpoint_gets_a_row(monkeypatch, tmp_path, capsys):
    checks = iter([(0.5, 0.5), (0.9, 0.8), (0.9, None)])

    def check_photos(detect, images):
        follow, same_spot = next(checks)
        assert detect(images).shape == (9, tiny.LANDMARKS, 2)
        return {"follow": follow, "same_spot": same_spot, "reason": "unknown", "verdict": "fair"}

    monkeypatch.setattr(verdict, "check_photos", check_photos)
    data = tiny.write_labelled(tmp_path / "labelled")
    own = {"name": "labelled", "path": data, "fit_rows": "1-9", "test_rows": "10-14"}
    run = tiny.write_two_steps(tmp_path / "runs" / "tiny", tiny.config(data=own))
    steps = [run / "checkpoints" / str(step) for step in (0, 7)]
    out = tmp_path / "verdict.json"
    assert tiny.call(verdict.main, *steps, "--out", out) == 0
    rows = json.loads(out.read_text())["rows"]
    assert [(row["run"], row["step"], row["score"]) for row in rows] == [
        ("tiny", 0, 0.25),
        ("tiny", 7, pytest.approx(0.72)),
    ]
    assert "tiny 7: score 0.720 (fair), error " in capsys.readouterr().out
    assert tiny.call(verdict.main, *steps) == 2
    assert "no score without same_spot, unknown" in capsys.readouterr().err


def test_one_checkpoint_is_refused(tmp_path, capsys):
    assert tiny.call(verdict.main, tmp_path) == 2
    assert "two checkpoints or more" in capsys.readouterr().err
