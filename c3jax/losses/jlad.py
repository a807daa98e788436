"""Losses of JLAD: alignment, landmark detection and their consistency, Eq. 1, 2 and 6 to 11.

tau is a field `[*b, H, W, 2]`: on the source grid, with target locations. Norms
and sums are those printed; where this file differs, the function says so. Sums over cells grow with
the grid and sums over landmarks with K: the weights of Eq. 11 go with them.

[1] Jeon et al., "Joint Learning of Semantic Alignment and Object Landmark Detection", 2019, JLAD.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from c3jax._checks import as_float, check_positive, checked, like
from c3jax._shapes import Image, Maps, PerExample, Points
from c3jax.coordinates import numpy_grid
from c3jax.correlation import l2_normalize
from c3jax.landmarks import heatmap_centroids, share_of_cells
from c3jax.matching import carry_points
from c3jax.sampling import warp
from c3jax.windows import window_log_scores, window_products

Field = Float[Array, "*b H W 2"]
LogSigma = Float[Array, "*b H W 1"]

LOG_SIGMA_LIMIT = 10.0


@checked
def anchor_pairs(
    anchors_source: Float[Array, "*b N 2"], anchors_target: Float[Array, "*b N 2"], tau: Field
) -> PerExample:
    """Known matches supervise the field, JLAD Eq. 1.

    L_A = sum_n |Phi^t_n - tau o Phi^s_n|^2, tau o Phi^s_n the field read at the anchor

    Args:
      anchors_source: points of the source, in [-1, 1].
      anchors_target: the same points in the target.
      tau: target locations on the source grid.

    Returns:
      the sum over anchors; divide by N for their mean.

    >>> from c3jax.coordinates import grid
    >>> anchors = jnp.array([[0.5, 1.0]])
    >>> anchor_pairs(anchors, anchors, -grid((2, 3)))  # |2 (0.5, 1)|^2
    Array(5., dtype=float32)
    """
    return _squared_distance(anchors_target, carry_points(anchors_source, tau))


@checked
def landmark_equivariance(
    landmarks_source: Points, landmarks_target: Points, correspondence: Field
) -> PerExample:
    """Landmarks move with a known correspondence, JLAD Eq. 2.

    L_D = sum_m |phi_m(x^t) - T o phi_m(x^s)|^2, T o phi_m the correspondence read at the landmark

    Args:
      landmarks_source: landmarks detected in the source, in [-1, 1].
      landmarks_target: those detected in the target.
      correspondence: T, target locations on the source grid. For a source that is
        `warp_image(target, tps)` it is `warp_grid(tps, shape)`.

    Returns:
      the sum over landmarks; divide by K for their mean.

    >>> from c3jax.coordinates import grid
    >>> landmarks = jnp.array([[0.5, 1.0], [0.0, 0.0]])
    >>> landmark_equivariance(landmarks, landmarks, -grid((2, 3)))
    Array(5., dtype=float32)
    """
    return _squared_distance(landmarks_target, carry_points(landmarks_source, correspondence))


@checked
def uncertainty_weighted_alignment(
    source: Image,
    target: Float[Array, "*b h w C"],
    tau: Field,
    log_sigma: LogSigma,
    *,
    radius: int,
    temperature: float = 1.0,
) -> PerExample:
    """The warped target looks like the source, cell by cell, where sigma is small, JLAD Eq. 6.

    L_A = sum_i (-log s_{i,i}(tau) / sigma_i + log sigma_i), s_{i,j} of Eq. 7: softmax over j in the
    window M_i of <F^s_i, [tau o F^t]_j> / temperature, features of unit length before the warp

    The label s*_j is 1 at the centre j = i of the window and 0 elsewhere. The paper leaves open M_i
    (here the window N_i of Eq. 3) and what lies outside (here cells outside the source do not
    count, and tau o F^t is 0 where tau leaves the target). Differs from [1]: there the temperature
    is 1; and log_sigma is bounded to +-10, with the gradient of the bound beyond it, so that no
    cell is stuck there.

    Args:
      source: features F^s; normalised inside.
      target: features F^t; normalised inside, then warped.
      tau: target locations on the source grid.
      log_sigma: on the source grid; zeros are the plain cross-entropy.
      radius: of the window M_i, in cells.
      temperature: divides the products; 1 in [1], near uniform for unit features.

    Returns:
      the sum over cells; divide by H W for their mean. It may be negative.

    Raises:
      ValueError: for `radius` and `temperature` as in `window_scores`.

    >>> from c3jax.coordinates import grid
    >>> f = jnp.ones((1, 2, 4))  # two equal cells: twice log 2, halved by sigma = 2, twice log 2
    >>> log_sigma = jnp.full((1, 2, 1), jnp.log(2.0))
    >>> uncertainty_weighted_alignment(f, f, grid((1, 2)), log_sigma, radius=1)  # 3 log 2
    Array(2.0794415, dtype=float32)
    """
    warped = warp(l2_normalize(target), tau)
    products = window_products(l2_normalize(source), warped, radius=radius)
    log_scores = window_log_scores(products, temperature=temperature)
    cross_entropy = -log_scores[..., log_scores.shape[-1] // 2]
    return attenuate(cross_entropy, log_sigma)


@checked
def concentration(heatmaps: Maps) -> PerExample:
    """Variance of each landmark's map about its landmark, JLAD Eq. 8.

    L_con = sum_k sum_i |i - hat psi^k|^2 psi^k_i / sum_i psi^k_i, hat psi^k = `heatmap_centroids`

    Args:
      heatmaps: psi, not negative, of `channel_softmax`.

    Returns:
      in squared [-1, 1] units, the sum over landmarks; 0 for a map of zeros.

    >>> concentration(jnp.array([[[0.2], [0.0], [0.2]]]))  # half at -1, half at 1
    Array(1., dtype=float32)
    """
    share, centroids = share_of_cells(heatmaps), heatmap_centroids(heatmaps)
    centroids = centroids[..., None, None, :, :]
    cells = like(numpy_grid(share.shape[-3:-1])[..., None, :], centroids)
    squared = jnp.sum((cells - centroids) ** 2, axis=-1).astype(share.dtype)
    return jnp.sum(squared * share, axis=(-3, -2, -1))


@checked
def separation(landmarks: Points, *, margin: float) -> PerExample:
    """Keeps landmarks apart, JLAD Eq. 9.

    L_sep = sum_k sum_{k' != k} max(0, c - |hat psi^k - hat psi^k'|^2), each pair counted twice

    The paper leaves open the unit of c: here squared [-1, 1] units, so the distance from which on a
    pair costs nothing is sqrt(c). (`separation_hinge` is the mean over pairs, with margin^2.)

    Args:
      landmarks: hat psi, K at least 2, in [-1, 1].
      margin: c; .05, .03 and .02 for 10, 15 and 30 landmarks in [1].

    Returns:
      one value per example. Coincident landmarks have gradient 0: they part only where the rest
        moves them.

    Raises:
      ValueError: if there are fewer than two landmarks or `margin` is not positive.

    >>> separation(jnp.array([[0.0, 0.0], [0.25, 0.0]]), margin=0.125)  # 2 (1/8 - 1/16)
    Array(0.125, dtype=float32)
    """
    count = jnp.shape(landmarks)[-2]
    check_positive(margin=margin)
    if count < 2:
        raise ValueError(f"landmarks must be at least two, got {count}")
    landmarks = as_float(landmarks)
    squared = jnp.sum((landmarks[..., :, None, :] - landmarks[..., None, :, :]) ** 2, axis=-1)
    others = like(1 - np.eye(count), squared)
    return jnp.sum(jax.nn.relu(margin - squared) * others, axis=(-2, -1))


@checked
def joint_consistency(
    heatmaps_source: Maps,
    heatmaps_target: Float[Array, "*b h w K"],
    tau: Field,
    log_sigma: LogSigma,
) -> PerExample:
    """Landmark maps and field agree, where sigma is small, JLAD Eq. 10.

    L_J = 1/K sum_k sum_i (psi^k_i(x^s) - [tau o psi^k(x^t)]_i)^2 / sigma_i

    Differs from [1]: 1 / K of its sum over landmarks; log_sigma is bounded to +-10, as in
    `uncertainty_weighted_alignment`. The paper leaves open: what lies outside the target (here no
    landmark). Landmarks of both images, field and sigma get gradients; who uses them is up to the
    step: [1] alternates between {W_F, W_A, W_C} and {W_F, W_D}.

    Args:
      heatmaps_source: psi(x^s), of `channel_softmax`.
      heatmaps_target: psi(x^t).
      tau: target locations on the source grid.
      log_sigma: on the source grid; zeros weigh all cells alike.

    Returns:
      one value per example.

    >>> from c3jax.coordinates import grid
    >>> maps = jnp.eye(2)[None]  # two landmarks in a row of two cells
    >>> joint_consistency(maps, maps[:, ::-1], grid((1, 2)), jnp.zeros((1, 2, 1)))
    Array(2., dtype=float32)
    """
    squared = (heatmaps_source - warp(heatmaps_target, tau)) ** 2
    return jnp.sum(squared * jnp.exp(-_bounded(log_sigma)), axis=(-3, -2)).mean(-1)


@checked
def jlad_total(
    detection: PerExample,
    alignment: PerExample,
    joint: PerExample,
    *,
    lambda_detection: float,
    lambda_alignment: float,
    lambda_joint: float,
) -> PerExample:
    """Total loss, JLAD Eq. 11.

    L_JDA = lambda_D L_D + lambda_A L_A + lambda_J L_J

    Args:
      detection: L_D = lambda_con L_con + lambda_sep L_sep, Eq. 8 and 9.
      alignment: L_A, Eq. 6.
      joint: L_J, Eq. 10.
      lambda_detection, lambda_alignment, lambda_joint: weights; in [1] 1, 10, 10 where alignment is
        learned and 10, 1, 100 where landmarks are.

    Returns:
      one value per example.

    >>> jlad_total(1.0, 2.0, 3.0, lambda_detection=1.0, lambda_alignment=10.0, lambda_joint=10.0)
    51.0
    """
    return lambda_detection * detection + lambda_alignment * alignment + lambda_joint * joint


def _squared_distance(first, second):
    return jnp.sum((first - second) ** 2, axis=(-2, -1))


def attenuate(losses, log_sigma):
    """Sum over cells of loss / sigma + log sigma."""
    log_sigma = _bounded(log_sigma)[..., 0]
    return jnp.sum(losses * jnp.exp(-log_sigma) + log_sigma, axis=(-2, -1))


def _bounded(log_sigma):
    """log_sigma within +-`LOG_SIGMA_LIMIT`, with the gradient of the identity."""
    log_sigma = as_float(log_sigma)
    clipped = jnp.clip(log_sigma, -LOG_SIGMA_LIMIT, LOG_SIGMA_LIMIT)
    return lax.stop_gradient(clipped) + (log_sigma - lax.stop_gradient(log_sigma))
