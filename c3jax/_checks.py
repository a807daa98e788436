"""Checks of static shapes and Python scalars. Traced values cannot be checked."""

import functools
import inspect
import numbers
import types
from collections.abc import Callable
from typing import Any, TypeVar, cast

import jax.numpy as jnp
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


def as_float(array):
    """The array in JAX, integers as floats: constants that take its dtype are no integers."""
    array = jnp.asarray(array)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)


def like(values, array):
    """Values with the dtype and the number of axes of an array, the further ones in front.

    Then JAX promotes no dtype and no rank, which it can be told to refuse.

    >>> like([1, 2], jnp.zeros((3, 4, 2))).shape
    (1, 1, 2)
    """
    values = values if hasattr(values, "astype") else np.asarray(values)
    return values.reshape((1,) * (array.ndim - values.ndim) + values.shape).astype(array.dtype)


def checked(function: Function) -> Function:
    """The function, which refuses arrays of other static shapes than its annotations say.

    `Float[Array, "*b H W C"]` names the axes of an argument, as in `check_shapes`. Named tuples are
    checked field by field; other annotations, and None, are not checked.

    >>> from jaxtyping import Array, Float
    >>> @checked
    ... def centroid(points: Float[Array, "*b K 2"]) -> Float[Array, "*b 2"]:
    ...     return points.mean(-2)
    >>> centroid(np.zeros((5, 3)))
    Traceback (most recent call last):
    ValueError: points must have shape [..., K, 2], got (5, 3)
    """
    signature = inspect.signature(function)
    annotations = {name: p.annotation for name, p in signature.parameters.items()}

    @functools.wraps(function)
    def call(*arguments, **options):
        bound = signature.bind(*arguments, **options).arguments
        check_shapes(**dict(_annotated(bound, annotations)))
        return function(*arguments, **options)

    return cast(Function, call)


def _annotated(arguments, annotations):
    """Names, arrays and patterns of the arguments that have an annotation of an array."""
    for name, value in arguments.items():
        annotation = annotations[name]
        if hasattr(annotation, "_fields"):
            fields = {f"{name}_{field}": array for field, array in value._asdict().items()}
            own = {f"{name}_{field}": kind for field, kind in annotation.__annotations__.items()}
            yield from _annotated(fields, own)
        if isinstance(annotation, types.UnionType):  # such as `Float[Array, "n"] | None`
            annotation = annotation.__args__[0]
        if hasattr(annotation, "dim_str") and value is not None:
            yield name, (value, annotation.dim_str)


def check_shapes(**arguments):
    """Matches arrays against patterns and returns the sizes by name.

    A pattern names the axes: `"*b H W C"`. The same name is the same size in every argument, a
    number is itself, and a leading `*b` is any number of batch axes, the same ones everywhere.

    >>> check_shapes(image=(np.zeros((5, 2, 3, 4)), "*b H W C"))["W"]
    3
    """
    sizes = {}
    for name, (array, pattern) in arguments.items():
        shape = np.shape(array)
        for axis, size in _name_axes(name, shape, pattern.split()):
            known, other = sizes.setdefault(axis, (size, name))
            if known != size:
                axis = "batch axes" if axis.startswith("*") else axis
                raise ValueError(
                    f"{name} of shape {shape} has {axis} = {size}, but {other} has {axis} = {known}"
                )
    return {axis: size for axis, (size, _) in sizes.items()}


def _name_axes(name, shape, axes):
    """Pairs of axis and size; those of the batch are one pair."""
    batched = axes[0].startswith("*")
    first = len(shape) - len(axes) + batched
    if first >= 0 if batched else first == 0:
        named = list(zip(axes[batched:], shape[first:], strict=True))
        if all(not axis.isdigit() or int(axis) == size for axis, size in named):
            return [(axes[0], shape[:first])] * batched + named
    shown = ", ".join(["...", *axes[1:]] if batched else axes)
    raise ValueError(f"{name} must have shape [{shown}], got {shape}")


def check_batched_points(name, points, batch):
    """Points `[*batch, ..., 2]` with any axes between those of the batch and the coordinates."""
    shape = np.shape(points)
    if shape[: len(batch)] != tuple(batch) or shape[len(batch) :][-1:] != (2,):
        raise ValueError(
            f"{name} must have shape [*batch, ..., 2] with batch axes {tuple(batch)}, got {shape}"
        )


def check_shape_argument(name, shape):
    """A static `(height, width)`."""
    if len(shape) != 2 or not all(isinstance(n, numbers.Integral) and n > 0 for n in shape):
        raise ValueError(f"{name} must be (height, width), two positive integers, got {shape}")
    return int(shape[0]), int(shape[1])


def check_positive(**scalars):
    for name, value in scalars.items():
        if isinstance(value, numbers.Real) and not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")


def check_not_negative(**scalars):
    for name, value in scalars.items():
        if isinstance(value, numbers.Real) and not value >= 0:
            raise ValueError(f"{name} must not be negative, got {value}")


def check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
