"""Eq. 3 of C3 to the letter: one linear layer, without mutual matching and symmetry."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from numpy.testing import assert_allclose

from c3jax.models.flow import FlowModule
from tests.reference import correlation as reference
from tests.tolerances import FLOAT64, GRADIENT, REORDERED

RANDOM = np.random.default_rng(0)
SOURCE, TARGET = RANDOM.normal(size=(2, 4, 5, 6)), RANDOM.normal(size=(2, 3, 4, 6))
W1, W2 = RANDOM.normal(size=(2, 3, 3, 1, 1))
LITERAL = FlowModule(channels=(1,), kernel_size=3, linear=True, mutual=False, symmetric=False)


@functools.partial(jax.jit, static_argnums=0)
def apply(module, variables, source, target):
    return module.apply(variables, source, target)


def params(w1, w2):
    return {"params": {"kernel_source_0": jnp.asarray(w1), "kernel_target_0": jnp.asarray(w2)}}


def test_a_worked_value():
    source, target = np.eye(2)[None, None], np.eye(2)[None, None, [0, 1, 0]]
    w1, w2 = np.zeros((2, 3, 3, 1, 1))
    w1[1, :, 0, 0], w2[1, :, 0, 0] = [3, 1, 0], [0, 1, 2]
    # C = [1 0 1; 0 1 0], W2 * C = [1 2 1; 2 1 0] along its rows, W1 along its columns.
    found = apply(LITERAL, params(w1, w2), source, target)
    assert_allclose(found.reshape(2, 3), [[1, 2, 1], [5, 7, 3]], rtol=1e-6)


@pytest.mark.parametrize("symmetric", [False, True])
def test_folded_or_not_it_equals_the_slow_reference(symmetric, x64, monkeypatch):
    module, variables = LITERAL.clone(symmetric=symmetric), params(W1, W2)
    slow = []
    for pair in zip(SOURCE, TARGET, strict=True):
        volume = reference.correlation_4d(*pair)[..., None]
        kernels = [(W1, W2), (W2, W1)][: 1 + symmetric]
        terms = [reference.separable_conv4d(volume, *each, lambda c: c) for each in kernels]
        slow.append(sum(terms)[..., 0])
    assert_allclose(apply(module, variables, SOURCE, TARGET), slow, **FLOAT64)
    monkeypatch.setattr(FlowModule, "_can_fold", lambda self: False)
    assert_allclose(module.apply(variables, SOURCE, TARGET), slow, **FLOAT64)


def test_exchanging_the_images_transposes_it_only_if_the_kernels_are_exchanged_too(x64):
    forward = apply(LITERAL, params(W1, W2), SOURCE, TARGET).transpose(0, 3, 4, 1, 2)
    assert_allclose(apply(LITERAL, params(W2, W1), TARGET, SOURCE), forward, **FLOAT64)
    assert np.abs(apply(LITERAL, params(W1, W2), TARGET, SOURCE) - forward).max() > 1


def test_gradient(x64):
    def loss(w1, w2, source, target):
        return (LITERAL.apply(params(w1, w2), source, target) ** 2).sum()

    check_grads(jax.jit(loss), (W1, W2, SOURCE[:1], TARGET[:1]), **GRADIENT)


def test_without_symmetry_layers_with_relu_have_one_term_too():
    module = LITERAL.clone(channels=(2, 1), linear=False, symmetric=True)
    variables = jax.jit(module.init)(jax.random.key(0), SOURCE, TARGET)
    one = module.clone(symmetric=False)
    forward = apply(one, variables, SOURCE, TARGET)
    backward = apply(one, variables, TARGET, SOURCE)
    both = apply(module, variables, SOURCE, TARGET)
    assert_allclose(forward + backward.transpose(0, 3, 4, 1, 2), both, **REORDERED)
