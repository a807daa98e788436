"""The commands of the READMEs that ask for the literal Eq. 3 of C3 reach the flow module."""

import re

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from c3jax import correlation_4d, separable_conv4d
from experiments.engine import cli
from experiments.registry import find_recipe
from tests.experiments.conftest import REPOSITORY
from tests.tolerances import REORDERED

README = {name: name for name in ("c3_faces", "semantic_alignment")}
README |= dict.fromkeys(("c3_cars", "c3_bedrooms"), "c3_faces")


def options_of(experiment):
    """What the command of the README adds to the preset `paper`."""
    text = (REPOSITORY / f"experiments/{README[experiment]}/README.md").read_text()
    (found,) = re.findall(r'ARGS="([^"]*-flow-symmetric[^"]*)"', text)
    return found.replace("\\\n", " ").split()


@pytest.mark.parametrize("experiment", README)
@pytest.mark.parametrize("preset", ["laptop", "paper"])
def test_the_command_of_the_readme_makes_the_flow_module_literal(experiment, preset):
    recipe = find_recipe(experiment)
    arguments = ["--preset", preset, *options_of(experiment)]
    _, config, _ = cli.parse(recipe.presets, arguments, prog=experiment)
    network = recipe.build(config).network
    source, target = np.random.default_rng(0).normal(size=(2, 1, 4, 3, 8)).astype(np.float32)

    init = jax.jit(lambda key: network.init(key, source, target, method="correlate"))
    params = init(jax.random.key(0))["params"]
    w1, w2 = (params["flow"][f"kernel_{side}_0"] for side in ("source", "target"))
    assert len(params["flow"]) == 2 and w1.shape == w2.shape == (5, 5, 1, 1)
    values = np.concatenate([w1, w2])
    assert 0.007 < values.std() < 0.013 and abs(values.mean()) < 0.005

    found = network.apply({"params": params}, source, target, method="correlate")
    literal = separable_conv4d(correlation_4d(source, target)[..., None], w1, w2)[..., 0]
    scale = 1 / np.abs(literal).max()
    assert_allclose(scale * found, scale * literal, **REORDERED)
