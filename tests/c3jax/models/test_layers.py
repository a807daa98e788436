"""Building blocks of the landmark models against NumPy, and what their options change."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from c3jax.models.layers import ConvBlock, Decoder, normal, pool, resize, spread_out
from tests.reference.resnet import convolution_of_nhwc
from tests.tolerances import FLOAT32

INPUTS = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype(np.float32)


@pytest.mark.parametrize("stddev, expected", [(0.01, 0.01), (None, math.sqrt(2 / (3 * 3 * 16)))])
def test_kernels_are_normal_of_the_given_deviation_or_hes(stddev, expected):
    kernel = normal(stddev)(jax.random.key(0), (3, 3, 16, 64))
    assert kernel.shape == (3, 3, 16, 64) and kernel.dtype == jnp.float32
    assert float(kernel.std()) == pytest.approx(expected, rel=0.03)
    assert abs(float(kernel.mean())) < 0.05 * expected
    assert float((jnp.abs(kernel) > 2.5 * expected).mean()) == pytest.approx(0.0124, abs=0.005)


def test_a_flat_draw_has_the_values_of_a_shaped_one():
    key, shape = jax.random.key(3), (3, 2, 4, 5)
    assert_allclose(normal(0.5)(key, shape), 0.5 * jax.random.normal(key, shape))


@pytest.mark.parametrize("size, stride", [(3, 1), (3, 2), (1, 1)])
def test_a_block_is_convolution_normalisation_relu(size, stride):
    block = ConvBlock(4, kernel_size=size, stride=stride)
    variables = jax.jit(functools.partial(block.init, train=False))(jax.random.key(0), INPUTS)
    kernel = np.asarray(variables["params"]["conv"]["kernel"])
    outputs = convolution_of_nhwc(INPUTS, kernel, stride=stride, padding=size // 2)
    assert "bias" not in variables["params"]["conv"]  # the normalisation has one
    fresh = np.maximum(outputs / np.sqrt(1 + 1e-5), 0)  # running averages of 0 and 1
    still = jax.jit(functools.partial(block.apply, train=False))
    assert_allclose(still(variables, INPUTS), fresh, **FLOAT32)
    learning = functools.partial(block.apply, train=True, mutable=["batch_stats"])
    found, updated = jax.jit(learning)(variables, INPUTS)
    mean, variance = outputs.mean((0, 1, 2)), outputs.var((0, 1, 2))
    assert_allclose(
        found, np.maximum((outputs - mean) / np.sqrt(variance + 1e-5), 0), rtol=1e-4, atol=1e-4
    )
    stats = updated["batch_stats"]["norm"]
    assert_allclose(stats["mean"], 0.1 * mean, **FLOAT32)
    assert_allclose(stats["var"], 0.9 + 0.1 * variance, **FLOAT32)


def test_a_block_without_normalisation_has_a_bias_and_no_statistics():
    variables = ConvBlock(4, normalize=False).init(jax.random.key(0), INPUTS, train=True)
    assert set(variables) == {"params"} and "bias" in variables["params"]["conv"]


def test_resizing_keeps_linear_ramps_and_its_own_shape():
    ramp = jnp.broadcast_to(jnp.arange(4.0)[None, None, :, None], (1, 2, 4, 1))
    larger = resize(ramp, (4, 8))
    assert_allclose(larger[0, :, 1:-1, 0], np.tile(np.arange(0.25, 3, 0.5), (4, 1)))
    assert resize(ramp, (2, 4)) is ramp


def test_pooling_spreads_the_mean_of_each_region():
    maps = jnp.arange(16.0).reshape(1, 4, 4, 1)
    one = pool(maps, 1)
    assert_allclose(one, np.full((1, 4, 4, 1), 7.5))
    two = pool(maps, 2)[0, :, :, 0]
    assert_allclose(two[0, 0], 2.5)
    assert_allclose(two[3, 3], 12.5)
    assert_allclose(pool(maps, 4), maps)


@pytest.mark.parametrize("cells", [3, 8])
def test_regions_that_do_not_divide_the_map_are_refused(cells):
    with pytest.raises(ValueError, match=f"appearance_grid {cells} does not divide .* 4x4"):
        pool(jnp.zeros((1, 4, 4, 1)), cells)


def decoder_shapes(image_shape, grid, **fields):
    """Shapes of the output and of all kernels, in order."""
    decoder = Decoder(image_shape, **fields)
    appearance, maps = jnp.zeros((1, *grid, 5)), jnp.zeros((1, *grid, 2))
    outputs, variables = jax.eval_shape(
        functools.partial(decoder.init_with_output, train=False),
        jax.random.key(0),
        appearance,
        maps,
    )
    params = variables["params"]
    blocks = sorted((k for k in params if k != "colors"), key=lambda k: int(k.split("_")[1]))
    return outputs.shape, [params[k]["conv"]["kernel"].shape[2:] for k in blocks]


def test_the_papers_decoder_halves_the_channels_at_each_resolution():
    shape, kernels = decoder_shapes((128, 128), (16, 16))
    assert shape == (1, 128, 128, 3)
    widths = [256, 256, 128, 128, 64, 64, 32, 32]
    assert kernels == list(zip([7, *widths[:-1]], widths, strict=True))


def test_the_decoder_keeps_its_least_width_and_ends_on_any_shape():
    shape, kernels = decoder_shapes((20, 30), (4, 5), channels=8, min_channels=4)
    assert shape == (1, 20, 30, 3)
    assert [out for _, out in kernels] == [8, 8, 4, 4, 4, 4, 4, 4]


def test_imms_renderer_has_one_convolution_at_full_resolution():
    _, kernels = decoder_shapes((16, 16), (8, 8), last_convolutions=1)
    assert len(kernels) == 3


def test_the_decoder_starts_at_mid_grey():
    decoder = Decoder((4, 4), channels=2, kernel_init=normal(0.0))
    codes = jnp.ones((1, 2, 2, 3)), jnp.ones((1, 2, 2, 1))
    image, _ = jax.jit(functools.partial(decoder.init_with_output, train=False))(
        jax.random.key(0), *codes
    )
    assert_array_equal(image, np.full((1, 4, 4, 3), 0.5))


def test_depth_to_space_gives_each_cell_its_square_of_pixels():
    maps = np.arange(2 * 3 * 4 * 2, dtype=np.float32).reshape(1, 2, 3, 8)
    found = spread_out(jnp.asarray(maps), 2)
    assert found.shape == (1, 4, 6, 2)
    for row in range(4):
        for column in range(6):
            first = 2 * (2 * (row % 2) + column % 2)
            assert_array_equal(
                found[0, row, column], maps[0, row // 2, column // 2, first : first + 2]
            )


def test_a_decoder_with_depth_to_space_starts_without_a_checkerboard_at_half_the_work():
    decoder = Decoder((16, 16), channels=4, min_channels=2, depth_to_space=2)
    appearance, maps = jnp.ones((1, 4, 4, 2)), jnp.ones((1, 4, 4, 1))
    variables = decoder.init(jax.random.key(0), appearance, maps, train=False)
    assert "ConvBlock_4" not in variables["params"]  # 4x4 and 8x8 cells, none at full resolution
    images = decoder.apply(variables, appearance, maps, train=False)
    assert images.shape == (1, 16, 16, 3)
    squares = images.reshape(1, 8, 2, 8, 2, 3)
    assert_array_equal(squares, squares[:, :, :1, :, :1].repeat(2, 2).repeat(2, 4))
    with pytest.raises(ValueError, match="depth_to_space 3 does not divide"):
        Decoder((16, 16), depth_to_space=3).init(jax.random.key(0), appearance, maps, train=False)
