"""The cross-image flow module: its start, its symmetry, its linear form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c3jax import correlation_4d, gaussian_kernel, mutual_matching, separable_conv4d
from c3jax.models.flow import FlowModule
from tests.tolerances import REORDERED

SOURCE = jax.random.normal(jax.random.key(0), (2, 4, 5, 6))
TARGET = jax.random.normal(jax.random.key(1), (2, 3, 4, 6))


def build(**fields):
    module = FlowModule(kernel_size=3, **fields)
    return module, jax.jit(module.init)(jax.random.key(2), SOURCE, TARGET)


@pytest.mark.parametrize("fields", [{"channels": (2, 1)}, {"channels": (1,), "linear": True}])
def test_exchanging_the_images_transposes_the_correlation(fields):
    module, variables = build(**fields)
    forward = module.apply(variables, SOURCE, TARGET)
    backward = module.apply(variables, TARGET, SOURCE)
    assert forward.shape == (2, 4, 5, 3, 4)
    np.testing.assert_allclose(forward, backward.transpose(0, 3, 4, 1, 2), **REORDERED)


def test_it_starts_as_the_separable_gaussian():
    """One linear layer is exact: both orders of filtering agree, so the block is twice one."""
    module, variables = build(channels=(1,), linear=True)
    gaussian = gaussian_kernel(3, stddev=1.0)[:, :, None, None]
    volume = mutual_matching(correlation_4d(SOURCE, TARGET))[..., None]
    smoothed = separable_conv4d(volume, gaussian, gaussian)[..., 0]
    expected = mutual_matching(2 * smoothed)
    np.testing.assert_allclose(module.apply(variables, SOURCE, TARGET), expected, **REORDERED)


def test_more_layers_and_channels_start_near_the_gaussian_of_the_positive_part():
    module, variables = build(channels=(8, 8, 1))
    gaussian = gaussian_kernel(3, stddev=1.0)[:, :, None, None]
    volume = mutual_matching(correlation_4d(SOURCE, TARGET))[..., None]

    def block(c):
        return jax.nn.relu(separable_conv4d(c, gaussian, gaussian, activation=jax.nn.relu))

    swapped = block(volume.transpose(0, 3, 4, 1, 2, 5)).transpose(0, 3, 4, 1, 2, 5)
    expected = mutual_matching((block(volume) + swapped)[..., 0])
    found = module.apply(variables, SOURCE, TARGET)
    assert float(jnp.corrcoef(found.ravel(), expected.ravel())[0, 1]) > 0.99


def test_the_kernels_get_gradients():
    module, variables = build(channels=(2, 1))
    gradients = jax.grad(lambda v: (module.apply(v, SOURCE, TARGET) ** 2).sum())(variables)
    for leaf in jax.tree.leaves(gradients):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 0


def test_channels_that_do_not_end_in_one_are_refused():
    with pytest.raises(ValueError, match=r"channels must end with 1, got \(4, 2\)"):
        build(channels=(4, 2))
