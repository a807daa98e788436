"""What to type next: every command exists, names the photos, and is as long as it has to be."""

import importlib.util
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from data_pipelines.load import DataConfig
from experiments.show.next_steps import next_commands

RUN = Path("runs/c3_faces/mine")


def commands(data, *, verdict="good", landmarks=True, match=None):
    """What is said of a run, split into words, by the name of the command."""
    trained = SimpleNamespace(
        recipe=SimpleNamespace(name="c3_faces"),
        model=SimpleNamespace(landmarks=landmarks or None, match=match),
        config=SimpleNamespace(data=data),
    )
    found = [shlex.split(line) for _, line in next_commands(trained, RUN, {"verdict": verdict})]
    assert all(words[:2] == ["python", "-m"] for words in found)
    assert all(importlib.util.find_spec(words[2]) for words in found)
    return {words[2].partition(".")[2]: words[3:] for words in found}


def test_a_good_run_of_photos_is_used_checked_and_exported():
    found = commands(DataConfig(name="folder", path=Path("my photos"), boxes=Path("b.csv")))
    assert list(found) == ["detect", "demo", "fit_keypoints", "evaluate", "export"]
    run = ["--checkpoint", str(RUN)]
    assert found["detect"] == ["my photos", "--boxes", "b.csv", *run]
    assert found["export"] == [str(RUN)]


@pytest.mark.parametrize("verdict", ["poor", "fair"])
def test_what_is_not_good_yet_is_tried_with_other_numbers_and_with_boxes(verdict):
    data = DataConfig(name="folder", path=Path("cars"), crop="inner")
    found = commands(data, verdict=verdict)
    own = ["--data.path", "cars", "--data.crop", "inner"]
    assert found["choose_landmarks"] == own
    boxes = ["--data.boxes", "boxes.csv"]
    assert found["c3_faces"] == ["--data.name", "folder", *own, *boxes]
    boxed = DataConfig(name="folder", path=Path("cars"), boxes=Path("b.csv"))
    assert "c3_faces" not in commands(boxed, verdict=verdict)


def test_what_a_model_does_not_do_is_not_proposed():
    data = DataConfig(name="rendered_faces")
    assert list(commands(data, landmarks=False, match=True)) == ["align", "export"]
    assert commands(data, verdict="poor")["detect"][0] == "PHOTOS"
