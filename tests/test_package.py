"""What is installed: a wheel of c3jax alone, modules that import where POSIX is missing."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("c3jax", "data_pipelines", "experiments", "benchmarks")
BUILD = "from setuptools import build_meta; build_meta.build_wheel('dist')"
# Of the standard library; Windows has none of them.
POSIX = ("curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")
IMPORT_ALL = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({POSIX}))
for room in map(importlib.import_module, {ROOMS}):
    for _, name, _ in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
        if not name.endswith(".__main__"):
            importlib.import_module(name)
"""
# The wheel in place of the clone, and none of what training needs.
INSTALLED = """
import sys
site, root, *sys.argv = sys.argv[1:]
sys.path[:] = [site, *(path for path in sys.path if path not in ("", root))]
lacking = ("experiments", "data_pipelines", "tensorflow", "optax", "orbax", "matplotlib", "cattrs")
sys.modules.update(dict.fromkeys(lacking))
from c3jax.tools import command
assert command.__file__.startswith(site)
command.main()
"""


def run(code, *arguments, cwd):
    """What some code prints, in a process of its own."""
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    told = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(told, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of the clone, and that copy."""
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path_factory.mktemp("source")
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(BUILD, cwd=source)
    (built,) = source.glob("dist/*.whl")
    return built, source


def test_a_wheel_holds_all_of_c3jax_and_nothing_else(wheel):
    built, source = wheel
    with zipfile.ZipFile(built) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (commands,) = (n for n in archive.namelist() if n.endswith("entry_points.txt"))
        assert b"c3jax = c3jax.tools.command:main" in archive.read(commands)
    files = (file for file in (source / "c3jax").rglob("*") if file.is_file())
    assert names == {file.relative_to(source).as_posix() for file in files}


@pytest.mark.slow
def test_the_commands_of_a_wheel_run_without_the_clone(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel[0]) as archive:
        archive.extractall(site)
    for name in ("a.png", "b.png"):
        shutil.copy(ROOT / "docs/rendered_faces.png", tmp_path / name)
    said = run(INSTALLED, site, ROOT, "c3jax", "detect", "a.png", cwd=tmp_path)
    assert "landmarks of 1 of 1 pictures" in said
    assert "matches of 1 pair" in run(
        INSTALLED, site, ROOT, "c3jax", "align", "a.png", "b.png", cwd=tmp_path
    )


def test_everything_imports_where_posix_is_missing():
    run(IMPORT_ALL, cwd=ROOT)


def test_intel_macs_are_told_that_jaxlib_is_not_made_for_them(tmp_path):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$2" in *platform*) echo Darwin x86_64;; esac\n')
    python.chmod(0o755)
    command = ["make", "setup", f"VENV={tmp_path / 'venv'}", f"PYTHON3={python}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and not (tmp_path / "venv").exists()
    assert "jaxlib is not made for Macs with Intel processors any more" in done.stderr
