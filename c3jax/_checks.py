"""Checks of static shapes and Python scalars. Traced values cannot be checked."""

import numbers

import jax.numpy as jnp


def check_shapes(**arguments):
    """Matches arrays against patterns and returns the sizes by name.

    A pattern names the axes: `"... H W C"`. The same name is the same size in every argument, a
    number is itself, and a leading `...` is any number of batch axes, the same ones everywhere.

    >>> import numpy as np
    >>> check_shapes(image=(np.zeros((5, 2, 3, 4)), "... H W C"))["W"]
    3
    >>> check_shapes(points=(np.zeros((5, 3)), "... K 2"))
    Traceback (most recent call last):
    ValueError: points must have shape [..., K, 2], got (5, 3)
    """
    sizes = {}
    for name, (array, pattern) in arguments.items():
        shape, axes = jnp.shape(array), pattern.split()
        batched = axes[0] == "..."
        axes = axes[batched:]
        batch, tail = shape[: len(shape) - len(axes)], shape[len(shape) - len(axes) :]
        found = dict(zip(axes, tail, strict=False))
        wrong_rank = len(tail) < len(axes) or (batch and not batched)
        if wrong_rank or any(axis.isdigit() and int(axis) != n for axis, n in found.items()):
            raise ValueError(f"{name} must have shape [{', '.join(pattern.split())}], got {shape}")
        if batched:
            found["..."] = batch
        for axis, size in found.items():
            known = sizes.setdefault(axis, size)
            if known != size:
                label = "batch axes" if axis == "..." else axis
                raise ValueError(
                    f"{name} of shape {shape} has {label} = {size}, "
                    f"but {', '.join(list(arguments)[: list(arguments).index(name)])} "
                    f"has {label} = {known}"
                )
    return sizes


def check_batched_points(name, points, batch):
    """Points `[*batch, ..., 2]` with any axes between those of the batch and the coordinates."""
    shape = jnp.shape(points)
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
