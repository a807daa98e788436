"""How many landmarks: which number is advised, what is refused, and the whole command."""

import json
import shlex

import pytest

from experiments import choose_landmarks
from experiments.choose_landmarks import choose
from tests.experiments.conftest import write_pictures
from tests.experiments.tiny import call


def check(count, alive, same_spot):
    return {"num_landmarks": count, "alive": alive, "same_spot": same_spot}


def test_the_largest_number_that_is_alive_and_near_the_best_is_advised():
    checks = [check(5, 1.0, 0.80), check(10, 0.9, 0.76), check(15, 1.0, 0.74), check(20, 0.8, 0.79)]
    number, reason = choose(checks)
    assert number == 10 and reason.startswith("10 landmarks: the largest number with 90 % of its")


def test_where_none_will_do_the_nearest_is_named_and_more_steps_are_advised():
    checks = [check(5, 0.6, 0.5), check(10, 0.8, 0.4), check(15, 0.9, None)]
    number, reason = choose(checks)
    assert number == 10 and reason.startswith("No number has") and "--steps" in reason


@pytest.mark.parametrize(
    "options, message",
    [
        (["--counts", 10, 10], "--counts must name two different numbers, got [10, 10]"),
        (["--counts", 1, 10], "--counts must be at least 2, got 1"),
        (["--steps", 0], "--steps must be at least 1, got 0"),
        (["--seed", -1], "--seed must be from 0 to 2147483647, got -1"),
        (["--data.path", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_tried_is_refused_before_anything_is_written(
    options, message, pictures, tmp_path, capsys
):
    out = tmp_path / "out"
    named = ["--data.path", pictures, "--out", out, *options]
    assert call(choose_landmarks.main, *named) == 2
    assert message in capsys.readouterr().err and not out.exists()
    (tmp_path / "mine.txt").write_text("mine")
    assert call(choose_landmarks.main, "--data.path", pictures, "--out", tmp_path) == 2
    assert "holds other files" in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_command_writes_a_curve_and_the_command_to_go_on_with(tmp_path, capsys):
    photos, out = write_pictures(tmp_path / "my photos", 12), tmp_path / "out"
    options = ["--data.path", photos, "--counts", 3, 2, "--steps", 2, "--out", out]
    assert call(choose_landmarks.main, *options) == 0, capsys.readouterr().err
    found = json.loads((out / "choose_landmarks.json").read_text())
    assert [each["num_landmarks"] for each in found["counts"]] == [2, 3]
    assert {"alive", "same_spot", "follow", "verdict"} <= found["counts"][0].keys()
    words = shlex.split(found["command"])
    assert words[-2:] == ["--landmarks", str(found["landmarks"])] and str(photos) in words
    assert found["command"] in capsys.readouterr().out
    page = (out / "choose_landmarks.html").read_text()
    assert found["reason"] in page and page.count("data:image/png") == 2
    assert not (out / "trainings").exists()
