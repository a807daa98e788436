"""What a run tells while it goes on: lines where there is no terminal, rows, warnings."""

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
    log = loop._Log(tmp_path / "metrics.jsonl", 0, 60)
    begun = 0
    for name, steps, seconds in (("warmup", 50, 1.0), ("joint", 10, 10.0)):
        log.begin(name, begun + steps, compiles=name == "warmup")
        clock[0] += 100.0  # of compilation
        for step in range(begun + 1, begun + steps + 1):
            clock[0] += seconds
            log.step(name, step, {"loss": 0.5, "skipped_in_a_row": 0}, write=True)
        begun += steps
    log.close()
    assert capsys.readouterr().out.splitlines() == [
        "warmup compiling",
        "warmup 1/60 0.0 steps/s ? left of warmup  loss 0.5",
        "warmup 31/60 1.0 steps/s 00:19 left of warmup  loss 0.5",
        "warmup 50/60 1.0 steps/s 00:00 left of warmup  loss 0.5",
        "joint 51/60 0.0 steps/s ? left of joint  loss 0.5",
        "joint 54/60 0.1 steps/s 01:00 left of joint  loss 0.5",
        "joint 57/60 0.1 steps/s 00:30 left of joint  loss 0.5",
        "joint 60/60 0.1 steps/s 00:00 left of joint  loss 0.5",
    ]


def test_a_terminal_has_the_stage_its_time_left_and_the_losses_of_now(
    tmp_path, clock, capsys, monkeypatch
):
    monkeypatch.setattr(loop.sys.stderr, "isatty", lambda: True, raising=False)
    log = loop._Log(tmp_path / "metrics.jsonl", 0, 10)
    log.begin("warmup", 10, compiles=True)
    for step in range(1, 6):
        clock[0] += 60.0 if step == 1 else 2.0
        log.step("warmup", step, {"loss": step / 8, "skipped_in_a_row": 0}, write=False)
    log.close()
    told = capsys.readouterr()
    assert "warmup:   0%|" in told.err and "0/10, compiling" in told.err
    # Of step 4 in the fifth: what is pending is not waited for.
    assert "0.5 steps/s 00:12 left of warmup  loss 0.5" in told.err and told.out == ""


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
