"""Layers that the ImageNet networks share."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from c3jax.models.imagenet import FrozenBatchNorm, convolve, he_normal, max_pool
from tests.reference import resnet as reference


@pytest.mark.parametrize("size, stride, dilation", [(1, 2, 1), (3, 1, 2), (3, 2, 1), (7, 2, 1)])
def test_convolution_equals_slow_reference(size, stride, dilation):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 9, 12, 3)).astype(np.float32)
    kernel = generator.normal(size=(size, size, 3, 4)).astype(np.float32)
    steps = {"stride": stride, "dilation": dilation}
    slow = reference.convolution_of_nhwc(x, kernel, padding=dilation * (size // 2), **steps)
    assert_allclose(convolve(x, kernel, **steps), slow, atol=1e-5)


def test_max_pooling_is_padded_with_minus_infinity():
    # With zeros around, the maximum of negative values would be 0 at the border.
    x = -jnp.arange(1.0, 7.0).reshape(1, 2, 3, 1)
    assert max_pool(x, size=3, padding=1)[0, :, :, 0].tolist() == [[-1.0, -2.0]]


@pytest.mark.parametrize("size, padding", [(3, 1), (2, 0)])
@pytest.mark.parametrize("shape", [(1, 7, 10, 2), (2, 8, 5, 1)])
def test_max_pooling_and_its_gradient_equal_flax(size, padding, shape):
    generator = np.random.default_rng(0)
    x = generator.normal(size=shape).astype(np.float32)

    def flax_pool(x):
        return nn.max_pool(x, (size, size), (2, 2), ((padding, padding),) * 2)

    def our_pool(x):
        return max_pool(x, size=size, padding=padding)

    weights = generator.normal(size=our_pool(x).shape).astype(np.float32)
    ours, slope = jax.jit(jax.value_and_grad(lambda x: jnp.sum(weights * our_pool(x))))(x)
    theirs, flax_slope = jax.jit(jax.value_and_grad(lambda x: jnp.sum(weights * flax_pool(x))))(x)
    assert_allclose(ours, theirs, rtol=1e-6)
    assert_allclose(slope, flax_slope, atol=1e-6)


def test_frozen_batch_norm_equals_flax_on_the_same_variables():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 3, 4, 5)).astype(np.float32)
    draws = generator.uniform(0.5, 2, (4, 5)).astype(np.float32)
    variables = {
        "params": {"scale": draws[0], "bias": draws[1]},
        "batch_stats": {"mean": draws[2], "var": draws[3]},
    }
    theirs = nn.BatchNorm(use_running_average=True, epsilon=1e-5).apply(variables, x)
    assert_allclose(FrozenBatchNorm().apply(variables, x), theirs, rtol=1e-5, atol=1e-6)


def test_he_normal_has_variance_two_over_fan_out():
    values = he_normal(jax.random.key(0), (3, 3, 20, 8))
    assert_allclose(jnp.std(values), np.sqrt(2 / (3 * 3 * 8)), rtol=0.05)
    assert abs(jnp.mean(values)) < 0.02
