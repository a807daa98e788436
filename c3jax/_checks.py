"""Checks of static shapes and Python scalars. Traced values cannot be checked."""

import numbers

import jax.numpy as jnp
import numpy as np


def as_float(array):
    """The array in JAX, integers as floats: constants that take its dtype are no integers."""
    array = jnp.asarray(array)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)


def check_shapes(**arguments):
    """Matches arrays against patterns and returns the sizes by name.

    A pattern names the axes: `"... H W C"`. The same name is the same size in every argument, a
    number is itself, and a leading `...` is any number of batch axes, the same ones everywhere.

    >>> check_shapes(image=(np.zeros((5, 2, 3, 4)), "... H W C"))["W"]
    3
    >>> check_shapes(points=(np.zeros((5, 3)), "... K 2"))
    Traceback (most recent call last):
    ValueError: points must have shape [..., K, 2], got (5, 3)
    """
    sizes = {}
    for name, (array, pattern) in arguments.items():
        shape = np.shape(array)
        for axis, size in _name_axes(name, shape, pattern):
            known, other = sizes.setdefault(axis, (size, name))
            if known != size:
                axis = "batch axes" if axis == "..." else axis
                raise ValueError(
                    f"{name} of shape {shape} has {axis} = {size}, but {other} has {axis} = {known}"
                )
    return {axis: size for axis, (size, _) in sizes.items()}


def _name_axes(name, shape, pattern):
    """Pairs of axis and size; those of the batch are one pair."""
    axes = pattern.split()
    batched = axes[0] == "..."
    first = len(shape) - len(axes) + batched
    if first >= 0 if batched else first == 0:
        named = list(zip(axes[batched:], shape[first:], strict=True))
        if all(not axis.isdigit() or int(axis) == size for axis, size in named):
            return [("...", shape[:first])] * batched + named
    raise ValueError(f"{name} must have shape [{', '.join(axes)}], got {shape}")


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
