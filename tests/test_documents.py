"""The documents say what the code does."""

import inspect
import re
import shlex
import subprocess
from pathlib import Path

import pytest

import c3jax
from experiments.engine import cli
from experiments.registry import find_recipe, names

ROOT = Path(__file__).parent.parent
EQUATIONS = (ROOT / "docs/equations.md").read_text()
CONVENTIONS = (ROOT / "docs/conventions.md").read_text()
SIGNATURES = dict(re.findall(r"`((?:losses\.|metrics\.)?\w+)\((.*?)\)`", EQUATIONS))
TEST_IDS = sorted(set(re.findall(r"`(?:tests/)?([\w/]+\.py)::(\w+)`", EQUATIONS + CONVENTIONS)))


def find(name):
    value = c3jax
    for part in name.split("."):
        value = getattr(value, part)
    return value


def signature(function):
    """`a, b, *, c=1` of a function."""
    parameters = inspect.signature(function).parameters.values()
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return str(inspect.Signature(bare))[1:-1]


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_equations_give_the_signature_of_the_code(name):
    assert SIGNATURES[name] == signature(find(name))


def test_equations_name_every_public_function():
    public = {name for name in c3jax.__all__ if inspect.isfunction(getattr(c3jax, name))}
    public |= {f"losses.{name}" for name in c3jax.losses.__all__}
    assert public <= set(SIGNATURES)


@pytest.mark.parametrize(("path", "name"), TEST_IDS)
def test_every_test_that_a_document_names_exists(path, name):
    assert re.search(rf"^def {name}\(", (ROOT / "tests" / path).read_text(), re.MULTILINE)


def test_the_documents_were_read():
    assert len(SIGNATURES) > 40 and len(TEST_IDS) > 20


PAGES = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("experiments/*/README.md")]
TRAINED = {
    found
    for page in PAGES
    for found in re.findall(
        r'make train EXP=([a-z]\w+)(?: +PRESET=(\w+))?(?: \[?ARGS="([^"]*)")?',
        re.sub(r"\\\n *| +", " ", page.read_text()),
    )
}


@pytest.mark.parametrize(("experiment", "preset", "options"), sorted(TRAINED))
def test_every_training_that_a_page_names_is_accepted(experiment, preset, options, monkeypatch):
    arguments = [*(["--preset", preset] if preset else []), *shlex.split(options)]
    monkeypatch.setattr("sys.argv", ["train", *arguments])
    _, config = cli.parse_run(experiment, find_recipe(experiment).presets)
    config.check(1)


def test_the_help_of_make_lists_the_presets_of_every_experiment():
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = re.findall(r"^  ((?:\w+, )*\w+)  +(laptop.*)$", told.stdout, re.MULTILINE)
    listed = {name: presets.split() for each, presets in lines for name in each.split(", ")}
    assert listed == {name: list(find_recipe(name).presets(None)) for name in names()}
