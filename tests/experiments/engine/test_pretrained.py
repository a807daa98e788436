"""ImageNet weights in the trunk of a network: read from the file, kept, or refused in one line."""

import numpy as np
import pytest

from c3jax.tools.errors import UsageError
from experiments.engine.networks import trunk_weights, with_pretrained
from experiments.jlad.config import ModelConfig
from tests.reference import resnet as reference


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **reference.random_weights("resnet18"))
    return path


def test_the_trunk_is_that_of_the_file_and_the_rest_stays(file, capsys):
    wanted = trunk_weights(ModelConfig(trunk="resnet18", weights=file), ("stem",))
    params = {"trunk": {"conv1": np.zeros(3)}, "flow": np.ones(2)}
    found = with_pretrained({"params": params}, wanted)
    kernel = found["params"]["trunk"]["conv1"]["kernel"]
    np.testing.assert_array_equal(kernel[1, 2, 0, 4], np.load(file)["conv1.weight"][4, 0, 1, 2])
    assert found["params"]["flow"] is params["flow"]
    assert set(found["batch_stats"]["trunk"]) == {"bn1"}
    assert f"resnet18 from {file}" in capsys.readouterr().out


def test_a_trunk_of_ones_own_needs_no_file(capsys):
    variables = {"params": {"trunk": np.ones(2)}}
    assert with_pretrained(variables, trunk_weights(ModelConfig(trunk="small"), ())) is variables
    assert capsys.readouterr().out == ""


def test_weights_of_another_network_are_refused(file):
    wanted = trunk_weights(ModelConfig(trunk="resnet50", weights=file), ("layer1",))
    with pytest.raises(UsageError, match="layer1"):
        with_pretrained({"params": {}}, wanted)
