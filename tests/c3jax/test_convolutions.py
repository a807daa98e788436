"""Filters of the 4D volume: full, separable, centre-pivot, folded into the features."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.compiled import c3jax
from tests.reference import correlation as reference
from tests.tolerances import FLOAT64

RANDOM = np.random.default_rng(0)
SOURCE, TARGET = RANDOM.normal(size=(2, 3, 4)), RANDOM.normal(size=(4, 5, 4))
WITH_CHANNELS = RANDOM.normal(size=(2, 3, 4, 5, 2))
KERNEL_SOURCE, KERNEL_TARGET = RANDOM.normal(size=(3, 3, 3, 2)), RANDOM.normal(size=(5, 5, 2, 3))


def test_worked_4d_convolution_counts_neighbours_inside():
    ones = jnp.ones((3, 3, 3, 3, 1, 1))
    out = c3jax.conv4d(jnp.ones((2, 1, 3, 1, 1)), ones)[..., 0]
    assert_array_equal(out[0, 0, :, 0], [4, 6, 4])  # 2 source rows, 2 or 3 target rows


def test_worked_centre_pivot_counts_neighbours_of_each_side():
    ones = jnp.ones((3, 3, 1, 1))
    out = c3jax.centre_pivot_conv4d(jnp.ones((2, 1, 3, 1, 1)), ones, ones)[..., 0]
    assert_array_equal(out[0, 0, :, 0], [4, 5, 4])  # 2 source rows; 2 or 3 target rows


def test_worked_folded_correlation_of_a_row_of_two_and_a_row_of_three():
    source, target = jnp.array([[[2.0, 0], [0, 3.0]]]), jnp.array([[[1.0, 0], [1, 0], [0, 1]]])
    sum_of_three = jnp.ones((3, 3, 1, 1))
    impulse = jnp.zeros((3, 3, 1, 1)).at[1, 1].set(1.0)
    out = c3jax.folded_correlation(source, target, impulse, sum_of_three)
    assert_allclose(out[0, :, 0], [[2, 2, 1], [0, 1, 1]], atol=1e-6)


def test_worked_gaussian_kernel():
    side = np.exp(-0.5)
    expected = np.outer([side, 1, side], [side, 1, side]) / (1 + 2 * side) ** 2
    assert_allclose(c3jax.gaussian_kernel(3), expected, rtol=1e-6)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_4d_convolution_equals_six_nested_loops(size, x64):
    kernel = RANDOM.normal(size=(size,) * 4 + (2, 3))
    slow = reference.conv4d(WITH_CHANNELS, kernel)
    assert_allclose(c3jax.conv4d(WITH_CHANNELS, kernel), slow, **FLOAT64)


@pytest.mark.parametrize("activation", [None, jax.nn.relu, jnp.tanh])
def test_separable_convolution_equals_slow_reference(activation, x64):
    slow = reference.separable_conv4d(
        WITH_CHANNELS, KERNEL_SOURCE, KERNEL_TARGET, activation or (lambda x: x)
    )
    fast = c3jax.separable_conv4d(
        WITH_CHANNELS, KERNEL_SOURCE, KERNEL_TARGET, activation=activation
    )
    assert_allclose(fast, slow, **FLOAT64)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 40, 30)], ids=["matrix", "convolution"])
def test_one_channel_equals_slow_reference_on_both_paths(shape, x64):
    volume, kernels = RANDOM.normal(size=(*shape, 1)), RANDOM.normal(size=(2, 5, 5, 1, 1))
    slow = reference.separable_conv4d(volume, *kernels, jnp.abs)
    fast = c3jax.separable_conv4d(volume, *kernels, activation=jnp.abs)
    assert_allclose(fast, slow, **FLOAT64)


def test_separable_convolution_equals_six_nested_loops_over_the_product_kernel(x64):
    # W(d, e) = W2(e) W1(d): of rank one per channel mix, so full and separable agree.
    target = KERNEL_TARGET[1:4, 1:4]
    kernel = np.einsum("abmo,cdim->abcdio", KERNEL_SOURCE, target)
    slow = reference.conv4d(WITH_CHANNELS, kernel)
    fast = c3jax.separable_conv4d(WITH_CHANNELS, KERNEL_SOURCE, target)
    assert_allclose(fast, slow, **FLOAT64)
    assert_allclose(c3jax.conv4d(WITH_CHANNELS, kernel), slow, **FLOAT64)


def test_centre_pivot_equals_slow_reference_and_the_full_kernel_with_taps_on_two_planes(x64):
    source, target = KERNEL_TARGET[1:4, 1:4], KERNEL_TARGET[1:4, 2:5]
    slow = reference.centre_pivot_conv4d(WITH_CHANNELS, source, target)
    fast = c3jax.centre_pivot_conv4d(WITH_CHANNELS, source, target)
    assert_allclose(fast, slow, **FLOAT64)
    kernel = np.zeros((3, 3, 3, 3, 2, 3))
    kernel[:, :, 1, 1] += source
    kernel[1, 1] += target
    assert_allclose(c3jax.conv4d(WITH_CHANNELS, kernel), fast, **FLOAT64)


def test_one_linear_channel_is_the_correlation_of_filtered_features(x64):
    # W1 * (W2 * <f_s, f_t>) = <W1 * f_s, W2 * f_t>
    w1, w2 = RANDOM.normal(size=(3, 3, 1, 1)), RANDOM.normal(size=(5, 5, 1, 1))
    volume = c3jax.correlation_4d(SOURCE, TARGET)[..., None]
    block = c3jax.separable_conv4d(volume, w1, w2)[..., 0]
    folded = c3jax.folded_correlation(SOURCE, TARGET, w1, w2)
    assert_allclose(folded, block, **FLOAT64)
    slow = reference.folded_correlation(SOURCE, TARGET, w1[..., 0, 0], w2[..., 0, 0])
    assert_allclose(folded, slow, **FLOAT64)


def test_exchanging_the_kernels_exchanges_the_sides(x64):
    kernel_a, kernel_b = RANDOM.normal(size=(2, 3, 3, 1, 1))
    transposed = c3jax.transpose_volume(WITH_CHANNELS[..., :1], channels=True)
    exchanged = c3jax.separable_conv4d(transposed, kernel_b, kernel_a)
    direct = c3jax.separable_conv4d(WITH_CHANNELS[..., :1], kernel_a, kernel_b)
    assert_allclose(c3jax.transpose_volume(exchanged, channels=True), direct, **FLOAT64)


def test_gaussian_kernel_sums_to_one_and_is_symmetric():
    kernel = c3jax.gaussian_kernel(5, stddev=0.7)
    assert_allclose(kernel.sum(), 1, rtol=1e-6)
    assert_array_equal(kernel, kernel[::-1, ::-1])
    assert_array_equal(kernel, kernel.T)


@pytest.mark.parametrize("channels", [(1, 3), (3, 1)])
def test_gradients_of_the_full_convolution_are_those_of_3d_convolutions(channels, x64):
    volume = RANDOM.normal(size=(2, 3, 2, 4, 3, channels[0]))
    kernel = RANDOM.normal(size=(3, 3, 3, 3, *channels))

    def three_3d_convolutions(volume, kernel):
        padded = jnp.pad(volume, [(0, 0), (1, 1)] + [(0, 0)] * 4)
        layout = ("NDHWC", "DHWIO", "NDHWC")
        return sum(
            jax.lax.conv_general_dilated(
                padded[:, dy : dy + 3].reshape(6, 2, 4, 3, -1),
                kernel[dy],
                (1, 1, 1),
                "SAME",
                dimension_numbers=layout,
            )
            for dy in range(3)
        )

    def gradients(convolution):
        return jax.jit(jax.grad(lambda *a: jnp.sin(convolution(*a)).sum(), (0, 1)))(volume, kernel)

    pairs = zip(gradients(c3jax.conv4d), gradients(three_3d_convolutions), strict=True)
    for fast, plain in pairs:
        assert_allclose(fast, plain, **FLOAT64)


def test_refuses_kernels_that_do_not_fit():
    with pytest.raises(ValueError, match="kernel must have an odd size.* got 2"):
        c3jax.conv4d(WITH_CHANNELS, jnp.zeros((2, 2, 2, 2, 2, 1)))
    with pytest.raises(ValueError, match="kernel_source must have an odd size.* got 4"):
        c3jax.separable_conv4d(WITH_CHANNELS, jnp.zeros((4, 4, 3, 1)), KERNEL_TARGET)
    with pytest.raises(ValueError, match="kernel_target must have an odd size.* got 4"):
        c3jax.separable_conv4d(WITH_CHANNELS, KERNEL_SOURCE, jnp.zeros((4, 4, 2, 3)))
    with pytest.raises(ValueError, match="kernel_source must have an odd size.* got 2"):
        c3jax.centre_pivot_conv4d(WITH_CHANNELS, jnp.zeros((2, 2, 2, 3)), KERNEL_TARGET)
    with pytest.raises(ValueError, match="kernel_source must have an odd size.* got 2"):
        c3jax.folded_correlation(SOURCE, TARGET, jnp.zeros((2, 2, 1, 1)), jnp.zeros((3, 3, 1, 1)))
    with pytest.raises(ValueError, match="size must have an odd size.* got 4"):
        c3jax.gaussian_kernel(4)
    with pytest.raises(ValueError, match="stddev must be positive, got 0"):
        c3jax.gaussian_kernel(3, stddev=0)
