"""Reading NC-Net's published checkpoint layout: strict, and right to the last axis."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from c3jax.models.ncnet import NCNet
from c3jax.weights import load_ncnet
from tests.reference import ncnet as reference
from tests.tolerances import FLOAT32

FIRST = "NeighConsensus.conv.0.weight"


@pytest.fixture
def weights():
    return reference.random_weights((3, 1), 3)


def saved(folder, weights, name="ncnet.safetensors"):
    path = folder / name
    if path.suffix == ".npz":
        np.savez(path, **weights)
    else:
        save_file({key: np.ascontiguousarray(array) for key, array in weights.items()}, path)
    return path


@pytest.mark.parametrize("name", ["ncnet.npz", "ncnet.safetensors"])
def test_the_module_and_its_variables_are_those_of_the_file(tmp_path, weights, name):
    trunk = {"FeatureExtraction.model.0.weight": np.zeros((64, 3, 7, 7), np.float32)}
    module, variables = load_ncnet(saved(tmp_path, weights | trunk, name))
    assert module == NCNet(channels=(3, 1), kernel_size=3)
    kernel = variables["params"]["kernel_1"]
    stored = weights["NeighConsensus.conv.2.weight"]
    assert kernel.shape == (3, 3, 3, 3, 3, 1)
    assert kernel[0, 1, 2, 1, 2, 0] == stored[0, 0, 2, 1, 2, 1]
    np.testing.assert_array_equal(variables["params"]["bias_0"], weights[FIRST[:-6] + "bias"])


def test_the_network_of_the_file_is_the_published_one(tmp_path, weights):
    source, target = np.random.default_rng(1).uniform(size=(2, 2, 3, 4)).astype(np.float32)
    module, variables = load_ncnet(saved(tmp_path, weights))
    found = module.apply(variables, source[None], target[None])[0]
    np.testing.assert_allclose(found, reference.ncnet(source, target, weights), **FLOAT32)


def test_files_that_do_not_fit_are_refused(tmp_path, weights):
    def refuse(changed, match):
        with pytest.raises(ValueError, match=match):
            load_ncnet(saved(tmp_path, changed))

    refuse({"conv1.weight": weights[FIRST]}, "no key NeighConsensus.conv.0.weight: is this another")
    as_made = weights | {FIRST: np.zeros((16, 1, 3, 3, 3, 3), np.float32)}
    refuse(as_made, r"kernels must be stored as \[k, cout, cin, k, k, k\], .* got \[\(16, 1, 3, 3")
    refuse(weights | {"NeighConsensus.conv.0.scale": np.zeros(3)}, "unexpected key .*conv.0.scale")
    missing = {key: array for key, array in weights.items() if key != FIRST[:-6] + "bias"}
    refuse(missing, "1 of 4 keys missing: 'NeighConsensus.conv.0.bias'")
    wide = weights | {"NeighConsensus.conv.2.weight": np.zeros((3, 2, 3, 3, 3, 3), np.float32)}
    refuse(wide, r"channels must end with 1, got \(3, 2\)")
    broken = weights | {FIRST: weights[FIRST] * np.nan}
    refuse(broken, "conv.0.weight' holds values that are not finite")
    with pytest.raises(ValueError, match="no such file"):
        load_ncnet(tmp_path / "none.npz")
