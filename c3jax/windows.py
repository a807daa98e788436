"""Similarities within a window around each cell: JLAD section 3.2, Eq. 3, and Eq. 7.

A window of radius r has (2 r + 1)^2 cells; that of offset (dy, dx) is channel
(dy + r) (2 r + 1) + (dx + r). Source and target share one grid. In the paper N_i is a window
centred at i of radius 5 (3.2, 4.1), and of M_i no more is said than that i is its centre (3.3).
Here both are the window around cell i, N_i in the target and M_i in the source.

[1] Jeon et al., "Joint Learning of Semantic Alignment and Object Landmark Detection", 2019, JLAD.
"""

import functools
import math
import numbers

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from c3jax._checks import as_float, check_positive, checked
from c3jax.correlation import l2_normalize

Features = Float[Array, "*b H W C"]
Windows = Float[Array, "*b H W D"]


@checked
def local_correlation(source: Features, target: Features, *, radius: int) -> Windows:
    """Cosines of each source cell with the target cells around its place, JLAD Eq. 3.

    C_i(j) = <F^s_i, F^t_j> / sqrt(sum_l <F^s_i, F^t_l>^2), j and l in the window N_i, |F| = 1

    The paper leaves open what lies outside the image: here features 0, so similarity 0.

    Args:
      source: features; normalised inside.
      target: features; `local_correlation(f, f, radius=r)` is the self-similarity.
      radius: r of the window, in cells (5 in [1]).

    Returns:
      `[*b, H, W, (2 r + 1)^2]`, of unit length over the window; 0 for features of zero.

    Raises:
      ValueError: if `radius` is not a whole number from 0 on.

    >>> features = jnp.array([[[3.0, 4.0], [5.0, 0.0]]])  # one row of two cells of cosine 0.6
    >>> similarity = local_correlation(features, features, radius=1)
    >>> np.asarray(similarity[0, 0, 3:6]).round(3)  # left (outside), centre, right
    array([0.   , 0.857, 0.514], dtype=float32)
    """
    source, target = l2_normalize(source), l2_normalize(target)
    return l2_normalize(window_products(source, target, radius=radius))


@checked
def window_products(source: Features, target: Features, *, radius: int) -> Windows:
    """Inner products of each source cell with the target cells around its place.

    P_i(d) = <F^s_i, F^t_{i + d}>, d = (dy, dx) from -r to r; 0 outside the image

    Args:
      source, target: features.
      radius: r of the window, in cells.

    Returns:
      `[*b, H, W, (2 r + 1)^2]`.

    Raises:
      ValueError: if `radius` is not a whole number from 0 on.

    >>> source, target = jnp.ones((1, 3, 1)), jnp.array([[[1.0], [2.0], [3.0]]])
    >>> window_products(source, target, radius=1)[0, 2, 3:6]  # left, centre, outside
    Array([2., 3., 0.], dtype=float32)
    """
    if not isinstance(radius, numbers.Integral) or radius < 0:
        raise ValueError(f"radius must be a whole number from 0 on, got {radius}")
    source, target = as_float(source), as_float(target)
    height, width, side = *source.shape[-3:-1], 2 * radius + 1
    # On a CPU the loop over rows is slower than up to three times as many products without it.
    few = height * width <= 3 * side * (width + 2 * radius)
    of_cells = _from_all_pairs if few else _by_rows
    products = of_cells(source, target, radius)
    return products.reshape(*products.shape[:-2], side**2)


def _from_all_pairs(source, target, radius):
    """Products `[*b, H, W, 2 r + 1, 2 r + 1]`, cut out of those of all pairs of cells."""
    products = jnp.einsum("...yxc,...vuc->...yvxu", source, target)
    rows = _diagonals(_padded(products, radius, axes=(-1,)))
    columns = _diagonals(_padded(jnp.moveaxis(rows, (-4, -3), (-2, -1)), radius, axes=(-1,)))
    return jnp.moveaxis(columns, (-2, -1, -3), (-4, -2, -1))


def _by_rows(source, target, radius):
    """The same, a row of offsets at a time."""
    height, side = source.shape[-3], 2 * radius + 1
    padded = _padded(target, radius, axes=(-3, -2))

    # No copy of the features is made for every offset, and the gradient slices the target again
    # instead of keeping its 2 r + 1 slices.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def products_of_row(dy):
        rows = lax.dynamic_slice_in_dim(padded, dy, height, axis=-3)
        return _diagonals(jnp.einsum("...xc,...zc->...xz", source, rows))

    return jnp.moveaxis(lax.map(products_of_row, jnp.arange(side)), 0, -2)


def _padded(x, radius, *, axes):
    """`x` with `radius` zeros before and behind on these axes."""
    width = [(0, 0)] * x.ndim
    for axis in axes:
        width[axis] = (radius, radius)
    return jnp.pad(x, width)


@checked
def window_scores(products: Windows, *, temperature: float = 1.0) -> Windows:
    """Probability of each cell of the window, JLAD Eq. 7.

    s_i(j) = exp(P_i(j) / temperature) / sum_l exp(P_i(l) / temperature), j and l in M_i

    The paper leaves open what lies outside the image: here those cells have probability 0 and do
    not count in the sum. Differs from [1]: there the temperature is 1, with which unit features in
    a window of 11 x 11 stay near uniform.

    Args:
      products: `[*b, H, W, (2 r + 1)^2]`, of `window_products`: <F^s_i, [tau o F^t]_j> in Eq. 7,
        with features of unit length before the warp.
      temperature: divides the products.

    Returns:
      `[*b, H, W, (2 r + 1)^2]`; sums to 1 over the last axis.

    Raises:
      ValueError: if the last axis is no odd square or `temperature` is not positive.

    >>> window_scores(jnp.zeros((1, 2, 9)))[0, 0, 3:6]  # in a row of two: none left of the first
    Array([0. , 0.5, 0.5], dtype=float32)
    """
    return jnp.exp(window_log_scores(products, temperature=temperature))


@checked
def window_log_scores(products: Windows, *, temperature: float) -> Windows:
    """Logarithm of `window_scores`, accurate where they are small; -inf outside the image."""
    check_positive(temperature=temperature)
    inside = _cells_inside(*jnp.shape(products)[-3:])
    # The centre is always inside, so the maximum is finite and no gradient is NaN.
    masked = jnp.where(inside, as_float(products) / temperature, -jnp.inf)
    return jax.nn.log_softmax(masked, axis=-1)


def _diagonals(products):
    """out[x, d] = products[x, x + d] of `[..., W, W + 2 r]`: `[..., W, 2 r + 1]`.

    Rows read one cell longer than they are start one cell later each time.
    """
    width, padded = products.shape[-2:]
    flat = products.reshape(*products.shape[:-2], width * padded)
    flat = jnp.pad(flat, [(0, 0)] * (flat.ndim - 1) + [(0, width)])
    return flat.reshape(*flat.shape[:-1], width, padded + 1)[..., : padded - width + 1]


def _cells_inside(height, width, channels):
    """Whether the cell of each channel lies in the image, `[H, W, (2 r + 1)^2]`."""
    side = math.isqrt(channels)
    if side**2 != channels or side % 2 == 0:
        raise ValueError(f"products must have (2 r + 1)^2 channels, got {channels}")

    def along(size):  # [size, 2 r + 1]
        cells = np.arange(size)[:, None] + np.arange(side) - side // 2
        return (cells >= 0) & (cells < size)

    inside = along(height)[:, None, :, None] & along(width)[None, :, None, :]
    return inside.reshape(height, width, channels)
