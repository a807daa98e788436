"""Score maps, transformation maps, and what they carry: C3 section 3.2.

Two images are source (i) and target (j). With `over='source'` the scores S^{i->j} sum to 1 over the
source cells for every target cell; T^{i->j} lives on the target grid and holds source locations.
It warps images and maps from source to target and carries points from target to source.
`over='target'` is the other direction, S^{j->i} and T^{j->i}.

[1] "Unsupervised Landmark Learning from Unpaired Data", C3.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import Precision
from jaxtyping import Array, Float

from c3jax._checks import as_float, check_choice, check_positive, check_shapes, checked
from c3jax._shapes import PointMap, Points, Volume
from c3jax.coordinates import numpy_grid
from c3jax.sampling import sample

SIDES = ("source", "target")


@checked
def match_scores(correlation: Volume, *, over: str, temperature: float = 1.0) -> Volume:
    """Score maps of C3 section 3.2, a softmax of the correlation over one of its sides.

    over='source': S^{i->j}(s, t) = exp(C(s, t) / temperature) / sum_s' exp(C(s', t) / temperature)
    over='target': S^{j->i}(s, t) = exp(C(s, t) / temperature) / sum_t' exp(C(s, t') / temperature)

    Args:
      correlation: of source and target cells.
      over: the side whose cells share the probability, 'source' or 'target'.
      temperature: divides the correlation.

    Returns:
      scores, which sum to 1 over that side.

    Raises:
      ValueError: if `over` is none of the two or `temperature` is not positive.

    >>> volume = jnp.zeros((1, 2, 1, 4))  # two source cells, four target cells
    >>> match_scores(volume, over="source")[0, 0, 0]
    Array([0.5, 0.5, 0.5, 0.5], dtype=float32)
    >>> match_scores(volume, over="target")[0, 0, 0]
    Array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """
    check_choice("over", over, SIDES)
    check_positive(temperature=temperature)
    axis = (-4, -3) if over == "source" else (-2, -1)
    return jax.nn.softmax(jnp.asarray(correlation) / temperature, axis=axis)


@checked
def transformation_map(scores: Volume, *, over: str, hard: bool = True) -> PointMap:
    """Transformation map of C3 section 3.2: where each cell of one image lies in the other.

    over='source': T^{i->j}(t) = argmax_s S^{i->j}(s, t), or sum_s S^{i->j}(s, t) s if not hard
    over='target': T^{j->i}(s) = argmax_t S^{j->i}(s, t), or sum_t S^{j->i}(s, t) t if not hard

    Args:
      scores: from `match_scores` with the same `over`.
      over: the side that is searched, 'source' or 'target'.
      hard: the argmax, which has no gradient, or the expectation.

    Returns:
      over='source': `[*b, ht, wt, 2]`, source locations on the target grid;
      over='target': `[*b, hs, ws, 2]`, target locations on the source grid.

    Raises:
      ValueError: if `over` is none of the two.

    >>> scores = jnp.array([[0.1, 0.9], [0.9, 0.1]]).reshape(1, 2, 2, 1)
    >>> transformation_map(scores, over="source")[:, 0]  # x crosses over to the other side
    Array([[ 1., -1.],
           [-1., -1.]], dtype=float32)
    """
    scores = _searched_side_last(scores, over)
    cells = numpy_grid(scores.shape[-2:]).reshape(-1, 2).astype(scores.dtype)
    scores = scores.reshape(*scores.shape[:-2], -1)
    if hard:
        return jnp.asarray(cells)[jnp.argmax(scores, axis=-1)]
    return jnp.matmul(scores, cells, precision=Precision.HIGHEST)


@checked
def kernel_transformation_map(scores: Volume, *, over: str, stddev: float) -> PointMap:
    """Transformation map by the kernel soft-argmax [2]: the expectation near the best match.

    over='source': T(t) = sum_s k(s, s*) S(s, t) s / sum_s k(s, s*) S(s, t), s* = argmax_s S(s, t),
    k(s, s*) = exp(-|s - s*|^2 / (2 stddev^2)), distances in cells; over='target' likewise

    Finer than the cells, unlike the argmax, and not drawn to other modes, unlike the expectation.
    The best match s* has no gradient; the scores around it do.

    Args:
      scores: from `match_scores` with the same `over`.
      over: the side that is searched, 'source' or 'target'.
      stddev: of the kernel, in cells.

    Returns:
      over='source': `[*b, ht, wt, 2]`, source locations on the target grid;
      over='target': `[*b, hs, ws, 2]`, target locations on the source grid.

    Raises:
      ValueError: if `over` is none of the two or `stddev` is not positive.

    >>> scores = jnp.array([0.1, 0.3, 0.6, 0.0, 0.0]).reshape(1, 5, 1, 1)
    >>> kernel_transformation_map(scores, over="source", stddev=0.3)[0, 0].round(3)
    Array([-0.001, -1.   ], dtype=float32)

    References:
      [2] Lee et al., "SFNet: Learning Object-aware Semantic Correspondence", 2019.
    """
    scores = _searched_side_last(scores, over)
    check_positive(stddev=stddev)
    height, width = scores.shape[-2:]
    scores = scores.reshape(*scores.shape[:-2], -1)
    rows, columns = np.divmod(np.arange(height * width), width)
    squared = (rows[:, None] - rows) ** 2 + (columns[:, None] - columns) ** 2
    kernel = jnp.asarray(np.exp(-squared / (2 * stddev**2)), scores.dtype)
    weights = scores * kernel[jnp.argmax(scores, axis=-1)]
    cells = numpy_grid((height, width)).reshape(-1, 2).astype(scores.dtype)
    total = weights.sum(-1, keepdims=True)
    return jnp.matmul(weights, cells, precision=Precision.HIGHEST) / jnp.maximum(total, 1e-30)


@checked
def carry_points(points: Points, transformation: PointMap) -> Points:
    """Points carried along a transformation map, read from it between its cells.

    out_k = bilinear interpolation of T at point k; points outside are read at the border

    Args:
      points: (x, y) in [-1, 1], in the image on whose grid the map lives.
      transformation: T; T^{i->j} carries points of j (target) to i (source).

    Returns:
      points in the image whose locations the map holds.

    >>> from c3jax.coordinates import grid
    >>> carry_points(jnp.array([[0.5, 1.0]]), -grid((2, 3)))
    Array([[-0.5, -1. ]], dtype=float32)
    """
    return sample(transformation, points, padding="clamp")


@checked
def soft_warp(
    maps: Float[Array, "*b h w C"], scores: Volume, *, over: str
) -> Float[Array, "*b h w C"]:
    """Maps warped by all matches, each with its score: differentiable in the scores.

    over='source': out(t) = sum_s S^{i->j}(s, t) maps(s), source to target
    over='target': out(s) = sum_t S^{j->i}(s, t) maps(t), target to source

    Differs from [1]: there `T o maps` looks up the argmax (`transformation_map`, then `warp`).

    Args:
      maps: `[*b, hs, ws, C]` on the source grid, or `[*b, ht, wt, C]` with over='target'.
      scores: from `match_scores` with the same `over`.
      over: the side on which `maps` live, 'source' or 'target'.

    Returns:
      `[*b, ht, wt, C]` on the target grid, or `[*b, hs, ws, C]` with over='target'.

    Raises:
      ValueError: if `over` is none of the two.

    >>> scores = jnp.array([[0.25, 0.75], [0.75, 0.25]]).reshape(1, 2, 1, 2)
    >>> soft_warp(jnp.array([[[0.0], [4.0]]]), scores, over="source")[0, :, 0]
    Array([3., 1.], dtype=float32)
    """
    check_choice("over", over, SIDES)
    side = "hs ws" if over == "source" else "ht wt"
    check_shapes(scores=(scores, "*b hs ws ht wt"), maps=(maps, f"*b {side} C"))
    formula = "...stxy,...stc->...xyc" if over == "source" else "...stxy,...xyc->...stc"
    return jnp.einsum(formula, scores, maps)


def _searched_side_last(scores, over):
    check_choice("over", over, SIDES)
    scores = as_float(scores)
    return jnp.moveaxis(scores, (-4, -3), (-2, -1)) if over == "source" else scores
