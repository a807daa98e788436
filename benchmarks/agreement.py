"""How far float32 and bfloat16 are from float64: values and gradients of functions and steps."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.examples import FUNCTIONS, arguments_of, axes_of, call_of
from benchmarks.float64 import in_float64
from benchmarks.programs import begin_stage, on_one_device
from c3jax.training.step import AXIS

EVERY_FUNCTION = "functions"
# Of matrix products, and the error from which on a row needs a reason.
PRECISIONS = {
    "float32": ("default", 3e-2),
    "float32 highest": ("highest", 1e-4),
    "bfloat16": ("default", 3e-2),
}
SHARE_OF_TOYS = 5  # of the functions, every fifth
BATCH = 2  # pairs in a step: the host computes it in float64
NOT_FINITE = 1e9


def compare(name: str, precision: str, *, toy: bool = False) -> dict[str, Any]:
    """Errors of the functions, or of the step of that name: [of the value, of the gradient].

    An error is the length of the difference from float64 over the length of what is right.
    """
    products, tolerance = PRECISIONS[precision]
    dtype = "bfloat16" if precision == "bfloat16" else "float32"
    function, arguments = _program(name, dtype, toy)
    with jax.default_matmul_precision(products):
        found = jax.jit(function)(*arguments)
    expected = _in_float64(name, toy)
    errors = {key: [*map(_error, found[key], expected[key])] for key in expected}
    above = [key for key, both in errors.items() if max(both) > tolerance]
    return {"tolerance": tolerance, "errors": errors, "above": above}


@functools.lru_cache(maxsize=1)
def _in_float64(name: str, toy: bool):
    function, arguments = _program(name, "float32", toy)
    return in_float64(function, *arguments)


def _program(name: str, dtype: str, toy: bool) -> tuple[Callable, tuple]:
    """The function that gives {name: (value, gradient)}, and its arguments."""
    return _functions(dtype, toy) if name == EVERY_FUNCTION else _step(name, dtype)


def _functions(dtype: str, toy: bool) -> tuple[Callable, tuple]:
    """All functions of `c3jax` and `c3jax.losses` on arrays that bfloat16 holds exactly."""
    names = [name for name in FUNCTIONS if axes_of(name) and not name.startswith("metrics.")]
    names = names[:: SHARE_OF_TOYS if toy else 1]

    def rounded(array):
        array = array[0]
        return array.astype("bfloat16").astype(dtype) if _floating(array) else array

    def all_of_them(arrays):
        return {name: value_and_gradient(call_of(name), *arrays[name]) for name in names}

    return all_of_them, (jax.tree.map(rounded, {name: arguments_of(name, 1) for name in names}),)


def _floating(array) -> bool:
    return jnp.issubdtype(array.dtype, jnp.floating)


def value_and_gradient(call: Callable, *arguments):
    """`call(*arguments)`, and the gradient of a weighted sum of its numbers."""
    value, pull_back = jax.vjp(call, *arguments)

    def weights_of(leaf):
        weights = np.cos(np.arange(leaf.size, dtype="float32"))
        return jnp.asarray(weights.reshape(leaf.shape), leaf.dtype)

    gradient = pull_back(jax.tree.map(weights_of, value))
    return value, [leaf for leaf in jax.tree.leaves(gradient) if _floating(leaf)]


def _step(name: str, dtype: str) -> tuple[Callable, tuple]:
    """Loss and gradient of the first step of that name."""
    state, stage = begin_stage(name, BATCH, dtype)
    batch = next(on_one_device(stage))
    keys = jax.random.split(jax.random.key(0), (1, BATCH))

    def one_device(state, batch, keys):
        def mean_loss(params):
            return stage.loss_fn(params, state, batch, keys)[0].mean()

        return {name: jax.value_and_grad(mean_loss)(state.params)}

    return jax.vmap(one_device, (None, 0, 0), axis_name=AXIS), (state, batch, keys)


def _error(found, expected) -> float:
    """Over all floats of two trees."""

    def numbers(tree):
        floats = [np.ravel(leaf) for leaf in jax.tree.leaves(tree) if _floating(leaf)]
        return np.concatenate([np.zeros(0), *floats])

    ours, right = numbers(found), numbers(expected)
    error = np.linalg.norm(ours - right) / max(float(np.linalg.norm(right)), 1e-6)
    return float(error) if np.isfinite(error) else NOT_FINITE
