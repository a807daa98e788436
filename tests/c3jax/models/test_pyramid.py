"""The fixed random pyramid."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from c3jax.models.pyramid import RandomPyramid
from tests.reference import resnet as reference

IMAGES = np.random.default_rng(1).uniform(size=(2, 14, 19, 3)).astype(np.float32)


def test_levels_equal_slow_reference_with_the_documented_kernels():
    generator = np.random.default_rng(3)
    x, inputs = reference.normalize(IMAGES), 3
    maps = RandomPyramid(widths=(4, 40), seed=3).apply({}, IMAGES)
    assert list(maps) == ["input", "level1", "level2"]
    for level, outputs in enumerate((4, 40), 1):
        draws = generator.normal(size=(max(9 * inputs, outputs), min(9 * inputs, outputs)))
        q, r = np.linalg.qr(draws)
        q = q * np.sign(np.diag(r))
        q = q if 9 * inputs >= outputs else q.T
        kernel = np.sqrt(2) * q.reshape(3, 3, inputs, outputs).transpose(3, 2, 0, 1)
        x = np.maximum(reference.convolution(x, kernel, stride=2, padding=1), 0)
        expected = x.transpose(0, 2, 3, 1)
        assert_allclose(maps[f"level{level}"], expected, rtol=1e-4, atol=1e-5)
        inputs = outputs


def test_there_is_nothing_to_learn_and_the_seed_decides():
    maps, variables = RandomPyramid().init_with_output(jax.random.key(0), IMAGES)
    assert not variables
    again = RandomPyramid().apply({}, IMAGES)
    other = RandomPyramid(seed=1).apply({}, IMAGES)
    assert_array_equal(maps["level3"], again["level3"])
    assert jnp.abs(maps["level3"] - other["level3"]).max() > 0.1


def test_levels_halve_the_resolution_and_keep_the_scale():
    images = np.random.default_rng(0).uniform(size=(3, 1, 64, 48, 3)).astype("f4")
    maps = jax.jit(RandomPyramid().apply)({}, images)
    assert maps["level1"].shape == (3, 1, 32, 24, 16)
    assert maps["level3"].shape == (3, 1, 8, 6, 64)
    energies = [float(jnp.mean(jnp.square(maps[f"level{n}"]))) for n in (1, 2, 3)]
    assert 0.2 < min(energies) and max(energies) < 5


def test_images_get_gradients():
    network = RandomPyramid(taps=("level3",))
    slope = jax.jit(jax.grad(lambda x: jnp.sum(network.apply({}, x)["level3"])))(IMAGES)
    assert np.isfinite(slope).all() and jnp.abs(slope).max() > 0


@pytest.mark.parametrize("taps", [("level4",), (), "input"])
def test_refuses_unknown_taps(taps):
    with pytest.raises(ValueError, match="taps"):
        RandomPyramid(taps=taps)


def test_refuses_images_that_are_not_floating_rgb():
    with pytest.raises(ValueError, match="divide by 255"):
        RandomPyramid().apply({}, np.zeros((1, 8, 8, 3), np.uint8))
