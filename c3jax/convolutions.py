"""Filters of the 4D volume, `[*b, hs, ws, ht, wt, c]`: over both sides at once or one by one.

They compute in the dtype of the volume, whatever that of the kernels.

[1] "Unsupervised Landmark Learning from Unpaired Data", C3.
[2] Rocco et al., "Neighbourhood Consensus Networks", 2018, NC-Net.
[3] Min et al., "Hypercorrelation Squeeze for Few-Shot Segmentation", 2021, HSNet.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from c3jax import _conv4d
from c3jax._checks import as_float, check_positive, checked
from c3jax._conv2d import conv2d
from c3jax._shapes import Volume
from c3jax.correlation import l2_normalize

Inputs, Outputs = Float[Array, "*b hs ws ht wt cin"], Float[Array, "*b hs ws ht wt cout"]


@checked
def conv4d(volume: Inputs, kernel: Float[Array, "k k k k cin cout"]) -> Outputs:
    """4D convolution (cross-correlation) with zero padding, same size: a layer of NC-Net [2].

    out(s, t) = sum_{d, e} kernel(d, e) volume(s + d, t + e), d and e from -(k-1)/2 to (k-1)/2

    Args:
      volume: a correlation with channels.
      kernel: k odd; source rows and columns, then target's.

    Returns:
      the volume, of the same size but for the channels.

    Raises:
      ValueError: if k is even.

    >>> conv4d(jnp.ones((1, 1, 1, 2, 1)), jnp.ones((3, 3, 3, 3, 1, 1))).ravel()
    Array([2., 2.], dtype=float32)
    """
    _check_odd(kernel=kernel)
    batched = jnp.reshape(as_float(volume), (-1, *jnp.shape(volume)[-5:]))
    out = _conv4d.conv4d(batched, jnp.asarray(kernel, batched.dtype))
    return out.reshape(*jnp.shape(volume)[:-1], jnp.shape(kernel)[-1])


@checked
def separable_conv4d(
    volume: Inputs,
    kernel_source: Float[Array, "k k cmid cout"],
    kernel_target: Float[Array, "k2 k2 cin cmid"],
    *,
    activation: Callable[[Array], Array] | None = None,
) -> Outputs:
    """Two 2D convolutions in place of one 4D convolution, C3 Eq. 3: W1 (*) (W2 (*) C).

    out(s, t) = sum_d W1(d) a(sum_e W2(e) volume(s + d, t + e)), d over source, e over target

    Eq. 3 does not say which side W2 filters: here the target's.

    Args:
      volume: a correlation with channels.
      kernel_source: W1, k odd, over (hs, ws).
      kernel_target: W2, k2 odd, over (ht, wt); applied first.
      activation: a, between the two; none is the literal equation.

    Returns:
      zero padding, same size.

    Raises:
      ValueError: if a kernel has an even size.

    >>> kernel = jnp.ones((3, 3, 1, 1))
    >>> separable_conv4d(jnp.ones((1, 2, 1, 2, 1)), kernel, kernel).ravel()
    Array([4., 4., 4., 4.], dtype=float32)
    """
    _check_odd(kernel_source=kernel_source, kernel_target=kernel_target)
    hidden = _convolve_target(volume, kernel_target)
    if activation is not None:
        hidden = activation(hidden)
    return _convolve_source(hidden, kernel_source)


@checked
def centre_pivot_conv4d(
    volume: Inputs,
    kernel_source: Float[Array, "k k cin cout"],
    kernel_target: Float[Array, "k2 k2 cin cout"],
) -> Outputs:
    """The taps of a 4D convolution that keep one of the two cells, as in HSNet [3].

    out(s, t) = sum_d W1(d) volume(s + d, t) + sum_e W2(e) volume(s, t + e)

    `separable_conv4d` composes the two sides and so sees the whole neighbourhood of a pair; this
    sum sees two planes of it.

    Args:
      volume: a correlation with channels.
      kernel_source: W1, k odd, over (hs, ws).
      kernel_target: W2, k2 odd, over (ht, wt).

    Returns:
      zero padding, same size.

    Raises:
      ValueError: if a kernel has an even size.

    >>> kernel = jnp.ones((3, 3, 1, 1))
    >>> centre_pivot_conv4d(jnp.ones((1, 2, 1, 3, 1)), kernel, kernel)[0, 0, 0, :, 0]
    Array([4., 5., 4.], dtype=float32)
    """
    _check_odd(kernel_source=kernel_source, kernel_target=kernel_target)
    return _convolve_source(volume, kernel_source) + _convolve_target(volume, kernel_target)


@checked
def folded_correlation(
    source: Float[Array, "*b hs ws C"],
    target: Float[Array, "*b ht wt C"],
    kernel_source: Float[Array, "k k 1 1"],
    kernel_target: Float[Array, "k2 k2 1 1"],
    *,
    epsilon: float = 1e-12,
) -> Volume:
    """Eq. 3 of C3 with one channel, without filtering a volume: the features are filtered.

    W1 (*) (W2 (*) <f_s, f_t>) = <W1 (*) f_s, W2 (*) f_t>, |f| = 1

    Exact for one channel without activation. It equals `separable_conv4d` of `correlation_4d`, at
    about the cost of `correlation_4d`; mutual matching before the filters is not linear, and so has
    no such form.

    Args:
      source, target: features; normalised inside.
      kernel_source: W1, k odd.
      kernel_target: W2, k2 odd.
      epsilon: added to the squared lengths, as in `correlation_4d`.

    Returns:
      the filtered correlation.

    Raises:
      ValueError: if a kernel has an even size.

    >>> source, target = jnp.array([[[1.0, 0.0]]]), jnp.array([[[3.0, 4.0], [3.0, 4.0]]])
    >>> kernel = jnp.ones((3, 3, 1, 1))
    >>> folded_correlation(source, target, kernel, kernel)[0, 0].round(3)
    Array([[1.2, 1.2]], dtype=float32)
    """
    _check_odd(kernel_source=kernel_source, kernel_target=kernel_target)
    source = _convolve_each_channel(l2_normalize(source, epsilon=epsilon), kernel_source)
    target = _convolve_each_channel(l2_normalize(target, epsilon=epsilon), kernel_target)
    return jnp.einsum("...cab,...cxy->...abxy", source, target)


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
    _check_odd(size=range(size))
    check_positive(stddev=stddev)
    profile = jnp.exp(-((np.arange(size) - size // 2) ** 2) / (2 * stddev**2))
    profile = profile / profile.sum()
    return profile[:, None] * profile[None, :]


def _convolve_target(volume, kernel):
    """Channels last, so this is a free reshape: the source cells join the batch."""
    *cells, channels = jnp.shape(volume)
    maps = _convolve_maps(jnp.reshape(volume, (-1, *cells[-2:], channels)), kernel)
    return maps.reshape(*cells, kernel.shape[3])


def _convolve_source(volume, kernel):
    """One transpose brings the source cells next to the channels, a second one brings them back."""
    *batch, hs, ws, ht, wt, channels = jnp.shape(volume)
    maps = jnp.reshape(volume, (-1, hs * ws, ht * wt, channels)).swapaxes(1, 2)
    maps = _convolve_maps(maps.reshape(-1, hs, ws, channels), kernel)
    out = maps.reshape(-1, ht * wt, hs * ws, kernel.shape[3]).swapaxes(1, 2)
    return out.reshape(*batch, hs, ws, ht, wt, kernel.shape[3])


def _convolve_each_channel(features, kernel):
    """`[*b, h, w, C]` to `[*b, C, h, w]`."""
    maps = jnp.moveaxis(features, -1, -3)
    out = _convolve_maps(maps.reshape(-1, *maps.shape[-2:], 1), kernel)
    return out.reshape(maps.shape)


def _convolve_maps(maps, kernel):
    maps = as_float(maps)
    kernel = jnp.asarray(kernel, maps.dtype)
    if kernel.shape[2:] == (1, 1) and maps.shape[1] * maps.shape[2] <= 1024:
        return _convolve_as_matrix(maps, kernel)
    return conv2d(maps, kernel)


def _convolve_as_matrix(maps, kernel):
    """One channel in, one out: a matrix over the cells, 5 to 40 times as fast on a CPU."""
    height, width = maps.shape[1:3]
    rows, columns = (_seen_through_taps(n, len(kernel), maps.dtype) for n in (height, width))
    matrix = jnp.einsum("iac,jbd,ij->abcd", rows, columns, kernel[..., 0, 0])
    cells = height * width
    return (maps.reshape(-1, cells) @ matrix.reshape(cells, cells)).reshape(maps.shape)


def _seen_through_taps(size, taps, dtype):
    """`[taps, size, size]`: 1 where an input cell reaches an output cell through a tap."""
    return np.stack([np.eye(size, k=taps // 2 - tap, dtype=dtype) for tap in range(taps)])


def _check_odd(**kernels):
    for name, kernel in kernels.items():
        if (size := len(kernel)) % 2 != 1:
            raise ValueError(f"{name} must have an odd size, so that it has a centre, got {size}")
