"""Losses with a known synthetic warp, which start landmarks, flow and sigma, and a hinge.

Neither paper has them in this form; without them C3 starts slowly on small budgets.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from c3jax._checks import as_float, check_positive, checked, like
from c3jax._shapes import PerExample, Points, Volume
from c3jax.coordinates import numpy_grid
from c3jax.losses.jlad import Field, LogSigma, attenuate
from c3jax.splines import ThinPlateSpline, apply_warp

Shares = Float[Array, "*b H W"]


@checked
def warp_consistency(
    points_of_warped: Points, points_of_original: Points, tps: ThinPlateSpline
) -> PerExample:
    """A known warp supervises the landmarks: those of the warped image, carried back, fit.

    L = 1/K sum_k |g(l'_k) - l_k|^2, where warped(x) = original(g(x))

    Args:
      points_of_warped: landmarks of `warp_image(original, tps)`.
      points_of_original: landmarks of the original.
      tps: the warp g, with batch axes *b.

    Returns:
      one value per example.

    >>> shift = ThinPlateSpline(jnp.array([[1.0, 0, 0.5], [0, 1, 0]]), jnp.zeros((4, 2)))
    >>> warp_consistency(jnp.array([[0.0, 0.0]]), jnp.array([[0.5, 0.0]]), shift)
    Array(0., dtype=float32)
    """
    squared = jnp.sum((apply_warp(tps, points_of_warped) - points_of_original) ** 2, axis=-1)
    return squared.mean(-1)


@checked
def separation_hinge(points: Points, *, margin: float) -> PerExample:
    """Keeps landmarks apart: a hinge on the squared distance of each pair.

    L = mean over k != k' of max(0, margin^2 - |l_k - l_k'|^2)

    Args:
      points: K at least 2, in [-1, 1].
      margin: distance from which on a pair costs nothing, in the unit of the points.

    Returns:
      one value per example. Coincident landmarks have gradient 0: they part only where the rest
        moves them.

    Raises:
      ValueError: if there are fewer than two landmarks or `margin` is not positive.

    >>> separation_hinge(jnp.array([[0.0, 0.0], [0.25, 0.0]]), margin=0.5)  # 1/4 - 1/16
    Array(0.1875, dtype=float32)
    """
    count = jnp.shape(points)[-2]
    check_positive(margin=margin)
    if count < 2:
        raise ValueError(f"points must hold at least two landmarks, got {count}")
    squared = jnp.sum((points[..., :, None, :] - points[..., None, :, :]) ** 2, axis=-1)
    hinge = jax.nn.relu(margin**2 - squared) * like(1 - np.eye(count), squared)
    return hinge.sum((-2, -1)) / (count * (count - 1))


@checked
def flow_cross_entropy(
    correlation: Volume,
    points: Float[Array, "*b ht wt 2"],
    *,
    weights: Float[Array, "*b ht wt"] | None = None,
    temperature: float = 1.0,
) -> PerExample:
    """Cross-entropy of the match scores against the known match of a synthetic pair.

    L = mean over t inside of -sum_s q(s, t) log S^{i->j}(s, t), q the bilinear weights of the point
    of t among the source cells; cells whose match lies outside the source do not count, and the
    others by their weights

    Args:
      correlation: of source and target cells.
      points: for each target cell its true source location; for a target that is
        `warp_image(source, tps)`, this is `warp_grid(tps, (ht, wt))`.
      weights: not negative, how much each target cell counts, such as the share of
        it that lies on the object; None is 1 everywhere.
      temperature: divides the correlation.

    Returns:
      one value per example; 0 where no match lies inside.

    Raises:
      ValueError: if `temperature` is not positive.

    >>> from c3jax.coordinates import grid
    >>> flow_cross_entropy(jnp.zeros((1, 2, 1, 2)), grid((1, 2)))  # log 2
    Array(0.6931472, dtype=float32)
    """
    check_positive(temperature=temperature)
    log_scores = jax.nn.log_softmax(jnp.asarray(correlation) / temperature, axis=(-4, -3))
    cells = numpy_grid(log_scores.shape[-4:-2]).astype(log_scores.dtype)
    weight_x = _linear_weights(points[..., 0], cells[0, :, 0])
    weight_y = _linear_weights(points[..., 1], cells[:, 0, 1])
    losses = -jnp.einsum("...stxy,...xys,...xyt->...xy", log_scores, weight_y, weight_x)
    counts = jnp.all(jnp.abs(points) <= 1, axis=-1).astype(losses.dtype)
    if weights is not None:
        counts = counts * weights
    total = jnp.where(counts > 0, counts * losses, 0).sum((-2, -1))
    return total / jnp.maximum(counts.sum((-2, -1)), 1e-6)


def _linear_weights(positions, centres):
    """Weights of linear interpolation among equidistant centres, `[..., n]`."""
    from_left = (positions[..., None] + 1) / 2 * max(len(centres) - 1, 1)
    return jax.nn.relu(1 - jnp.abs(from_left - like(np.arange(len(centres)), from_left)))


@checked
def uncertainty_likelihood(
    correspondence: Field, tau: Field, log_sigma: LogSigma, *, matched: Shares | None = None
) -> PerExample:
    """Known errors of the field teach its uncertainty, after [11] and [12] of JLAD.

    L = sum_i (e_i / sigma_i + log sigma_i), e_i = m_i |T_i - tau_i| + (1 - m_i) R, distances in
    cells; e is held constant; R is the mean distance of two cells of the map

    The negative logarithm of an exponential density of the distance. What has no match, as an
    exchanged background, counts as a match that may be anywhere. Not in JLAD, where sigma is
    learned by Eq. 6 and 10 alone, which know how well a match looks and not how far off it is.

    Args:
      correspondence: T, true target locations on the source grid.
      tau: gets no gradient.
      log_sigma: on the source grid, bounded to +-10.
      matched: m, share of each cell that has a match; None: all.

    Returns:
      the sum over cells; divide by H W for their mean. It may be negative.

    >>> from c3jax.coordinates import grid
    >>> tau = grid((1, 3))
    >>> uncertainty_likelihood(tau + jnp.array([2.0, 0.0]), tau, jnp.zeros((1, 3, 1)))  # 2 cells
    Array(6., dtype=float32)
    """
    offset = as_float(lax.stop_gradient(correspondence - tau))
    height, width, _ = offset.shape[-3:]
    cells = (np.array([width, height]) - 1) / 2  # of the unit of the points
    error = jnp.linalg.norm(offset * like(cells, offset), axis=-1)
    if matched is not None:
        share = lax.stop_gradient(matched)
        known = jnp.where(share > 0, share * error, 0)  # T need not be finite where nothing matches
        error = known + (1 - share) * _mean_distance(height, width)
    return attenuate(error, log_sigma)


def _mean_distance(height: int, width: int) -> float:
    """Of two cells of a map, in cells."""
    rows, columns = (np.arange(1 - size, size) for size in (height, width))
    pairs = (height - abs(rows))[:, None] * (width - abs(columns))
    return float((pairs * np.hypot(rows[:, None], columns)).sum() / pairs.sum())
