"""An experiment is a value: what a new recipe gets from the commands, and who sees a configuration.

The toy experiment is a recipe that no file of the project knows.
"""

import dataclasses
import functools
import json
import shutil
import signal
import sys
import threading
from pathlib import Path

import pytest

from c3jax.training.checkpoints import Checkpoints
from experiments import align, compare, detect, evaluate, export, registry, report
from experiments import runs as listing
from experiments.c3_faces.recipe import RECIPE as C3_FACES
from experiments.engine import loop, runs
from experiments.recipe import train
from tests.experiments import tiny
from tests.experiments.conftest import REPOSITORY, TINY
from tests.experiments.tiny import call, smooth_picture, write_labelled

ROOMS = ("c3jax", "experiments", "data_pipelines")
MOST_FILES = 12  # that see the configuration
STEPS = "--pretrain.steps 1 --joint.steps 1".split()


def toy_presets(data):
    """The baseline, made small."""
    model = {"family": "imm", "encoder_widths": (4, 4), "decoder_channels": 4}
    config = tiny.config(model=model | {"min_decoder_channels": 4}, flow=False, landmarks=2)
    still = dataclasses.replace(config.warmup, steps=0)
    few = dataclasses.replace(config.pretrain, steps=4, batch_size=4)
    config = dataclasses.replace(config, warmup=still, pretrain=few, joint=still)
    config = dataclasses.replace(config, log_every=1, checkpoint_every=1)
    return {"small": config}


def toy_results(trained, data):
    """The results of faces, and one of its own."""
    return C3_FACES.evaluate(trained, data) | {"toy": {"stage": trained.stage}}


TOY = dataclasses.replace(C3_FACES, name="toy", presets=toy_presets, evaluate=toy_results)


@pytest.fixture(scope="module")
def place(tmp_path_factory, compiled, without_spots):
    """A folder with labelled pictures, where the toy experiment is registered."""
    folder = tmp_path_factory.mktemp("toy")
    write_labelled(folder / "labelled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_registered", {})
        registry.register(TOY)
        yield folder


@pytest.fixture(scope="module")
def started(place):
    """`started(name, *options)` trains the toy; the status and the run folder."""

    def started(name, *options):
        where = f"--runs {place} --name {name} --data.name labelled --data.path "
        where += f"{place / 'labelled'} --data.fit-rows 1-9 --data.test-rows 10-14"
        return call(functools.partial(train, TOY), *where.split(), *options), place / "toy" / name

    return started


@pytest.fixture(scope="module")
def whole(started):
    status, folder = started("whole")
    assert status == 0
    return folder


def test_a_new_recipe_is_trained_measured_and_reported(whole):
    results = json.loads((whole / "results.json").read_text())
    assert list(results)[:6] == ["experiment", "preset", "data", "seed", "steps", "seconds"]
    found = [results[name] for name in ("experiment", "preset", "data", "seed", "steps")]
    assert found == ["toy", "small", "labelled", 0, 4]
    assert results["toy"] == {"stage": "pretrain"} and results["landmarks"]["nme_percent"] > 0
    rows = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    assert [(row["step"], row["stage"]) for row in rows] == [(n + 1, "pretrain") for n in range(4)]
    command = json.loads((whole / "config.json").read_text())["command"]
    assert command.startswith("python -m experiments.toy --runs ") and "--name whole" in command
    assert not (whole / "error.txt").exists()
    page = (whole / "report.html").read_text(encoding="utf-8")
    assert "Alone, pose alone" not in page and "Landmarks across images" not in page  # no flow
    assert {path.suffix for path in (whole / "pictures").iterdir()} == {".png"}


def test_a_new_recipe_that_is_cut_off_goes_on_to_the_same_bits(whole, started, monkeypatch, capsys):
    save = Checkpoints.save

    def interrupted(self, step, *arguments):
        save(self, step, *arguments)
        if step == 2:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Checkpoints, "save", interrupted)
    status, folder = started("broken")
    assert status == 128 + signal.SIGTERM and not (folder / "results.json").exists()
    monkeypatch.undo()
    assert call(report.main, folder) == 0
    stopped = json.loads((folder / "results.json").read_text())
    assert stopped["stopped"] and stopped["steps"] == 3 and stopped["landmarks"]
    assert "3 steps in 0 min" in (page := (folder / "report.html").read_text(encoding="utf-8"))
    assert "stopped before its end" in page
    assert call(listing.main, folder) == 0
    assert "stopped" in capsys.readouterr().out
    assert started("broken")[0] == 0
    assert "resumed at step 3 of 4" in capsys.readouterr().out
    leaves = []
    for run in (whole, folder):
        with Checkpoints(run / "checkpoints", read_only=True) as checkpoints:
            leaves.append(checkpoints.meta()["leaves"])
    assert leaves[0] == leaves[1]
    one, other = (json.loads((run / "results.json").read_text()) for run in (whole, folder))
    assert one["landmarks"] == other["landmarks"] and "stopped" not in other
    assert call(report.main, folder) == 0
    again = json.loads((folder / "results.json").read_text())
    assert {**again, "seconds": 0} == {**other, "seconds": 0}
    assert call(report.main, folder / "checkpoints/4") == 2
    assert f"a report is of a whole run: give {folder}" in capsys.readouterr().err


