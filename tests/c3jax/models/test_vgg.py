"""VGG: parity with a slow NumPy version, depth, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from c3jax.models.vgg import PERCEPTUAL_TAPS, VGG, convolution_indices
from c3jax.weights import load_vgg
from tests.drawn import draw
from tests.reference import vgg as reference

IMAGES = np.random.default_rng(1).uniform(size=(1, 16, 19, 3)).astype(np.float32)


def test_every_convolution_equals_slow_reference(tmp_path):
    architecture = "vgg16"
    weights = reference.random_weights(architecture)
    path = tmp_path / "vgg16.npz"
    np.savez(path, **weights)
    taps = tuple(convolution_indices(architecture))
    network = VGG(architecture, taps=taps)
    maps = jax.jit(network.apply)(load_vgg(path, architecture), IMAGES)
    slow = reference.features(weights, IMAGES, architecture)
    assert list(maps) == list(slow)
    for name in slow:
        assert maps[name].shape == slow[name].shape
        error = np.linalg.norm(maps[name] - slow[name]) / np.linalg.norm(slow[name])
        assert error < 1e-5, (name, error)


def test_convolutions_have_the_numbers_of_torchvision():
    numbers = tuple(convolution_indices("vgg16").values())
    assert numbers == (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def test_nothing_deeper_than_the_taps_is_computed():
    network = VGG(taps=("conv2_1", "input"))
    variables = draw(network, IMAGES, stddev=0.05)
    maps = network.apply(variables, IMAGES)
    assert list(maps) == ["conv2_1", "input"]
    assert set(variables["params"]) == {"features_0", "features_2", "features_5"}


def test_leading_axes_are_batch():
    images = np.stack([IMAGES, 1 - IMAGES, IMAGES / 2])[:, None]
    network = VGG(taps=("conv2_2",))
    variables = draw(network, IMAGES, stddev=0.05)
    apply = jax.jit(network.apply)
    maps = apply(variables, images)["conv2_2"]
    assert maps.shape == (3, 1, 1, 8, 9, 128)
    single = apply(variables, images[1, 0, 0])["conv2_2"]
    assert_allclose(maps[1, 0, 0], single, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("trainable", [False, True])
def test_images_get_gradients_and_parameters_only_if_trainable(trainable):
    network = VGG(taps=("conv1_2", "conv2_1"), trainable=trainable)
    variables = draw(network, IMAGES, stddev=0.05)

    def total(variables, images):
        return sum(jnp.sum(maps) for maps in network.apply(variables, images).values())

    slopes, image_slope = jax.jit(jax.grad(total, (0, 1)))(variables, jnp.asarray(IMAGES))
    largest = max(float(jnp.abs(slope).max()) for slope in jax.tree.leaves(slopes))
    assert (largest > 0) == trainable
    assert np.isfinite(image_slope).all() and jnp.abs(image_slope).max() > 0


def test_default_taps_are_those_of_the_perceptual_loss():
    assert VGG().taps == PERCEPTUAL_TAPS
    assert PERCEPTUAL_TAPS == ("input", "conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2")


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(architecture="vgg11"), "architecture .*'vgg11'"),
        (dict(taps=("conv3_4",)), "taps .*'conv3_4'"),
        (dict(taps=()), "taps"),
    ],
)
def test_refuses_bad_fields(options, message):
    with pytest.raises(ValueError, match=message):
        VGG(**options)


def test_refuses_images_that_are_not_floating_rgb():
    with pytest.raises(ValueError, match="divide by 255"):
        VGG().init(jax.random.key(0), np.zeros((1, 8, 8, 3), np.uint8))
