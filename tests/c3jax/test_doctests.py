"""The examples in the docstrings of the library run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import c3jax

MODULES = sorted(
    name
    for _, name, _ in pkgutil.walk_packages(c3jax.__path__, "c3jax.")
    if not name.startswith("c3jax.training")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module)
    assert result.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    count = sum(
        len(test.examples) > 0
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
    )
    assert count > 45
