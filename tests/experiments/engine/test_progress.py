"""What a run tells while it goes on: lines where there is no terminal, rows, warnings."""

import re

import pytest

from experiments.engine import loop
from tests.experiments.engine.test_loop import FIRST, SECOND, rows, train


@pytest.fixture
def clock(monkeypatch):
    """Seconds, in the only place of a list."""
    seconds = [0.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: seconds[0])
    return seconds


def test_rate_and_time_left_are_those_of_the_stage_without_its_compilation(tmp_path, clock, capsys):
    log = loop._Log(tmp_path / "metrics.jsonl", 0, 30)
    begun = 0
    for name, steps, seconds in (("warmup", 20, 1.0), ("joint", 10, 10.0)):
        log.begin(begun + steps)
        clock[0] += 100.0  # of compilation
        for step in range(begun + 1, begun + steps + 1):
            clock[0] += seconds
            log.step(name, step, {"loss": 0.5, "skipped_in_a_row": 0}, write=True)
        begun += steps
    log.close()
    said = [
        re.fullmatch(r"(\w+) (\d+)/30 (\S+) steps/s (\S+) left of (\w+)  loss 0.5", line).groups()
        for line in capsys.readouterr().out.splitlines()
    ]
    assert said[:2] == [
        ("warmup", "1", "0.0", "?", "warmup"),
        ("warmup", "17", "1.0", "00:03", "warmup"),
    ]
    assert ("joint", "25", "0.1", "00:50", "joint") in said


def test_rows_and_checkpoints_come_at_their_intervals_and_at_the_end_of_each_stage(tmp_path):
    train(tmp_path, log_every=3, checkpoint_every=100)
    assert [row["step"] for row in rows(tmp_path)] == [3, 4, 6, 9]
    steps = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())
    assert steps == [str(FIRST), str(FIRST + SECOND)]


def test_warnings_about_the_state_and_the_end_are_told(tmp_path, capsys):
    train(tmp_path, check_every=4, check=lambda state: [f"landmarks still at {int(state.step)}"])
    told = capsys.readouterr()
    assert "step 4: landmarks still at 4" in told.err and "step 8: landmarks still" in told.err
    assert "joint 9/9" in told.out.splitlines()[-1]