def of_seed_1(run, folder):
    """A copy of a run that says that its seed was 1."""
    shutil.copytree(run, folder)
    described, results = (runs.read_json(run / f"{n}.json") for n in ("config", "results"))
    described["config"]["seed"] = results["seed"] = 1
    runs.write_json(folder / "config.json", described)
    runs.write_json(folder / "results.json", results)
    return folder


def test_the_commands_take_runs_of_a_new_recipe(whole, tmp_path, monkeypatch, capsys):
    other = of_seed_1(whole, tmp_path / "other")
    monkeypatch.chdir(tmp_path)
    results = runs.read_json(whole / "results.json")
    assert call(evaluate.main, "--checkpoint", whole) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["nme_percent"] == pytest.approx(results["landmarks"]["nme_percent"], rel=1e-4)
    assert call(export.main, whole, "--out", "model") == 0
    smooth_picture(40, 30, 0).save("picture.png")
    for checkpoint in (whole, Path("model")):
        assert call(detect.main, "picture.png", "--checkpoint", checkpoint, "--out", "found") == 0
    assert call(align.main, "picture.png", "picture.png", "--checkpoint", whole) == 2
    assert "is a run of toy, which matches no pictures" in capsys.readouterr().err
    assert call(compare.main, whole, other, "--out", "page.html") == 0
    assert "data:image/png" in Path("page.html").read_text(encoding="utf-8")
    (group,) = json.loads(Path("page.json").read_text())["groups"]
    assert group["numbers"]["landmarks.nme_percent"]["count"] == 2


# What a configuration of C3 is made of.
PARTS = {type(value) for value in vars(tiny.config()).values() if dataclasses.is_dataclass(value)}
PARTS |= {type(tiny.config())}


def options_of(described: dict) -> list[tuple[str, object]]:
    """Names and values of all options of a configuration, as `runs.to_json` gives them."""
    found = list(described.items())
    for value in described.values():
        found += options_of(value) if isinstance(value, dict) else []
    return found


class Watch:
    """Notes which of our files have frames that hold a configuration, a part of it or a copy."""

    def __init__(self):
        self.files, self.options = {}, {}
        for name, value in options_of(runs.to_json(tiny.config())):
            self.options.setdefault(name, []).append(value)

    def __enter__(self):
        threading.setprofile(self)
        sys.setprofile(self)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)
        threading.setprofile(None)

    def __call__(self, frame, event, _):
        name = ours(frame.f_code.co_filename)  # none, of most calls
        if name is None or name in self.files or event not in ("call", "return"):
            return
        for local, value in list(frame.f_locals.items()):
            if self.holds(value):
                self.files[name] = f"{frame.f_code.co_name}: {local}"

    def holds(self, value, depth=1) -> bool:
        if type(value) in PARTS:
            return True
        if type(value) is dict and self.repacked(value):
            return True
        if depth and isinstance(value, tuple | list):
            return any(self.holds(item, depth - 1) for item in value)
        return False

    def repacked(self, values: dict) -> bool:
        """Whether three of the options are in it, under their names and with their values."""
        same = (
            name in self.options and any(value is own or value == own for own in self.options[name])
            for name, value in values.items()
            if isinstance(name, str) and isinstance(value, bool | int | float | str | tuple | list)
        )
        return sum(same) >= 3


@functools.cache
def ours(file: str) -> str | None:
    """The name of a file of our rooms; methods that dataclasses generate belong to none."""
    path = Path(file)
    if not path.is_relative_to(REPOSITORY):
        return None
    name = path.relative_to(REPOSITORY).as_posix()
    return name if name.partition("/")[0] in ROOMS else None


def test_few_files_see_the_configuration(without_spots, pictures, tmp_path, monkeypatch):
    options = [*TINY, *STEPS, "--data.path", pictures, "--runs", tmp_path, "--name", "watched"]
    monkeypatch.setattr(loop, "make_train_step", tiny.traced)
    watch = Watch()
    with watch:
        status = call(functools.partial(train, C3_FACES), *options)
    assert status == 0 and "experiments/c3_faces/config.py" in watch.files
    assert len(watch.files) <= MOST_FILES, "\n".join(map(": ".join, sorted(watch.files.items())))
