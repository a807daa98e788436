"""Thin-plate splines on a fixed grid of control points.

A warp g takes a point of the warped image to the point of the original that is seen there:
`warped(x) = original(g(x))`. So a landmark at x in the warped image lies at g(x) in the original.
"""

import functools
import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.lax import Precision
from jaxtyping import Array, Float

from c3jax._checks import as_float, check_batched_points, check_shape_argument, checked, like
from c3jax._shapes import Image
from c3jax.coordinates import numpy_grid
from c3jax.sampling import warp


class ThinPlateSpline(NamedTuple):
    """A smooth warp, g(p) = A p + t + sum_m U(|p - c_m|^2) w_m with U(d^2) = d^2 log d^2.

    The control points c_m are the cells of the fixed grid k x k on [-1, 1], row by row, so the
    kernel of a fixed grid of points is a constant.

    Attributes:
      affine: `[*b, 2, 3]`, the columns of A, then t.
      weights: `[*b, k * k, 2]`, w_m.
    """

    affine: Float[Array, "*b 2 3"]
    weights: Float[Array, "*b M 2"]

    @property
    def control_points(self) -> int:
        """k, the control points along one axis."""
        return math.isqrt(self.weights.shape[-2])


@checked
def apply_warp(tps: ThinPlateSpline, points: Float[Array, "*bn 2"]) -> Float[Array, "*bn 2"]:
    """Points carried by a thin-plate spline, g(points).

    Args:
      tps: the warp, with batch axes *b.
      points: `[*b, ..., 2]` in the warped image, (x, y) in [-1, 1].

    Returns:
      `[*b, ..., 2]` in the original image.

    Raises:
      ValueError: if the weights are not those of a square grid.

    >>> shift = ThinPlateSpline(jnp.array([[1.0, 0, 0.5], [0, 1, 0]]), jnp.zeros((4, 2)))
    >>> apply_warp(shift, jnp.array([[0.0, -1.0]]))
    Array([[ 0.5, -1. ]], dtype=float32)
    """
    _check_control_points(tps)
    batch, points = tps.affine.shape[:-2], as_float(points)
    check_batched_points("points", points, batch)
    flat = points.reshape(*batch, -1, 2)
    return _combine(_basis(flat, tps.control_points, jnp), tps).reshape(points.shape)


@checked
def warp_grid(tps: ThinPlateSpline, shape: tuple[int, int]) -> Float[Array, "*b H W 2"]:
    """The map g(grid(shape)) of a thin-plate spline, by one product with a constant matrix.

    Args:
      tps: the warp, with batch axes *b.
      shape: static (height, width) of the warped image.

    Returns:
      `[*b, height, width, 2]`, for each pixel of the warped image the location in the original.

    Raises:
      ValueError: if `shape` or the weights are not valid.

    >>> identity = ThinPlateSpline(jnp.eye(2, 3), jnp.zeros((4, 2)))
    >>> warp_grid(identity, (2, 3))[0]
    Array([[-1., -1.],
           [ 0., -1.],
           [ 1., -1.]], dtype=float32)
    """
    _check_control_points(tps)
    height, width = check_shape_argument("shape", shape)
    basis = _grid_basis(height, width, tps.control_points)
    return _combine(basis, tps).reshape(*tps.affine.shape[:-2], height, width, 2)


@checked
def warp_image(image: Image, tps: ThinPlateSpline, *, padding: str = "zeros") -> Image:
    """Image seen through a thin-plate spline, warped(x) = image(g(x)).

    Args:
      image: an image or maps.
      tps: the warp g, with the batch axes of `image`. A landmark at x in the result lies at
        `apply_warp(tps, x)` in `image`.
      padding: as in `sample`.

    Returns:
      the warped image.

    Raises:
      ValueError: if an argument is not valid.

    >>> flip = ThinPlateSpline(jnp.array([[-1.0, 0, 0], [0, 1, 0]]), jnp.zeros((4, 2)))
    >>> warp_image(jnp.array([[[1.0], [2.0], [3.0]]] * 2), flip)[0, :, 0]
    Array([3., 2., 1.], dtype=float32)
    """
    height, width, _ = jnp.shape(image)[-3:]
    return warp(image, warp_grid(tps, (height, width)), padding=padding)


def _basis(points, control_points, xp):
    """U(|p - c_m|^2) of all control points, then x, y and 1: `[..., k * k + 3]`."""
    points_here = points[..., None, :]
    centres = numpy_grid((control_points, control_points)).reshape(-1, 2)
    squared = xp.sum((points_here - like(centres, points_here)) ** 2, axis=-1)
    # d^2 log d^2 goes to 0 with d; the inner where keeps its gradient finite there.
    kernel = xp.where(squared > 0, squared * xp.log(xp.where(squared > 0, squared, 1)), 0)
    return xp.concatenate([kernel, points, xp.ones_like(points[..., :1])], axis=-1)


@functools.lru_cache(maxsize=32)
def _grid_basis(height, width, control_points):
    """The constant `[height * width, k * k + 3]` of a grid of points."""
    return _basis(numpy_grid((height, width)).reshape(-1, 2), control_points, np)


def _combine(basis, tps):
    affine = jnp.swapaxes(as_float(tps.affine), -1, -2)
    coefficients = jnp.concatenate([tps.weights, affine], axis=-2)
    # HIGHEST: in TF32 a location would be off by a tenth of a pixel at 128 pixels. In float32 at
    # least: XLA of jaxlib 0.11.2 cannot compile this product of bfloat16 for a CPU.
    dtype = jnp.promote_types(coefficients.dtype, jnp.float32)
    product = jnp.matmul(
        basis.astype(dtype), coefficients.astype(dtype), precision=Precision.HIGHEST
    )
    return product.astype(coefficients.dtype)


def _check_control_points(tps):
    count = tps.weights.shape[-2]
    if tps.control_points**2 != count or count < 4:
        raise ValueError(f"tps_weights must have k * k rows, k at least 2, got {count}")
