"""Gradients against central differences, compiled: eager checks of small functions are slow."""

import jax
from jax.test_util import check_grads

from tests.tolerances import GRADIENT


def assert_gradient(function, *arguments):
    """The reverse-mode gradient of a function of float64 arrays is right (needs `x64`)."""
    assert jax.config.jax_enable_x64
    check_grads(jax.jit(function), arguments, **GRADIENT)
