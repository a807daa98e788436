"""DINOv2: parity with timm, weights by key, stages, gradients and refusals."""

import functools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c3jax.models import dinov2
from c3jax.models.dinov2 import DINOv2, Variant, seen_side, stages_of
from c3jax.weights import load_dinov2, load_trunk

WIDTH = 12
SHAPES = {
    "cls_token": (1, 1, WIDTH),
    "pos_embed": (1, 26, WIDTH),
    "patch_embed.proj.weight": (WIDTH, 3, 14, 14),
    "patch_embed.proj.bias": (WIDTH,),
    "norm.weight": (WIDTH,),
    "norm.bias": (WIDTH,),
}
for block in ("blocks.0", "blocks.1"):
    for name, shape in {
        "norm1": (WIDTH,),
        "attn.qkv": (3 * WIDTH, WIDTH),
        "attn.proj": (WIDTH, WIDTH),
        "norm2": (WIDTH,),
        "mlp.fc1": (4 * WIDTH, WIDTH),
        "mlp.fc2": (WIDTH, 4 * WIDTH),
    }.items():
        SHAPES |= {f"{block}.{name}.weight": shape, f"{block}.{name}.bias": shape[:1]}
    SHAPES |= {f"{block}.ls1.gamma": (WIDTH,), f"{block}.ls2.gamma": (WIDTH,)}

# By timm 1.0.31, `VisionTransformer(img_size=70, patch_size=14, embed_dim=12, depth=2, num_heads=2,
# init_values=1e-5, num_classes=0, dynamic_img_size=True)` with `random_weights(strength)`, of
# `image(height, width)`: of each stage the channels in the upper right cell, their means over
# cells, and the greatest value. 70x70 is the grid of the embeddings, 56x98 and 112x84 are others.
PUBLISHED = json.loads(Path(__file__).with_name("dinov2_values.json").read_text())


def random_weights(strength=1.0):
    """Normal values with timm's keys; weak tokens show the epsilon of the normalisation."""
    generator = np.random.default_rng(0)
    weights = {}
    for key in sorted(SHAPES):
        values, fan_in = generator.normal(size=SHAPES[key]), np.prod(SHAPES[key][1:])
        around = 1 if "norm" in key and key.endswith("weight") else 0
        scale = fan_in**-0.5 if len(SHAPES[key]) in (2, 4) else 0.5
        scale *= strength if key.startswith(("cls", "pos", "patch")) else 1
        weights[key] = (around + scale * values).astype(np.float32)
    return weights


