"""Bilinear sampling of images and maps at points."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from c3jax._checks import as_float, check_batched_points, check_choice, checked, like
from c3jax._shapes import Image, PointMap

PADDINGS = ("zeros", "clamp", "reflect")


@checked
def sample(
    image: Image, points: Float[Array, "*bn 2"], *, padding: str = "zeros"
) -> Float[Array, "*bn C"]:
    """Bilinear samples of an image at points.

    out(p) = sum_q max(0, 1 - |x_p - x_q|) max(0, 1 - |y_p - y_q|) image(q), in pixels

    Args:
      image: an image or maps.
      points: `[*b, ..., 2]`, (x, y) in [-1, 1].
      padding: what lies outside: 'zeros' (pixels of value 0), 'clamp' (the nearest pixel) or
        'reflect' (the image mirrored at the centres of its border pixels).

    Returns:
      `[*b, ..., C]`.

    Raises:
      ValueError: if `padding` is none of the three.

    >>> image = jnp.array([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
    >>> sample(image, jnp.array([[1.0, -1.0], [0.5, 0.0]]))  # upper right corner; between four
    Array([[3.],
           [4.]], dtype=float32)
    """
    check_choice("padding", padding, PADDINGS)
    image, points = as_float(image), as_float(points)
    batch, (height, width, channels) = image.shape[:-3], image.shape[-3:]
    check_batched_points("points", points, batch)
    count = math.prod(batch)
    pixels = image.reshape(count, height * width, channels)
    one = functools.partial(_sample_one, size=(height, width), padding=padding)
    out = jax.vmap(one)(pixels, points.reshape(count, -1, 2))
    return out.reshape(*points.shape[:-1], channels)


def _sample_one(pixels, points, *, size, padding):
    """Samples of `[H * W, C]` pixels at `[n, 2]` points."""
    height, width = size
    if padding == "reflect":  # a triangle wave of period 4
        points = 1 - jnp.abs(jnp.mod(points + 1, 4) - 2)
    if padding != "zeros":
        points = jnp.clip(points, -1, 1)
    last = like([width - 1, height - 1], points)
    position = (points + 1) / 2 * last
    corner = jnp.floor(position)
    fraction = position - corner

    def term(dx, dy):
        neighbour = corner + like([dx, dy], points)
        weight = jnp.where(np.array([[dx, dy]], bool), fraction, 1 - fraction)
        weight = jnp.where((neighbour >= 0) & (neighbour <= last), weight, 0).prod(-1)
        x, y = jnp.clip(neighbour, 0, last).astype(jnp.int32).T
        return weight[:, None].astype(pixels.dtype) * pixels[y * width + x]

    return term(0, 0) + term(1, 0) + term(0, 1) + term(1, 1)


@checked
def warp(image: Image, points: PointMap, *, padding: str = "zeros") -> Float[Array, "*b h w C"]:
    """Image looked up at a map of points: the o of C3 Eq. 4, T o image.

    (T o image)(y, x) = image(T(y, x))

    Args:
      image: an image or maps.
      points: for each cell of the result the location in `image`.
      padding: as in `sample`.

    Returns:
      the image at the points.

    Raises:
      ValueError: if `padding` is unknown.

    >>> from c3jax.coordinates import grid
    >>> image = jnp.array([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
    >>> warp(image, grid((2, 3)) * jnp.array([-1.0, 1.0]))[..., 0]  # mirrored
    Array([[3., 2., 1.],
           [6., 5., 4.]], dtype=float32)
    """
    return sample(image, points, padding=padding)
