"""Operations of a program: two per multiply-accumulate of its convolutions and matrix products."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax


def program_flop(jaxpr, platform: str | None = None) -> int:
    """Of all convolutions and matrix products, those in loops too.

    Of the branches of `lax.platform_dependent` the one of `platform` (by default JAX's own) counts,
    through gradients too; of any other condition the branch with the most.
    """
    return _count(jaxpr, [None] * len(jaxpr.invars), platform or jax.default_backend())[0]


def _count(jaxpr, given: list[int | None], platform: str) -> tuple[int, list[int | None]]:
    """The operations, and which outputs are the number of a branch; `given` says so of inputs.

    A gradient takes the number of the branch from the forward pass.
    """
    numbers = dict(zip(map(id, jaxpr.invars), given, strict=True))
    total = 0
    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        known = [numbers.get(id(variable)) for variable in equation.invars]
        found: list[int | None] = [None] * len(equation.outvars)
        if name == "platform_index":
            found = [_branch(params["platforms"], platform)]
        elif name == "cond":
            branch, *rest = known
            counts = [_count(b.jaxpr, rest, platform)[0] for b in params["branches"]]
            total += max(counts) if branch is None else counts[branch]
        else:
            total += FLOP[name](equation) if name in FLOP else 0
            for inner in _inner(params):
                same = len(inner.invars) == len(known)
                flop, out = _count(inner, known if same else [None] * len(inner.invars), platform)
                total += flop * (params["length"] if name == "scan" else 1)
                found = out if len(out) == len(found) else found
        numbers |= zip(map(id, equation.outvars), found, strict=True)
    return total, [numbers.get(id(variable)) for variable in jaxpr.outvars]


def _branch(platforms, platform: str) -> int | None:
    """Which of the branches, each for some platforms or (None) for all others, is taken."""
    own = {"gpu": {"gpu", "cuda", "rocm"}}.get(platform, {platform})
    return next((n for n, names in enumerate(platforms) if names is None or own & {*names}), None)


def _inner(params: dict) -> Iterator[Any]:
    for value in params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            inner = getattr(item, "jaxpr", item)
            if hasattr(inner, "eqns"):
                yield inner


def _convolution_flop(equation) -> int:
    out, kernel = equation.outvars[0].aval.shape, equation.invars[1].aval.shape
    params = equation.params
    # A strided convolution's gradient spreads its input with zeros, which cost nothing.
    zeros = math.prod(params["lhs_dilation"])
    taps = math.prod(kernel) // kernel[params["dimension_numbers"].rhs_spec[0]]
    return 2 * math.prod(out) * taps // zeros


def _product_flop(equation) -> int:
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return 2 * math.prod(equation.outvars[0].aval.shape) * math.prod(left[i] for i in contracted)


FLOP: dict[str, Callable[[Any], int]] = {
    "conv_general_dilated": _convolution_flop,
    "dot_general": _product_flop,
}