def image(height, width):
    return np.random.default_rng(0).uniform(size=(1, height, width, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(dinov2.VARIANTS, "tiny", Variant(WIDTH, depth=2, heads=2, grid=5))


@pytest.fixture
def file(tmp_path):
    np.savez(tmp_path / "tiny.npz", **random_weights())
    return tmp_path / "tiny.npz"


@pytest.mark.parametrize("height, width, strength", [(70, 70, 1), (56, 98, 1), (112, 84, 1e-3)])
def test_every_stage_is_that_of_timm(tmp_path, height, width, strength):
    stages, file = stages_of("tiny"), tmp_path / "tiny.npz"
    np.savez(file, **random_weights(strength))
    assert stages == ("block0", "block1", "norm")
    found = jax.jit(DINOv2("tiny", stages).apply)(load_dinov2(file, "tiny"), image(height, width))
    for stage, published in PUBLISHED[f"{height}x{width}"].items():
        corner, mean, greatest = published
        close = functools.partial(np.testing.assert_allclose, rtol=0, atol=1e-5 * greatest)
        close(found[stage][0, 0, -1], corner, err_msg=stage)
        close(found[stage][0].mean((0, 1)), mean, err_msg=stage)
        close(jnp.abs(found[stage]).max(), greatest, err_msg=stage)


def test_the_stages_of_the_small_network():
    assert stages_of("dinov2_s14") == (*(f"block{number}" for number in range(12)), "norm")


def test_only_the_wanted_blocks_are_loaded_and_axes_are_moved(file):
    network, weights = DINOv2("tiny", ("block0",)), random_weights()
    params = load_trunk(file, "tiny", stages=("block0",))["params"]
    shapes = jax.eval_shape(network.init, jax.random.key(0), image(14, 14))
    assert jax.tree.map(jnp.shape, shapes["params"]) == jax.tree.map(jnp.shape, params)
    assert params.keys() == {"cls_token", "pos_embed", "patch_embed", "blocks_0"}
    kernel = params["patch_embed"]["proj"]["kernel"]
    assert kernel[3, 4, 1, 5] == weights["patch_embed.proj.weight"][5, 1, 3, 4]
    qkv = params["blocks_0"]["attn"]["qkv"]["kernel"]
    assert qkv[2, 30] == weights["blocks.0.attn.qkv.weight"][30, 2]
    np.testing.assert_array_equal(params["pos_embed"], weights["pos_embed"])


@pytest.mark.parametrize(
    "change, said",
    [
        ({"blocks.2.ls1.gamma": np.ones(WIDTH)}, "unexpected key 'blocks.2.ls1.gamma'"),
        ({"pos_embed": np.ones((1, 50, WIDTH))}, r"'pos_embed' must have shape \(1, 26, 12\)"),
        ({"norm.bias": None}, "keys missing: 'norm.bias'"),
    ],
)
def test_weights_of_other_networks_are_refused(tmp_path, change, said):
    weights = {k: v for k, v in (random_weights() | change).items() if v is not None}
    np.savez(tmp_path / "other.npz", **weights)
    with pytest.raises(ValueError, match=f"other.npz: .*{said}"):
        load_dinov2(tmp_path / "other.npz", "tiny", stages=("block0",))


def test_other_sides_go_to_the_next_multiple_of_14(file):
    network, variables = DINOv2("tiny"), load_dinov2(file, "tiny")
    pictures = image(50, 70)
    brought = jax.image.resize(pictures, (1, 56, 70, 3), "bilinear", antialias=True)
    found, expected = (network.apply(variables, each)["norm"] for each in (pictures, brought))
    np.testing.assert_array_equal(found, expected)
    assert found.shape == (1, 4, 5, WIDTH) and seen_side(50) == seen_side(56) == 56


def test_it_maps_over_leading_axes_alone_and_under_vmap(file):
    network, variables = DINOv2("tiny", ("block1",)), load_dinov2(file, "tiny")
    pictures = np.stack([image(28, 42), image(28, 42)[..., ::-1]])  # [2, 1, 28, 42, 3]
    apply = jax.jit(network.apply)
    found = apply(variables, pictures)["block1"]
    mapped = jax.jit(jax.vmap(network.apply, in_axes=(None, 0)))(variables, pictures)["block1"]
    assert found.shape == (2, 1, 2, 3, WIDTH)
    np.testing.assert_allclose(found, mapped, atol=1e-5)
    np.testing.assert_allclose(found[1], apply(variables, pictures[1])["block1"], atol=1e-5)


@pytest.mark.parametrize("trainable", [False, True])
def test_parameters_learn_where_asked_to_and_pictures_get_gradients(trainable):
    network, pictures = DINOv2("tiny", trainable=trainable), jnp.asarray(image(28, 28))
    params = jax.jit(network.init)(jax.random.key(0), pictures)["params"]

    def loss(params, pictures):
        return network.apply({"params": params}, pictures)["norm"][..., 0].sum()

    grads, of_pictures = jax.jit(jax.grad(loss, argnums=(0, 1)))(params, pictures)
    assert bool(jnp.any(of_pictures != 0))
    for name, tree in grads.items():
        learns = any(bool(jnp.any(grad != 0)) for grad in jax.tree.leaves(tree))
        assert learns == trainable, name


@pytest.mark.parametrize(
    "field, value", [("architecture", "dinov2_b14"), ("stages", ("block12",)), ("stages", "norm")]
)
def test_unknown_variants_and_stages_are_refused(field, value):
    with pytest.raises(ValueError, match=field):
        DINOv2(**{field: value})


def test_pictures_of_whole_numbers_are_refused():
    with pytest.raises(ValueError, match="divide by 255"):
        DINOv2("tiny").init(jax.random.key(0), jnp.zeros((1, 28, 28, 3), jnp.uint8))
