"""IMM: its formulas in NumPy, what depends on what, and how it is built."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from c3jax.models.imm import IMM
from tests.drawn import draw
from tests.reference import resnet as reference
from tests.tolerances import FLOAT32

IMAGE_SHAPE = (8, 12)
SMALL = dict(
    num_landmarks=3,
    encoder_widths=(4, 6),
    decoder_channels=6,
    min_decoder_channels=3,
    image_shape=IMAGE_SHAPE,
)


@functools.cache
def images():
    return np.random.default_rng(1).uniform(size=(2, *IMAGE_SHAPE, 3)).astype(np.float32)


@functools.cache
def variables():
    """Variables of the small model."""
    return draw(IMM(**SMALL), images())


def apply(*inputs, method, **changes):
    model = IMM(**{**SMALL, **changes})
    return jax.jit(functools.partial(model.apply, method=method))(variables(), *inputs)


@functools.cache
def encoding():
    return apply(images(), method="encode")


def convolve(x, block, *, stride=1):
    """Convolution, batch normalisation by running averages and ReLU, channels first."""
    params, stats = block
    kernel = params["conv"]["kernel"].transpose(3, 2, 0, 1).astype(np.float64)
    x = reference.convolution(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)
    norm, stats = params["norm"], stats["norm"]
    slope = norm["scale"] / np.sqrt(stats["var"] + 1e-5)
    x = x * slope[:, None, None] + (norm["bias"] - stats["mean"] * slope)[:, None, None]
    return np.maximum(x, 0)


def encode_slowly(name):
    """Features `[b, h, w, c]` of the encoder `name`."""
    x = images().astype(np.float64).transpose(0, 3, 1, 2)
    blocks = [(variables()[c][name][f"ConvBlock_{n}"]) for n in range(4) for c in COLLECTIONS]
    for index, stride in enumerate((1, 1, 2, 1)):
        x = convolve(x, blocks[2 * index : 2 * index + 2], stride=stride)
    return x.transpose(0, 2, 3, 1)


COLLECTIONS = ("params", "batch_stats")


@pytest.mark.parametrize("name, field", [("appearance", "appearance"), ("pose", "flow_features")])
def test_encoders_equal_slow_reference(name, field):
    found = getattr(encoding(), field)
    assert found.shape == (2, 4, 6, 6)
    assert_allclose(found, encode_slowly(name), **FLOAT32)


def test_landmarks_are_means_of_marginal_softmaxes():
    head = variables()["params"]["pose_logits"]
    logits = encode_slowly("pose") @ head["kernel"][0, 0].astype(np.float64) + head["bias"]
    assert_allclose(encoding().logits, logits, **FLOAT32)

    def expectation(scores, centres):  # [b, n, K]
        weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        return np.einsum("bnk,n->bk", weights, centres)

    x = expectation(logits.mean(1), np.linspace(-1, 1, 6))
    y = expectation(logits.mean(2), np.linspace(-1, 1, 4))
    assert_allclose(encoding().landmarks, np.stack([x, y], -1), **FLOAT32)


def test_maps_are_imms_gaussians():
    # exp(-d^2 / 0.1^2) at stddev 0.1 / sqrt(2): the paper's 0.0707.
    maps = apply(images(), method="encode", stddev=0.1 / np.sqrt(2)).maps
    x, y = np.asarray(encoding().landmarks, np.float64).transpose(2, 0, 1)[..., None]
    dx, dy = np.linspace(-1, 1, 6) - x, np.linspace(-1, 1, 4) - y
    squared = (dy**2)[:, :, :, None] + (dx**2)[:, :, None]  # [b, K, h, w]
    expected = np.exp(-squared / 0.1**2).transpose(0, 2, 3, 1)
    assert_allclose(maps, expected, rtol=1e-3, atol=1e-6)


def test_pose_and_appearance_share_no_parameter():
    model = IMM(**SMALL)

    @jax.jit
    def sums(params):
        code = model.apply({**variables(), "params": params}, images(), method="encode")
        return jnp.stack([jnp.square(code.appearance).sum(), code.landmarks.sum()])

    jacobian = jax.jit(jax.jacrev(sums))(variables()["params"])
    depends = {
        group: tuple(
            any(bool(jnp.any(leaf[row])) for leaf in jax.tree.leaves(tree)) for row in (0, 1)
        )
        for group, tree in jacobian.items()
    }
    assert depends == {
        "appearance": (True, False),
        "pose": (False, True),
        "pose_logits": (False, True),
        "decoder": (False, False),
    }


def test_images_depend_on_appearance_and_on_pose():
    code = encoding()
    image = apply(code.appearance, code.maps, method="decode")
    assert image.shape == images().shape
    for changed in ((code.appearance[::-1], code.maps), (code.appearance, code.maps[::-1])):
        assert np.abs(apply(*changed, method="decode") - image).max() > 1e-3


def test_the_last_block_of_the_renderer_is_one_convolution_and_the_colours():
    decoder = variables()["params"]["decoder"]
    blocks = {name: block for name, block in decoder.items() if name != "colors"}
    kernels = {name: block["conv"]["kernel"].shape[2:] for name, block in blocks.items()}
    assert kernels == {"ConvBlock_0": (9, 6), "ConvBlock_1": (6, 6), "ConvBlock_2": (6, 3)}
    assert decoder["colors"]["kernel"].shape == (3, 3, 3, 3)


def test_correlation_is_the_cosine_and_transposes_with_the_images():
    features = np.random.default_rng(2).normal(size=(2, 4, 6, 5)).astype(np.float32)
    volume = apply(features[:1], features[1:], method="correlate")
    unit = features / np.linalg.norm(features, axis=-1, keepdims=True)
    assert_allclose(volume[0], np.einsum("yxc,vuc->yxvu", *unit), **FLOAT32)
    swapped = apply(features[1:], features[:1], method="correlate")
    assert_allclose(swapped, volume.transpose(0, 3, 4, 1, 2), **FLOAT32)


def test_grid_and_channels_are_the_papers_at_128_pixels():
    model = IMM(num_landmarks=30)
    batch = jax.ShapeDtypeStruct((2, 128, 128, 3), jnp.float32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), batch)
    code = jax.eval_shape(functools.partial(model.apply, method="encode"), shapes, batch)
    assert code.appearance.shape == code.flow_features.shape == (2, 16, 16, 256)
    assert code.maps.shape == (2, 16, 16, 30) and code.landmarks.shape == (2, 30, 2)
