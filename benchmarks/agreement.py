"""How far float32 and bfloat16 are from float64: values and gradients of functions and steps."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.examples import CASES, arguments_of, call_of
from benchmarks.float64 import in_float64
from benchmarks.programs import begin_stage, on_one_device
from c3jax.training.step import AXIS

FUNCTIONS = "functions"
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
    function, arguments = _program(name, precision, toy)
    with jax.default_matmul_precision(products):
        found = jax.jit(function)(*arguments)
    expected = _in_float64(name, toy)
    errors = {key: [*map(_error, found[key], expected[key])] for key in expected}
    return {
        "tolerance": tolerance,
        "errors": errors,
        "above": [key for key, both in errors.items() if max(both) > tolerance],
    }


@functools.lru_cache(maxsize=1)
def _in_float64(name: str, toy: bool):
    function, arguments = _program(name, "float32", toy)
    return in_float64(function, *arguments)


def _program(name: str, precision: str, toy: bool) -> tuple[Callable, tuple]:
    """The function that gives {name: (value, gradient)}, and its arguments."""
    dtype = "bfloat16" if precision == "bfloat16" else "float32"
    return _functions(dtype, toy) if name == FUNCTIONS else _step(name, dtype)


def _functions(dtype: str, toy: bool) -> tuple[Callable, tuple]:
    """All functions of `c3jax` and `c3jax.losses` on arrays that bfloat16 holds exactly."""
    names = [name for name, case in CASES.items() if any(case.arrays) or "losses" in name]
    names = [name for name in names if not name.startswith("metrics.")]
    names = names[:: SHARE_OF_TOYS if toy else 1]
    arrays = {
        name: [_rounded(array[0], dtype) for array in arguments_of(name, 1)] for name in names
    }
    return lambda arrays: {
        name: value_and_gradient(call_of(name), *arrays[name]) for name in names
    }, (arrays,)


def _rounded(array, dtype):
    return array.astype("bfloat16").astype(dtype) if _floating(array) else array


def _floating(array) -> bool:
    return jnp.issubdtype(array.dtype, jnp.floating)


def value_and_gradient(call: Callable, *arguments):
    """`call(*arguments)`, and the gradient of a weighted sum of its numbers."""

    def weighted(*arguments):
        value = call(*arguments)
        leaves = [leaf.astype("float32") for leaf in jax.tree.leaves(value) if _floating(leaf)]
        weights = [np.cos(np.arange(leaf.size, dtype="float32")) for leaf in leaves]
        total = sum(jnp.vdot(w, leaf.ravel()) for w, leaf in zip(weights, leaves, strict=True))
        return jnp.zeros(()) + total, value

    floats = tuple(n for n, array in enumerate(arguments) if _floating(array))
    if not floats:
        return call(*arguments), ()
    (_, value), gradient = jax.value_and_grad(weighted, floats, has_aux=True)(*arguments)
    return value, gradient


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
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    arrays = [
        [np.asarray(a, np.float64).ravel() for a in pair] for pair in pairs if _floating(pair[1])
    ]
    ours, right = (np.concatenate([pair[n] for pair in arrays] or [np.zeros(0)]) for n in (0, 1))
    error = np.linalg.norm(ours - right) / max(float(np.linalg.norm(right)), 1e-6)
    return float(error) if np.isfinite(error) else NOT_FINITE
