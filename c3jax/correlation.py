"""The 4D volume of similarities between two feature maps, and what filters it.

A volume is `[*b, hs, ws, ht, wt]`, with channels `[*b, hs, ws, ht, wt, c]`.

[1] "Unsupervised Landmark Learning from Unpaired Data", C3.
[2] Rocco et al., "Neighbourhood Consensus Networks", 2018, NC-Net.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from c3jax._checks import as_float, check_not_negative, check_positive, check_shapes
from c3jax._conv2d import conv2d


def l2_normalize(features: Float[Array, "*b C"], *, epsilon: float = 1e-12) -> Float[Array, "*b C"]:
    """Features of unit length, f / sqrt(sum_c f_c^2 + epsilon).

    Args:
      features: `[..., C]`.
      epsilon: added to the squared length, so that zero vectors give 0 and a finite gradient.
        NC-Net [2] uses 1e-6.

    Returns:
      `[..., C]`.

    Raises:
      ValueError: if `features` is a scalar or `epsilon` is negative.

    >>> l2_normalize(jnp.array([3.0, 4.0]))
    Array([0.6, 0.8], dtype=float32)
    """
    check_shapes(features=(features, "... C"))
    check_not_negative(epsilon=epsilon)
    features = as_float(features)
    return features * lax.rsqrt(jnp.sum(features**2, axis=-1, keepdims=True) + epsilon)


def correlation_4d(
    source: Float[Array, "*b hs ws C"],
    target: Float[Array, "*b ht wt C"],
    *,
    epsilon: float = 1e-12,
) -> Float[Array, "*b hs ws ht wt"]:
    """Cosine similarity of every source cell with every target cell, C of C3 section 3.2.

    C(s, t) = <f_s, f_t> / (|f_s| |f_t|)

    Args:
      source: `[*b, hs, ws, C]` features.
      target: `[*b, ht, wt, C]` features.
      epsilon: added to the squared lengths; zero vectors give 0.

    Returns:
      `[*b, hs, ws, ht, wt]` in [-1, 1].

    Raises:
      ValueError: if the channels or the batch axes of the two differ.

    >>> source, target = jnp.array([[[1.0, 0.0]]]), jnp.array([[[3.0, 4.0], [0.0, 0.0]]])
    >>> correlation_4d(source, target)[0, 0]
    Array([[0.6, 0. ]], dtype=float32)
    """
    check_shapes(source=(source, "... hs ws C"), target=(target, "... ht wt C"))
    source, target = l2_normalize(source, epsilon=epsilon), l2_normalize(target, epsilon=epsilon)
    return jnp.einsum("...abc,...xyc->...abxy", source, target)


def mutual_matching(
    correlation: Float[Array, "*b hs ws ht wt"], *, epsilon: float = 1e-5
) -> Float[Array, "*b hs ws ht wt"]:
    """Soft mutual nearest neighbours of NC-Net [2]: damps matches that are best in one way only.

    M(s, t) = C(s, t) * C(s, t) / (max_s' C(s', t) + epsilon)
                      * C(s, t) / (max_t' C(s, t') + epsilon)

    Args:
      correlation: `[*b, hs, ws, ht, wt]`.
      epsilon: added to the two maxima.

    Returns:
      `[*b, hs, ws, ht, wt]`.

    Raises:
      ValueError: if `correlation` has fewer than 4 axes or `epsilon` is negative.

    >>> volume = jnp.array([[1.0, 0.5], [0.5, 0.25]]).reshape(1, 2, 1, 2)
    >>> mutual_matching(volume).reshape(2, 2).round(3)
    Array([[1.   , 0.25 ],
           [0.25 , 0.062]], dtype=float32)
    """
    check_shapes(correlation=(correlation, "... hs ws ht wt"))
    check_not_negative(epsilon=epsilon)
    correlation = as_float(correlation)
    best_source = correlation.max(axis=(-4, -3), keepdims=True)
    best_target = correlation.max(axis=(-2, -1), keepdims=True)
    return correlation**3 / ((best_source + epsilon) * (best_target + epsilon))


def transpose_volume(volume: Array, *, channels: bool = False) -> Array:
    """The volume with source and target exchanged, V^T(t, s) = V(s, t).

    Args:
      volume: `[*b, hs, ws, ht, wt]`, or `[*b, hs, ws, ht, wt, c]` with `channels`.
      channels: whether the last axis is one of channels, which stays.

    Returns:
      `[*b, ht, wt, hs, ws]`, or `[*b, ht, wt, hs, ws, c]`.

    Raises:
      ValueError: if `volume` has too few axes.

    >>> transpose_volume(jnp.zeros((1, 2, 3, 4))).shape
    (3, 4, 1, 2)
    """
    check_shapes(volume=(volume, "... hs ws ht wt c" if channels else "... hs ws ht wt"))
    first = jnp.ndim(volume) - 4 - channels
    return jnp.moveaxis(volume, (first + 2, first + 3), (first, first + 1))


def conv4d(
    volume: Float[Array, "*b hs ws ht wt cin"], kernel: Float[Array, "k k k k cin cout"]
) -> Float[Array, "*b hs ws ht wt cout"]:
    """4D convolution (cross-correlation) with zero padding, same size.

    out(s, t) = sum_{d, e} kernel(d, e) volume(s + d, t + e), d and e from -(k-1)/2 to (k-1)/2

    Args:
      volume: `[*b, hs, ws, ht, wt, cin]`.
      kernel: `[k, k, k, k, cin, cout]`, k odd; source rows and columns, then target's.

    Returns:
      `[*b, hs, ws, ht, wt, cout]`.

    Raises:
      ValueError: if `kernel` is not of that shape, k is even or the channels differ.

    >>> conv4d(jnp.ones((1, 1, 1, 2, 1)), jnp.ones((3, 3, 3, 3, 1, 1))).ravel()
    Array([2., 2.], dtype=float32)
    """
    sizes = check_shapes(
        volume=(volume, "... hs ws ht wt cin"), kernel=(kernel, "k k k k cin cout")
    )
    _check_odd("kernel", sizes["k"])
    radius = sizes["k"] // 2
    hs, ws, ht, wt = (sizes[axis] for axis in ("hs", "ws", "ht", "wt"))
    folded = jnp.reshape(volume, (-1, hs, ws, ht, wt, sizes["cin"]))
    padded = jnp.pad(folded, [(0, 0), (radius, radius)] + [(0, 0)] * 4)

    def one_row(dy):  # 3D convolution over (ws, ht, wt) of the volume shifted by dy source rows
        rows = padded[:, dy : dy + hs].reshape(-1, ws, ht, wt, sizes["cin"])
        return lax.conv_general_dilated(
            rows, kernel[dy], (1, 1, 1), "SAME", dimension_numbers=("NDHWC", "DHWIO", "NDHWC")
        )

    return sum(map(one_row, range(sizes["k"]))).reshape(*volume.shape[:-1], sizes["cout"])


def separable_conv4d(
    volume: Float[Array, "*b hs ws ht wt cin"],
    kernel_source: Float[Array, "k k cmid cout"],
    kernel_target: Float[Array, "k k cin cmid"],
    *,
    activation: Callable[[Array], Array] | None = None,
) -> Float[Array, "*b hs ws ht wt cout"]:
    """Two 2D convolutions in place of one 4D convolution, C3 Eq. 3: W1 (*) (W2 (*) C).

    out(s, t) = sum_d W1(d) a(sum_e W2(e) volume(s + d, t + e)), d over source, e over target

    Args:
      volume: `[*b, hs, ws, ht, wt, cin]`.
      kernel_source: W1, `[k, k, cmid, cout]`, k odd, over (hs, ws).
      kernel_target: W2, `[k', k', cin, cmid]`, k' odd, over (ht, wt); applied first.
      activation: a, between the two; none is the literal equation.

    Returns:
      `[*b, hs, ws, ht, wt, cout]`, zero padding, same size.

    Raises:
      ValueError: if the kernels are not of that shape, even or of other channels.

    >>> kernel = jnp.ones((3, 3, 1, 1))
    >>> separable_conv4d(jnp.ones((1, 2, 1, 2, 1)), kernel, kernel).ravel()
    Array([4., 4., 4., 4.], dtype=float32)
    """
    sizes = check_shapes(
        volume=(volume, "... hs ws ht wt cin"),
        kernel_target=(kernel_target, "k' k' cin cmid"),
        kernel_source=(kernel_source, "k k cmid cout"),
    )
    _check_odd("kernel_source", sizes["k"])
    _check_odd("kernel_target", sizes["k'"])
    hs, ws, ht, wt = (sizes[axis] for axis in ("hs", "ws", "ht", "wt"))
    # Channels last, so the target side is a free reshape: the source cells join the batch.
    hidden = _conv2d(jnp.reshape(volume, (-1, ht, wt, sizes["cin"])), kernel_target)
    if activation is not None:
        hidden = activation(hidden)
    # One transpose brings the source cells next to the channels, a second one brings them back.
    hidden = hidden.reshape(-1, hs * ws, ht * wt, sizes["cmid"]).swapaxes(1, 2)
    out = _conv2d(hidden.reshape(-1, hs, ws, sizes["cmid"]), kernel_source)
    out = out.reshape(-1, ht * wt, hs * ws, sizes["cout"]).swapaxes(1, 2)
    return out.reshape(*jnp.shape(volume)[:-1], sizes["cout"])


def gaussian_kernel(size: int, *, stddev: float = 1.0) -> Float[Array, "k k"]:
    """Isotropic Gaussian that sums to 1: where a 4D block starts, on either side.

    kernel(d) = exp(-|d|^2 / (2 stddev^2)) / sum_d' exp(-|d'|^2 / (2 stddev^2))

    Args:
      size: odd width in cells.
      stddev: in cells.

    Returns:
      `[size, size]`.

    Raises:
      ValueError: if `size` is even or `stddev` is not positive.

    >>> np.asarray(gaussian_kernel(3)[1]).round(3)
    array([0.124, 0.204, 0.124], dtype=float32)
    """
    _check_odd("size", size)
    check_positive(stddev=stddev)
    profile = jnp.exp(-((np.arange(size) - size // 2) ** 2) / (2 * stddev**2))
    profile = profile / profile.sum()
    return profile[:, None] * profile[None, :]


def _conv2d(maps, kernel):
    if kernel.shape[2:] == (1, 1) and maps.shape[1] * maps.shape[2] <= 1024:
        return _conv2d_as_matmul(maps, kernel)
    return conv2d(maps, kernel)


def _conv2d_as_matmul(maps, kernel):
    """One channel in, one out: a matrix over the cells, 5 to 40 times as fast on a CPU."""
    height, width = maps.shape[1:3]
    rows, columns = (_seen_through_taps(n, len(kernel), maps.dtype) for n in (height, width))
    matrix = jnp.einsum("iac,jbd,ij->abcd", rows, columns, kernel[..., 0, 0])
    cells = height * width
    return (maps.reshape(-1, cells) @ matrix.reshape(cells, cells)).reshape(maps.shape)


def _seen_through_taps(size, taps, dtype):
    """`[taps, size, size]`: 1 where an input cell reaches an output cell through a tap."""
    return np.stack([np.eye(size, k=taps // 2 - tap, dtype=dtype) for tap in range(taps)])


def _check_odd(name, size):
    if size % 2 != 1:
        raise ValueError(f"{name} must have an odd size, so that it has a centre, got {size}")
