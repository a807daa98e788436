"""The one coordinate convention: points are (x, y), the centres of the corner pixels at +-1.

Pixel coordinates count centres from 0: the centre of the top left pixel is (0, 0), that of the
bottom right one (width - 1, height - 1). An axis of a single pixel has its centre at -1.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from c3jax._checks import as_float, check_shape_argument, checked, like


def grid(shape: tuple[int, int], *, dtype=None) -> Float[Array, "H W 2"]:
    """Centres of the pixels of a map, as (x, y) in [-1, 1].

    Args:
      shape: static (height, width) of the map.
      dtype: of the result; JAX's default float otherwise.

    Returns:
      `[height, width, 2]`; entry `[y, x]` is the point of row y and column x.

    Raises:
      ValueError: if `shape` is not two positive integers.

    >>> grid((2, 3))[1]  # the lower row: x runs, y is 1
    Array([[-1.,  1.],
           [ 0.,  1.],
           [ 1.,  1.]], dtype=float32)
    """
    return jnp.asarray(numpy_grid(shape), dtype)


def numpy_grid(shape):
    """`grid` in float64 NumPy: a constant for functions that build on it."""
    height, width = check_shape_argument("shape", shape)
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    return np.stack([x, y], axis=-1)


@checked
def to_pixels(points: Float[Array, "*b 2"], shape: tuple[int, int]) -> Float[Array, "*b 2"]:
    """Normalised points as pixel coordinates, (points + 1) / 2 * (size - 1).

    Args:
      points: (x, y) in [-1, 1].
      shape: static (height, width) of the map.

    Returns:
      points (x, y) in pixels, centres counted from 0.

    Raises:
      ValueError: if `shape` is not two positive integers.

    >>> to_pixels(jnp.array([1.0, -1.0]), (2, 3))  # the upper right corner
    Array([2., 0.], dtype=float32)
    """
    height, width = check_shape_argument("shape", shape)
    points = as_float(points)
    return (points + 1) / 2 * like([width - 1, height - 1], points)


@checked
def to_normalized(points_px: Float[Array, "*b 2"], shape: tuple[int, int]) -> Float[Array, "*b 2"]:
    """Pixel coordinates as normalised points, 2 * points_px / (size - 1) - 1.

    Args:
      points_px: (x, y) in pixels, centres counted from 0.
      shape: static (height, width) of the map.

    Returns:
      points (x, y) in [-1, 1].

    Raises:
      ValueError: if `shape` is not two positive integers.

    >>> to_normalized(jnp.array([2.0, 0.0]), (2, 3))
    Array([ 1., -1.], dtype=float32)
    """
    height, width = check_shape_argument("shape", shape)
    points_px = as_float(points_px)
    return 2 * points_px / like([max(width - 1, 1), max(height - 1, 1)], points_px) - 1
