"""`python -m experiments.runs`: every state that a run can be in, by what lies in its folder."""

import json

import pytest

from c3jax.tools.errors import UsageError
from experiments import runs as command
from experiments.engine import locks
from experiments.engine.errors import Interrupted
from experiments.engine.runs import write_json
from tests.experiments.tiny import call


@pytest.fixture
def top(tmp_path):
    """A folder with a run of each state, and an exported model, which is none."""

    def begin(name, *steps, again=None):
        folder = tmp_path / "c3_faces" / name
        for step in steps:
            (folder / f"checkpoints/{step}").mkdir(parents=True)
        folder.mkdir(parents=True, exist_ok=True)
        told = {"experiment": "c3_faces", "preset": "laptop", "config": {}}
        write_json(folder / "config.json", told | ({"command": again} if again else {}))
        return folder

    done = begin("done", 250, 1600, again="python -m experiments.c3_faces")
    write_json(done / "results.json", {"landmarks": {"nme_percent": 9.5}, "self_check": None})
    (done / "export").mkdir()
    write_json(done / "export/config.json", {"format": 2})
    begin("old", 500)
    begin("stopped", 250, again="python -m experiments.c3_faces --seed 1")
    begin("nothing", again="python -m experiments.c3_faces --seed 2")
    failed = begin("failed", 100, again="python -m experiments.c3_faces --seed 3")
    with pytest.raises(UsageError), locks.noting_failure(failed):
        raise UsageError("the loss was not finite\n and more")
    running = begin("running", 100)
    (running / "metrics.jsonl").write_text('{"step": 120}\n{"step": 150}\n{"st')
    (tmp_path / "c3_faces/other").mkdir()
    with locks.locked(running):
        yield tmp_path


@pytest.fixture
def listed(top, capsys):
    """The runs as JSON, by name."""
    assert call(command.main, top, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    return {run["folder"].rpartition("/")[2]: run for run in found}


def test_every_run_has_its_state_step_error_and_command(listed):
    states = {name: (run["state"], run["step"]) for name, run in listed.items()}
    assert states == {
        "done": ("finished", 1600),
        "failed": ("failed", 100),
        "nothing": ("empty", None),
        "old": ("stopped", 500),
        "running": ("running", 150),
        "stopped": ("stopped", 250),
    }
    assert listed["done"]["errors"] == {"landmarks.nme_percent": 9.5}
    assert listed["failed"]["failure"] == "the loss was not finite"
    assert listed["running"]["process"].startswith("process ")
    assert listed["stopped"]["command"] == "python -m experiments.c3_faces --seed 1"
    assert listed["old"]["command"] is None


@pytest.mark.parametrize("damaged", ['{"seed', "[]", '{"landmarks": {"nme_percent": "9"}}'])
def test_a_damaged_file_hides_no_other_run(top, damaged, capsys):
    (top / "c3_faces/done/results.json").write_text(damaged)
    (top / "c3_faces/failed/error.txt").write_bytes(b"caf\xe9 failed")
    with (top / "c3_faces/running/metrics.jsonl").open("a") as file:
        file.write('\nnull\n{"loss": 1}\n')
    assert call(command.main, top) == 0
    told = capsys.readouterr().out
    assert "c3_faces/running running 150" in " ".join(told.split())
    assert "c3_faces/failed: failed: caf\\xe9 failed\n" in told
    assert ("done: failed: results.json is damaged" in told) == (damaged[-1] != "}")


def test_people_get_a_table_and_what_to_type_next(top, capsys):
    assert call(command.main, top) == 0
    told = capsys.readouterr().out
    assert "c3_faces/done     finished  1,600  error, % 9.50\n" in told
    assert "c3_faces/failed: failed: the loss was not finite\n" in told
    assert "  go on: python -m experiments.c3_faces --seed 1\n" in told
    assert "c3_faces/old: stopped\n  go on: the command that began it" in told


def test_a_single_run_and_no_runs_are_told_and_no_folder_is_refused(top, tmp_path, capsys):
    assert call(command.main, top / "c3_faces/stopped") == 0
    assert "stopped   250" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert call(command.main, tmp_path / "empty") == 0
    assert capsys.readouterr().out == f"no runs in {tmp_path / 'empty'}\n"
    assert call(command.main, tmp_path / "absent") == 2
    assert "absent is no folder" in capsys.readouterr().err


def test_a_failure_is_kept_with_its_place_and_taken_away_by_the_next_start(tmp_path):
    file = tmp_path / locks.FAILURE
    with pytest.raises(ZeroDivisionError), locks.noting_failure(tmp_path):
        _ = 1 / 0
    assert file.read_text().startswith("division by zero\n\nTraceback")
    with pytest.raises(Interrupted), locks.noting_failure(tmp_path):
        raise Interrupted(15, 7, tmp_path)
    assert not file.exists()


def test_whoever_asks_for_the_holder_does_not_keep_a_run_out(tmp_path):
    assert locks.holder_of(tmp_path) is None
    with locks.locked(tmp_path):
        assert locks.holder_of(tmp_path) is not None
    assert locks.holder_of(tmp_path) is None
    with locks.locked(tmp_path):
        pass
