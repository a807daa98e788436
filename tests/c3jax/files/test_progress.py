"""Progress where stderr is no terminal: lines now and then, none of short work."""

import pytest

from c3jax.files import progress
from c3jax.files.progress import EVERY_S, progress_bar


@pytest.fixture
def clock(monkeypatch):
    """Seconds, in the only place of a list."""
    seconds = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: seconds[0])
    return seconds


def test_a_log_file_gets_a_line_every_half_minute_and_the_end(clock, capsys):
    with progress_bar(label="rendering", unit=" faces", total=100) as bar:
        for _ in range(100):
            clock[0] += 1
            bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"rendering: {EVERY_S}/100 faces, 01:10 left"
    assert [line.split()[1] for line in lines] == ["30/100", "60/100", "90/100", "100/100"]


def test_short_work_leaves_nothing_in_a_log_file(clock, capsys):
    assert list(progress_bar(range(9), label="reading", unit=" pictures")) == [*range(9)]
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(clock, capsys, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    assert list(progress_bar("ab", label="reading", unit=" pictures")) == ["a", "b"]
    assert "reading: 100%|" in capsys.readouterr().err
