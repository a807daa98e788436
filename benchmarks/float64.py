"""A traced program once more, with a float64 in the place of every float, on the host's CPU.

Random numbers are those of the program itself: JAX draws others where it draws float64.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Literal

# Compiled to be called once.
QUICKLY: Any = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def in_float64(function: Callable, *arguments: Any) -> Any:
    """`function(*arguments)` in float64, of a function that is written for float32."""
    traced, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    host = jax.devices("cpu")[0]
    with jax.enable_x64(True), jax.default_device(host):
        leaves = [_wide(leaf) for leaf in jax.device_put(jax.tree.leaves(arguments), host)]
        run = jax.jit(lambda *flat: _run(traced, *flat)).lower(*leaves)
        found = run.compile(compiler_options=QUICKLY)(*leaves)
    return jax.tree.unflatten(jax.tree.structure(shapes), found)


def _wide(value):
    dtype = getattr(value, "dtype", None)
    floating = dtype is not None and jnp.issubdtype(dtype, jnp.floating)
    return jnp.asarray(value, jnp.float64) if floating else value


def _run(closed, *values) -> list:
    """What a jaxpr gives for these values."""
    jaxpr, consts = getattr(closed, "jaxpr", closed), getattr(closed, "consts", ())
    numbers = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *values), strict=True))

    def read(atom):
        return _wide(atom.val if isinstance(atom, Literal) else numbers[atom])

    for equation in jaxpr.eqns:
        rule = RULES.get(equation.primitive.name, _bind)
        found = rule(equation, *map(read, equation.invars))
        numbers |= zip(equation.outvars, map(_wide, found), strict=True)
    return [read(atom) for atom in jaxpr.outvars]


def _bind(equation, *values):
    """Any other primitive; those that hold a program of their own hold it as `jaxpr`."""
    inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
    if inner is not None:
        return _run(inner, *values)
    params = {name: _wide_dtype(value) for name, value in equation.params.items()}
    found = equation.primitive.bind(*values, **params)
    return found if equation.primitive.multiple_results else [found]


def _wide_dtype(value):
    """float64 for a dtype of floats."""
    is_dtype = isinstance(value, (jnp.dtype, type)) and jnp.issubdtype(value, jnp.floating)
    return jnp.dtype("float64") if is_dtype else value


def _bitcast(equation, value):
    narrow = value.astype(equation.invars[0].aval.dtype)
    return [lax.bitcast_convert_type(narrow, equation.params["new_dtype"])]


def _scatter_add(equation, *values):
    params = {k: v for k, v in equation.params.items() if not k.startswith("update_")}
    return [lax.scatter_add(*values, params.pop("dimension_numbers"), **params)]


def _scan(equation, *values):
    """Constants, what is carried, and what has the loop's axis: the ranks tell where it begins."""
    body, params = equation.params["jaxpr"], equation.params
    inner = getattr(body, "jaxpr", body)

    def stacked(outside, inside):
        return sum(a.aval.ndim != b.aval.ndim for a, b in zip(outside, inside, strict=True))

    carried = len(inner.outvars) - stacked(equation.outvars, inner.outvars)
    end = len(values) - stacked(equation.invars, inner.invars)
    begin = end - carried

    def step(carry, xs):
        found = _run(body, *values[:begin], *carry, *xs)
        return found[:carried], found[carried:]

    first = list(values[begin:end])
    last, each = lax.scan(step, first, values[end:], params["length"], params["reverse"])
    return [*last, *each]


def _cond(equation, index, *values):
    branches = [lambda *xs, b=branch: _run(b, *xs) for branch in equation.params["branches"]]
    return lax.switch(index, branches, *values)


RULES: dict[str, Callable] = {
    "bitcast_convert_type": _bitcast,
    "scatter-add": _scatter_add,
    "scan": _scan,
    "cond": _cond,
}
