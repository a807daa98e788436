"""From score maps to landmarks and back to Gaussian maps: C3 section 3.1, and JLAD Eq. 4 and 5.

[1] "Unsupervised Landmark Learning from Unpaired Data", C3.
[2] Jakab et al., "Unsupervised Learning of Object Landmarks through Conditional Image
    Generation", 2018, IMM.
[3] Jeon et al., "Joint Learning of Semantic Alignment and Object Landmark Detection", 2019, JLAD.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import Precision
from jaxtyping import Array, Float

from c3jax._checks import as_float, check_positive, check_shape_argument, checked, like
from c3jax._shapes import Maps, Points
from c3jax.coordinates import numpy_grid


@checked
def spatial_softmax(logits: Maps, *, temperature: float = 1.0) -> Maps:
    """Probability map of each landmark, softmax over all H x W cells.

    psi_k(y, x) = exp(z_k(y, x)) / sum_{y', x'} exp(z_k(y', x')), z = logits / temperature

    Args:
      logits: scores of the cells.
      temperature: divides the scores; to 0 it gives the argmax.

    Returns:
      probabilities; every channel sums to 1.

    Raises:
      ValueError: if `temperature` is not positive.

    >>> spatial_softmax(jnp.zeros((1, 2, 1))).ravel()
    Array([0.5, 0.5], dtype=float32)
    """
    check_positive(temperature=temperature)
    return jax.nn.softmax(jnp.asarray(logits) / temperature, axis=(-3, -2))


def _wide(array):
    """At least float32: coordinates in bfloat16 are off by up to a fifth of a pixel of 64."""
    array = as_float(array)
    return array.astype(jnp.float32) if array.dtype.itemsize < 4 else array


@checked
def soft_argmax(logits: Maps, *, temperature: float = 1.0) -> Points:
    """Expected location of each landmark under its probability map, C3 section 3.1, step 1.

    (x_k, y_k) = sum_{y, x} psi_k(y, x) * (x, y), psi = softmax over all H x W cells

    Args:
      logits: scores of the cells, of any size; not probabilities, of which `heatmap_centroids` is
        the expected location.
      temperature: divides the scores; to 0 it gives the argmax.

    Returns:
      points, (x, y) in [-1, 1]; float32 of bfloat16 and float16 logits too.

    Raises:
      ValueError: if `temperature` is not positive.

    >>> logits = jnp.zeros((2, 3, 1)).at[1, 0].set(100.0)
    >>> soft_argmax(logits)  # the lower left corner
    Array([[-1.,  1.]], dtype=float32)
    """
    heatmaps = spatial_softmax(_wide(logits), temperature=temperature)
    cells = numpy_grid(heatmaps.shape[-3:-1]).astype(heatmaps.dtype)
    # HIGHEST: coordinates in TF32 would be off by a tenth of a pixel at 128 pixels.
    return jnp.einsum("...yxk,yxc->...kc", heatmaps, cells, precision=Precision.HIGHEST)


@checked
def marginal_soft_argmax(logits: Maps, *, temperature: float = 1.0) -> Points:
    """Expected location of each landmark, one axis at a time, as IMM [2] computes it.

    x_k = sum_x x * softmax_x(mean_y logits_k(y, x) / temperature), and y_k likewise

    Differs from [1]: two 1-D softmaxes of means in place of one 2-D softmax (`soft_argmax`).

    Args:
      logits: scores of the cells.
      temperature: divides the scores.

    Returns:
      points, (x, y) in [-1, 1]; float32 of bfloat16 and float16 logits too.

    Raises:
      ValueError: if `temperature` is not positive.

    >>> logits = jnp.zeros((2, 3, 1)).at[1, 0].set(300.0)
    >>> marginal_soft_argmax(logits)
    Array([[-1.,  1.]], dtype=float32)
    """
    check_positive(temperature=temperature)
    logits = _wide(logits) / temperature

    def expectation(scores):  # [*b, n, K] to [*b, K]
        centres = np.linspace(-1, 1, scores.shape[-2]).astype(scores.dtype)
        probability = jax.nn.softmax(scores, axis=-2)
        return jnp.einsum("...nk,n->...k", probability, centres, precision=Precision.HIGHEST)

    return jnp.stack([expectation(logits.mean(-3)), expectation(logits.mean(-2))], axis=-1)


@checked
def gaussian_maps(points: Points, shape: tuple[int, int], *, stddev: float) -> Maps:
    """Isotropic Gaussians at points, with peak 1, C3 section 3.1, step 2.

    maps_k(y, x) = exp(-((x - x_k)^2 + (y - y_k)^2) / (2 stddev^2))

    Args:
      points: (x, y) in [-1, 1].
      shape: static (height, width) of the maps.
      stddev: in the unit of the points. IMM's exp(-d^2 / 0.1^2) is `stddev=0.0707`.

    Returns:
      `[*b, height, width, K]`.

    Raises:
      ValueError: if `shape` is not two positive integers or `stddev` not positive.

    >>> maps = gaussian_maps(jnp.array([[1.0, -1.0]]), (2, 3), stddev=1.0)  # upper right corner
    >>> np.asarray(maps[0, :, 0]).round(3)
    array([0.135, 0.607, 1.   ], dtype=float32)
    """
    check_positive(stddev=stddev)
    height, width = check_shape_argument("shape", shape)
    points = as_float(points)

    def profile(centres, size):  # [*b, K] to [*b, size, K]
        centres = centres[..., None, :]
        cells = like(np.linspace(-1, 1, size)[:, None], centres)
        return jnp.exp(-(((cells - centres) / stddev) ** 2) / 2)

    # The Gaussian is separable: height + width exponentials in place of height * width.
    along_x, along_y = profile(points[..., 0], width), profile(points[..., 1], height)
    return along_y[..., :, None, :] * along_x[..., None, :, :]


@checked
def landmark_bottleneck(
    logits: Float[Array, "*b h w K"],
    *,
    stddev: float,
    temperature: float = 1.0,
    shape: tuple[int, int] | None = None,
) -> tuple[Points, Maps]:
    """Landmarks of score maps and the Gaussian maps that stand for them, C3 section 3.1.

    points = soft_argmax(logits), maps = gaussian_maps(points)

    Args:
      logits: scores of the cells.
      stddev: of the Gaussians, in the unit of the points. IMM's exp(-d^2 / 0.1^2), the default of
        the experiments, is `stddev=0.0707` (no factor 1/2 there).
      temperature: divides the scores.
      shape: (height, width) of the Gaussian maps; that of the scores by default.

    Returns:
      points `[*b, K, 2]` in [-1, 1] and maps `[*b, height, width, K]` with peak 1.

    Raises:
      ValueError: as `soft_argmax` and `gaussian_maps` do.

    >>> logits = jnp.zeros((2, 3, 1)).at[1, 0].set(100.0)
    >>> points, maps = landmark_bottleneck(logits, stddev=0.1)
    >>> points, maps[1, :, 0].round(2)  # the lower left corner
    (Array([[-1.,  1.]], dtype=float32), Array([1., 0., 0.], dtype=float32))
    """
    points = soft_argmax(logits, temperature=temperature)
    height, width = shape or jnp.shape(logits)[-3:-1]
    return points, gaussian_maps(points, (height, width), stddev=stddev)


@checked
def channel_softmax(logits: Float[Array, "*b H W L"]) -> Maps:
    """Probability maps of K landmarks that compete with each other and the background, JLAD Eq. 4.

    psi^k_i = exp(phi^k_i) / sum_{m=0}^K exp(phi^m_i), k = 1 to K, channel 0 the background

    The softmax is across the channels of a cell; `spatial_softmax` is across the cells. The
    background's own map, 1 - sum_k psi^k, is no landmark and left out: [3] prints no range for k in
    Eq. 5, 8 and 10, nor which channel is the background.

    Args:
      logits: `[*b, H, W, K + 1]` scores, channel 0 the background.

    Returns:
      probabilities; each cell sums to at most 1.

    Raises:
      ValueError: if no landmark beside the background.

    >>> channel_softmax(jnp.log(jnp.array([[[2.0, 1.0, 1.0]]])))
    Array([[[0.25, 0.25]]], dtype=float32)
    """
    channels = jnp.shape(logits)[-1]
    if channels < 2:
        raise ValueError(
            f"logits must have K + 1 >= 2 channels, the background first, got {channels}"
        )
    return jax.nn.softmax(as_float(logits), axis=-1)[..., 1:]


@checked
def heatmap_centroids(heatmaps: Maps) -> Points:
    """Expected location of each landmark under its map, JLAD Eq. 5.

    hat psi^k = sum_i i psi^k_i / sum_i psi^k_i, i = (x, y)

    Args:
      heatmaps: not negative, of any sum.

    Returns:
      points, (x, y) in [-1, 1], float32 of bfloat16 and float16 maps too; (0, 0) for a map of
        zeros.

    >>> heatmap_centroids(jnp.array([[[0.0], [0.1], [0.3]]]))  # one row of three cells
    Array([[ 0.75, -1.  ]], dtype=float32)
    """
    share = share_of_cells(_wide(heatmaps))
    cells = numpy_grid(share.shape[-3:-1]).astype(share.dtype)
    return jnp.einsum("...yxk,yxc->...kc", share, cells, precision=Precision.HIGHEST)


@checked
def heatmap_spread(heatmaps: Maps) -> Float[Array, "*b K"]:
    """Standard deviation of the location under each map: how unsure a landmark is.

    spread_k = sqrt(trace(Cov_k)), trace(Cov_k) = sum_i |i - hat psi^k|^2 psi^k_i / sum_i psi^k_i

    Args:
      heatmaps: not negative, of any sum.

    Returns:
      `[*b, K]` in the unit of the points, of which the side of a picture is 2; float32 of bfloat16
      and float16 maps too. A map of one cell has 1e-6, and so a gradient.

    >>> heatmap_spread(jnp.array([[[0.25], [0.5], [0.25]]])).round(4)  # one row of three cells
    Array([0.7071], dtype=float32)
    """
    share = share_of_cells(_wide(heatmaps))
    cells = numpy_grid(share.shape[-3:-1]).astype(share.dtype)
    centres = jnp.einsum("...yxk,yxc->...kc", share, cells, precision=Precision.HIGHEST)
    cells = jnp.expand_dims(cells[..., None, :], tuple(range(share.ndim - 3)))
    away = cells - centres[..., None, None, :, :]
    variance = (share * jnp.square(away).sum(-1)).sum((-3, -2))
    return jnp.sqrt(jnp.maximum(variance, 1e-12))


@checked
def share_of_cells(heatmaps: Maps) -> Maps:
    """Each map divided by its sum over the cells, psi^k_i / sum_i psi^k_i; 0 where that is 0."""
    heatmaps = as_float(heatmaps)
    # The least sum keeps a map that underflows, and its gradient, finite.
    return heatmaps / jnp.maximum(heatmaps.sum((-3, -2), keepdims=True), 1e-12)
