"""Affine maps, thin-plate splines and how synthetic pairs are drawn from them.

A warp g takes a point of the warped image to the point of the original that is seen there:
`warped(x) = original(g(x))`. So a landmark at x in the warped image lies at g(x) in the original.

[1] Jakab et al., "Unsupervised Learning of Object Landmarks through Conditional Image
    Generation", 2018, IMM.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import Precision
from jaxtyping import Array, Float, PRNGKeyArray

from c3jax._checks import (
    as_float,
    check_not_negative,
    check_shape_argument,
    check_shapes,
    checked,
    like,
)
from c3jax.coordinates import numpy_grid
from c3jax.sampling import sample as sample
from c3jax.sampling import warp as warp
from c3jax.splines import ThinPlateSpline as ThinPlateSpline
from c3jax.splines import apply_warp as apply_warp
from c3jax.splines import warp_grid as warp_grid
from c3jax.splines import warp_image as warp_image


@checked
def affine_grid(affine: Float[Array, "*b 2 3"], shape: tuple[int, int]) -> Float[Array, "*b H W 2"]:
    """The map A p + t of the pixel centres p.

    Args:
      affine: the columns of A, then t.
      shape: static (height, width).

    Returns:
      `[*b, height, width, 2]`.

    Raises:
      ValueError: if `shape` is not two positive integers.

    >>> affine_grid(jnp.array([[2.0, 0, 0], [0, 1, 0.5]]), (2, 3))[0, 0]
    Array([-2. , -0.5], dtype=float32)
    """
    affine = as_float(affine)
    cells = numpy_grid(shape).astype(affine.dtype)
    linear = jnp.einsum("yxc,...dc->...yxd", cells, affine[..., :2], precision=Precision.HIGHEST)
    return linear + affine[..., None, None, :, 2]


@checked
def compose(outer: Float[Array, "*b 2 3"], inner):
    """The warp p -> outer(inner(p)) of an affine map after any warp.

    Args:
      outer: an affine map.
      inner: `[*b, 2, 3]` affine map or a `ThinPlateSpline`. (A spline after another warp is no
        spline: call `apply_warp` twice.)

    Returns:
      a warp of the kind of `inner`.

    >>> double = jnp.array([[2.0, 0, 0], [0, 2, 0]])
    >>> shift = jnp.array([[1.0, 0, 0.5], [0, 1, 0]])
    >>> compose(double, shift)[0]  # 2 (x + 0.5)
    Array([2., 0., 1.], dtype=float32)
    """
    linear, highest = outer[..., :2], Precision.HIGHEST
    if isinstance(inner, ThinPlateSpline):
        weights = jnp.einsum("...dc,...mc->...md", linear, inner.weights, precision=highest)
        return ThinPlateSpline(compose(outer, inner.affine), weights)
    check_shapes(outer=(outer, "*b 2 3"), inner=(inner, "*b 2 3"))
    product = jnp.matmul(linear, inner, precision=highest)
    return product.at[..., 2].add(outer[..., 2])


def random_affine(
    key: PRNGKeyArray, *, rotation_stddev: float, scale_stddev: float, translation_stddev: float
) -> Float[Array, "2 3"]:
    """A random similarity, p -> s R(angle) p + t, for one example; `vmap` over keys for more.

    s = 1 + N(0, scale_stddev), angle = N(0, rotation_stddev), t = N(0, translation_stddev)

    Args:
      key: a typed PRNG key.
      rotation_stddev: in degrees.
      scale_stddev: of the one scale, relative.
      translation_stddev: of x and of y, in the unit of the points.

    Returns:
      `[2, 3]`.

    Raises:
      ValueError: if a deviation is negative.

    >>> random_affine(
    ...     jax.random.key(0), rotation_stddev=0.0, scale_stddev=0.0, translation_stddev=0.0
    ... )
    Array([[ 1., -0.,  0.],
           [ 0.,  1.,  0.]], dtype=float32)
    """
    check_not_negative(
        rotation_stddev=rotation_stddev,
        scale_stddev=scale_stddev,
        translation_stddev=translation_stddev,
    )
    angle_key, scale_key, translation_key = jax.random.split(key, 3)
    angle = jnp.deg2rad(rotation_stddev * jax.random.normal(angle_key))
    scale = 1 + scale_stddev * jax.random.normal(scale_key)
    translation = translation_stddev * jax.random.normal(translation_key, (2, 1))
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.hstack([scale * jnp.array([[cos, -sin], [sin, cos]]), translation])


def random_warp(
    key: PRNGKeyArray,
    *,
    rotation_stddev: float,
    scale_stddev: float,
    translation_stddev: float,
    warp_stddevs: tuple[float, float],
    control_points: int = 10,
) -> ThinPlateSpline:
    """A random thin-plate spline of IMM [1], for one example; `vmap` over keys for more.

    w = N(0, warp_stddevs[0]) + b N(0, warp_stddevs[1]), b = 0 or 1 with equal chance, for each
    coordinate of each weight; the affine part is `random_affine`.

    Args:
      key: a typed PRNG key.
      rotation_stddev: in degrees.
      scale_stddev: of the one scale, relative.
      translation_stddev: of x and of y, in the unit of the points.
      warp_stddevs: deviations of all weights and of the random half that moves more.
      control_points: along each axis.

    Returns:
      a `ThinPlateSpline` with `control_points ** 2` weights. IMM's target has (0, 0, .1, (.001,
      .005)); its source, a warp of the target, has (5, .1, .1, (.001, .01)).

    Raises:
      ValueError: if a deviation is negative or `control_points` is below 2.

    >>> warp = random_warp(jax.random.key(0), rotation_stddev=5.0, scale_stddev=0.1,
    ...                    translation_stddev=0.1, warp_stddevs=(0.001, 0.01))
    >>> warp.affine.shape, warp.weights.shape
    ((2, 3), (100, 2))
    """
    of_all, of_half = warp_stddevs
    check_not_negative(**{"warp_stddevs[0]": of_all, "warp_stddevs[1]": of_half})
    if control_points < 2:
        raise ValueError(f"control_points must be at least 2, got {control_points}")
    affine_key, all_key, half_key, chosen_key = jax.random.split(key, 4)
    affine = random_affine(
        affine_key,
        rotation_stddev=rotation_stddev,
        scale_stddev=scale_stddev,
        translation_stddev=translation_stddev,
    )
    size = (control_points**2, 2)
    half = jax.random.normal(half_key, size)
    half = half * like(jax.random.bernoulli(chosen_key, 0.5, size), half)
    weights = of_all * jax.random.normal(all_key, size) + of_half * half
    return ThinPlateSpline(affine, weights)


def border_mask(shape: tuple[int, int], *, margin: int, step: int) -> Float[Array, "H W 1"]:
    """IMM's [1] soft mask of an image: 0 in the margin, a tanh ramp, 1 inside.

    ramp(u) = (1 + tanh(u / 0.4)) / 2 for `step` values of u from -1 to 1; the mask is the product
    of the ramps of its row and its column.

    Args:
      shape: static (height, width).
      margin: pixels of 0 at each border (IMM: 10 at 128 pixels).
      step: pixels of each ramp (IMM: 20).

    Returns:
      `[height, width, 1]`, an image that is warped along with the picture.

    Raises:
      ValueError: if the margin and the ramp do not fit twice into the shape.

    >>> np.asarray(border_mask((8, 9), margin=1, step=2)[4, :, 0]).round(3)
    array([0.   , 0.007, 0.993, 1.   , 1.   , 1.   , 0.993, 0.007, 0.   ],
          dtype=float32)
    """
    height, width = check_shape_argument("shape", shape)
    if min(margin, step) < 0 or 2 * (margin + step) > min(height, width):
        raise ValueError(
            f"margin {margin} and step {step} must not be negative and fit twice into {shape}"
        )
    ramp = (1 + np.tanh(np.linspace(-1, 1, step) / 0.4)) / 2

    def profile(size):
        inside = np.ones(size - 2 * margin)
        inside[:step], inside[len(inside) - step :] = ramp, ramp[::-1]
        return np.pad(inside, margin)

    return jnp.asarray(profile(height)[:, None, None] * profile(width)[None, :, None])
