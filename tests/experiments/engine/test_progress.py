"""The lines that a run prints where there is no terminal."""

import re

import pytest

from experiments.engine import loop


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
