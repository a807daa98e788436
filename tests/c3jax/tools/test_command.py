"""`c3jax COMMAND`: which commands there are, and what is said of others."""

import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from c3jax.tools import command, compilation

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def end(monkeypatch, capsys):
    """`end(*words)` is the exit status of `c3jax WORDS`, and what it writes."""
    monkeypatch.setattr(compilation, "keep_compiled", lambda: None)

    def end(*words):
        monkeypatch.setattr(sys, "argv", ["c3jax", *words])
        try:
            command.main()
        except SystemExit as ended:
            return ended.code or 0, "".join(capsys.readouterr())
        return 0, "".join(capsys.readouterr())

    return end


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_every_command_is_listed(end, words):
    status, said = end(*words)
    assert status == 0 and all(f"\n  {name} " in said for name in command.COMMANDS)


def test_the_version_is_that_of_the_package(end):
    assert end("--version") == (0, f"c3jax {metadata.version('c3jax')}\n")


@pytest.mark.parametrize("name", [*command.COMMANDS, "fit_keypoints"])
def test_every_command_says_how_it_is_called(end, name):
    status, said = end(name, "--help")
    assert status == 0 and f"usage: c3jax {name.replace('_', '-')} " in said


def test_an_unknown_command_is_one_error(end):
    status, said = end("detekt", "a.png")
    assert status == 2 and said.startswith("error: c3jax has no command 'detekt'; choose one of: ")


def test_a_package_that_is_missing_is_named(end, monkeypatch):
    monkeypatch.setitem(sys.modules, "tyro", None)
    monkeypatch.delitem(sys.modules, "c3jax.tools.evaluate", raising=False)
    said = "error: c3jax evaluate needs tyro: pip install 'c3jax[tools]'\n"
    assert end("evaluate") == (2, said)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_end_no_command(closed):
    code = "import sys; from c3jax.tools import command; command.run = print; command.main()"
    shell = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} detect {closed}"
    assert subprocess.run(shell, shell=True, cwd=REPOSITORY, capture_output=True).returncode == 0
