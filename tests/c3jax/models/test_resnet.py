"""Residual networks: parity with a slow NumPy version, strides, gradients, statistics."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from c3jax.models.resnet import ResNet
from c3jax.weights import load_resnet
from tests.drawn import draw
from tests.reference import resnet as reference

EVERY = ("stem", "layer1", "layer2", "layer3", "layer4", "logits")


@functools.cache
def random_images(*shape):
    return np.random.default_rng(1).uniform(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Architecture -> (file of random weights, the weights)."""

    @functools.cache
    def make(architecture):
        weights = reference.random_weights(architecture)
        path = tmp_path_factory.mktemp("weights") / f"{architecture}.npz"
        np.savez(path, **weights)
        return path, weights

    return make


def small(**options):
    """The small trunk at its smallest: two layers."""
    return ResNet("small", stages=("stem", "layer2"), widths=(4, 6, 6, 6), **options)


def apply(network, variables, images, **options):
    return jax.jit(functools.partial(network.apply, **options))(variables, images)


@pytest.mark.parametrize(
    "architecture, output_stride",
    [
        ("resnet18", 32),
        ("resnet18", 8),
        ("resnet50", 16),
        pytest.param("resnet101", 8, marks=pytest.mark.slow),
    ],
)
def test_every_stage_equals_slow_reference(files, architecture, output_stride):
    path, weights = files(architecture)
    images = random_images(1, 21, 34, 3)
    network = ResNet(architecture, output_stride=output_stride, stages=EVERY)
    variables = load_resnet(path, architecture, stages=EVERY)
    stages = jax.jit(network.apply)(variables, images)
    slow = reference.features(weights, images, architecture, output_stride)
    for name in EVERY:
        assert stages[name].shape == slow[name].shape
        error = np.linalg.norm(stages[name] - slow[name]) / np.linalg.norm(slow[name])
        assert error < 1e-5, (name, error)


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
def test_dilated_features_on_every_second_cell_are_the_strided_ones(architecture):
    images = random_images(1, 48, 67, 3)
    options = dict(widths=(4, 6, 8, 10), depths=(1, 1, 1, 2))
    stages = ("layer2", "layer3", "layer4")
    coarse = ResNet(architecture, stages=stages, **options)
    fine = ResNet(architecture, stages=stages, output_stride=8, **options)
    variables = draw(coarse, images)
    coarse, fine = apply(coarse, variables, images), apply(fine, variables, images)
    for stage, step in zip(stages, (1, 2, 4), strict=True):
        sampled = fine[stage][:, ::step, ::step]
        assert_allclose(coarse[stage], sampled, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", ["resnet50", "small"])
@pytest.mark.parametrize(
    "output_stride, sides",
    [(32, (16, 8, 4, 2)), (16, (16, 8, 4, 4)), (8, (16, 8, 8, 8)), (4, (16, 16, 16, 16))],
)
def test_output_stride_limits_the_stride_of_every_stage(architecture, output_stride, sides):
    network = ResNet(architecture, output_stride=output_stride, stages=EVERY[:5])
    images = jax.ShapeDtypeStruct((2, 64, 96, 3), jnp.float32)
    stages, _ = jax.eval_shape(network.init_with_output, jax.random.key(0), images)
    assert stages["stem"].shape[1:3] == (32, 48)
    shapes = [stages[name].shape[1:3] for name in EVERY[1:5]]
    assert shapes == [(side, side * 3 // 2) for side in sides]


def test_only_the_stages_asked_for_are_returned_and_nothing_deeper_is_computed():
    network = ResNet("small", stages=("layer2", "input"))
    images = random_images(1, 16, 24, 3)
    variables = draw(network, images)
    stages = network.apply(variables, images)
    assert list(stages) == ["layer2", "input"]
    assert set(variables["params"]) == {"conv1", "bn1", "layer1_0", "layer2_0"}
    assert_array_equal(stages["input"], images)


def test_leading_axes_are_batch():
    images = random_images(2, 3, 16, 24, 3)
    network = small()
    variables = draw(network, images)
    stages = apply(network, variables, images)
    flat = apply(network, variables, images.reshape(6, 16, 24, 3))
    single = apply(network, variables, images[1, 2])
    for name, stage in stages.items():
        assert_array_equal(stage.reshape(flat[name].shape), flat[name])
        assert_allclose(stage[1, 2], single[name], rtol=1e-5, atol=1e-6)


def gradients(network, images, **options):
    """Largest absolute gradient of a sum of features to kernels, to normalisation, to images."""
    variables = draw(network, images)

    def total(params, images):
        stages = network.apply({**variables, "params": params}, images, **options)
        stages = stages[0] if "mutable" in options else stages
        return sum(jnp.sum(jnp.square(stage)) for stage in stages.values())

    slopes, image_slope = jax.jit(jax.grad(total, (0, 1)))(variables["params"], images)
    norms = {"kernel": 0.0, "scale": 0.0, "bias": 0.0}
    for path, slope in jax.tree_util.tree_leaves_with_path(slopes):
        name = path[-1].key
        norms[name] = max(norms[name], float(jnp.abs(slope).max()))
    assert all(np.isfinite(value) for value in norms.values())
    return norms["kernel"], max(norms["scale"], norms["bias"]), float(jnp.abs(image_slope).max())


def test_frozen_trunk_passes_gradient_to_images_only():
    kernel, affine, image = gradients(small(), random_images(2, 16, 24, 3))
    assert kernel == affine == 0 and image > 0


def test_trainable_trunk_learns_its_kernels_but_no_frozen_normalisation():
    kernel, affine, image = gradients(small(trainable=True), random_images(2, 16, 24, 3))
    assert kernel > 0 and affine == 0 and image > 0


def test_batch_normalised_trunk_learns_everything():
    network = small(normalization="batch")
    images = random_images(2, 16, 24, 3)
    kernel, affine, image = gradients(network, images, train=True, mutable=["batch_stats"])
    assert kernel > 0 and affine > 0 and image > 0


def test_batch_statistics_move_the_running_averages_by_a_tenth():
    network = ResNet("small", stages=("stem",), normalization="batch")
    images = random_images(4, 8, 10, 3)
    variables = draw(network, images)
    stages, updated = apply(network, variables, images, train=True, mutable=["batch_stats"])
    kernel = np.asarray(variables["params"]["conv1"]["kernel"]).transpose(3, 2, 0, 1)
    before = reference.convolution(reference.normalize(images), kernel, stride=2, padding=1)
    mean, var = before.mean((0, 2, 3)), before.var((0, 2, 3))
    running = updated["batch_stats"]["bn1"]
    old, affine = variables["batch_stats"]["bn1"], variables["params"]["bn1"]
    assert_allclose(running["mean"], 0.9 * old["mean"] + 0.1 * mean, rtol=1e-4)
    assert_allclose(running["var"], 0.9 * old["var"] + 0.1 * var, rtol=1e-4)
    normalized = (before.transpose(0, 2, 3, 1) - mean) / np.sqrt(var + 1e-5)
    expected = np.maximum(normalized * affine["scale"] + affine["bias"], 0)
    assert_allclose(stages["stem"], expected, atol=1e-4)


def test_statistics_over_a_mapped_axis_are_those_of_the_whole_batch():
    images = random_images(4, 16, 24, 3)
    network = small(normalization="batch", axis_name="devices")
    variables = draw(network, images)

    options = dict(train=True, mutable=["batch_stats"])
    per_device = jax.vmap(lambda x: network.apply(variables, x, **options), axis_name="devices")
    halves, halves_state = jax.jit(per_device)(images.reshape(2, 2, 16, 24, 3))
    whole, state = apply(small(normalization="batch"), variables, images, **options)
    for name, stage in whole.items():
        assert_allclose(halves[name].reshape(stage.shape), stage, rtol=1e-3, atol=1e-4)
    for one, two in zip(jax.tree.leaves(state), jax.tree.leaves(halves_state), strict=True):
        assert_allclose(two[0], one, rtol=1e-4, atol=1e-5)
        assert_array_equal(two[0], two[1])


@pytest.mark.parametrize("normalization", ["frozen", "batch"])
def test_features_have_the_dtype_of_the_images(normalization):
    network = small(normalization=normalization)
    images = jnp.asarray(random_images(1, 16, 24, 3))
    variables = draw(network, images)
    precise = apply(network, variables, images)
    coarse = apply(network, variables, images.astype(jnp.bfloat16))
    for name, stage in coarse.items():
        assert stage.dtype == jnp.bfloat16
        scale = jnp.abs(precise[name]).max()
        assert_allclose(stage.astype(jnp.float32), precise[name], atol=0.05 * scale)


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(architecture="resnet19"), "architecture .*'resnet19'"),
        (dict(output_stride=2), "output_stride .* got 2"),
        (dict(normalization="layer"), "normalization .*'layer'"),
        (dict(stages=("layer5",)), "stages .*'layer5'"),
        (dict(stages="layer4"), "stages .*'layer4'"),
        (dict(stages=()), "stages"),
    ],
)
def test_refuses_bad_fields(options, message):
    with pytest.raises(ValueError, match=message):
        ResNet(**options)


@pytest.mark.parametrize(
    "images, message",
    [
        (np.zeros((4, 4), np.float32), r"images .*\(4, 4\)"),
        (np.zeros((1, 3, 8, 8), np.float32), r"images .*\(1, 3, 8, 8\)"),
        (np.zeros((1, 8, 8, 3), np.uint8), "uint8: divide by 255"),
    ],
)
def test_refuses_images_that_are_not_floating_rgb(images, message):
    with pytest.raises(ValueError, match=message):
        small().init(jax.random.key(0), images)
