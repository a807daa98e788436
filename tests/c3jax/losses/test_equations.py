"""What a paper numbers is a function of the library, and training uses that function."""

import ast
import inspect
import re
from pathlib import Path

import jax.numpy as jnp
import pytest
from numpy.testing import assert_allclose

from c3jax import losses

ROOT = Path(__file__).parents[3]
EQUATIONS = (ROOT / "docs/equations.md").read_text()
TRAINED = re.findall(
    r"\| (C3|JLAD) Eq\. (\d+).* \| `(?:losses\.)?(\w+)`.* \| `([\w/]+\.py)`, `(\w+)` \|", EQUATIONS
)


@pytest.mark.parametrize("total", [losses.c3_total, losses.jlad_total])
def test_worked_totals(total):
    weights = [name for name in inspect.signature(total).parameters if name.startswith("lambda_")]
    parts = jnp.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    weighted = total(*parts, **dict(zip(weights, (1.0, 10.0, 100.0), strict=True)))
    assert_allclose(weighted, [531, 642])


@pytest.mark.parametrize(("function", "path", "user"), [row[2:] for row in TRAINED])
def test_training_uses_the_function_of_the_equation(function, path, user):
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    (body,) = (n for n in nodes if isinstance(n, ast.FunctionDef) and n.name == user)
    names = {getattr(node, "attr", getattr(node, "id", None)) for node in ast.walk(body)}
    assert function in names


def test_every_numbered_equation_is_trained():
    numbers = {
        paper: {int(row[1]) for row in TRAINED if row[0] == paper} for paper in ("C3", "JLAD")
    }
    assert numbers == {"C3": set(range(1, 6)), "JLAD": set(range(1, 12))}
