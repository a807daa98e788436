"""A function once more, in float64 on the host's CPU.

Random numbers are those that it draws in float32: JAX draws others where it draws float64.
"""

import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

# Compiled to be called once.
QUICKLY: Any = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
DRAWS = ("bernoulli", "categorical", "normal", "rademacher", "uniform")


def in_float64(function: Callable, *arguments: Any) -> Any:
    """`function(*arguments)` with float64 in the place of every float."""
    host = jax.devices("cpu")[0]
    with ExitStack() as stack:
        stack.enter_context(jax.default_device(host))
        stack.enter_context(jax.enable_x64(True))
        stack.enter_context(mock.patch.object(jnp, "float32", jnp.float64))  # where it is named
        for name in DRAWS:
            draw = _in_float32(getattr(jax.random, name))
            stack.enter_context(mock.patch.object(jax.random, name, draw))
        wide = _cast(np.float64, jax.device_put(arguments, host))
        # A function of its own: what has been traced before has other draws.
        compiled = jax.jit(lambda *values: function(*values)).lower(*wide)
        return compiled.compile(compiler_options=QUICKLY)(*wide)


def _in_float32(draw: Callable) -> Callable:
    """The draw as it is without float64, its numbers in float64."""

    def drawn(*arguments, **options):
        arguments = _cast(np.float32, arguments)
        # A dtype that is named is narrowed too, with a warning.
        with warnings.catch_warnings(action="ignore"), jax.enable_x64(False):
            numbers = draw(*arguments, **options)
        return _cast(np.float64, numbers)

    return drawn


def _cast(dtype, tree):
    """The tree with this dtype in the place of other floats."""

    def cast(leaf):
        floating = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating)
        return leaf.astype(dtype) if floating else leaf

    return jax.tree.map(cast, tree)
