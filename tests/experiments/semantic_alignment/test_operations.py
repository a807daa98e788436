"""Operations of matching a pair: the flow module against NC-Net (C3 4.4)."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import pytest

from benchmarks.flops import program_flop
from experiments.semantic_alignment.config import PRESETS
from experiments.semantic_alignment.model import make_networks
from tests.c3jax.models.test_table import DOCUMENT

MATCHERS = {
    "flow module, one linear layer (Eq. 3)": {
        "flow_channels": (1,),
        "flow_linear": True,
        "start": "gaussian",
    },
    "flow module, 16-16-1": {},
    "NC-Net, 16-16-1": {"family": "nc_net"},
}
STATED = re.findall(
    r"^\| ([^|]+) \| (ResNet-\d+) \| ([\d.]+) \| ([\d.]+) \|$", DOCUMENT, re.MULTILINE
)


@pytest.mark.parametrize(("matcher", "trunk", "whole", "layers"), STATED)
def test_the_table_gives_the_operations_of_a_pair(matcher, trunk, whole, layers):
    options = {"trunk": trunk.lower().replace("-", "")} | MATCHERS[matcher]
    paper = PRESETS["paper"]
    config = dataclasses.replace(paper, model=dataclasses.replace(paper.model, **options))
    network, size = make_networks(config).model, config.data.image_size
    image = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    variables = jax.eval_shape(network.init, jax.random.key(0), image, image)

    def gflop(method, *arrays):
        def program(variables, *arrays):
            return network.apply(variables, *arrays, method=method)

        return program_flop(jax.make_jaxpr(program)(variables, *arrays).jaxpr) / 1e9

    def features(variables, image):
        return network.apply(variables, image, method="features")

    cells = jax.eval_shape(features, variables, image)
    assert f"{gflop('__call__', image, image):.1f}" == whole
    assert f"{gflop('correlate', cells, cells):.1f}" == layers


def test_the_table_was_read():
    assert len(STATED) == 4
