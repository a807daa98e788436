"""Perceptual loss: distances of feature maps, each over its running mean."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax._checks import checked

FeatureMaps = Sequence[Float[Array, "*batch h w c"]]
Mask = Float[Array, "*batch height width"]
Distances = Float[Array, "*batch terms"]
Terms = Float[Array, " terms"]


def feature_distances(
    predicted: FeatureMaps, true: FeatureMaps, *, mask: Mask | None = None
) -> Distances:
    r"""Mean squared difference of each pair of feature maps.

    d_t = sum_{y,x,c} m_t(y, x) (predicted_t - true_t)^2 / (C_t sum_{y,x} m_t(y, x)), where m_t is
    the mask at the map's size (1 without a mask).

    Args:
      predicted: maps `[*batch, h, w, c]`, of any sizes.
      true: maps of the same shapes. Gradients flow into both; apply `stop_gradient` to these
          where they are not wanted.
      mask: weights in [0, 1] at any size, resized by antialiased bilinear interpolation. An
          example whose mask is 0 everywhere has distance 0.

    Returns:
      One distance per example and map, in the order given.

    Raises:
      ValueError: if the maps do not pair up, or the mask has other batch axes.

    Example:
        >>> zeros, ones = jnp.zeros((1, 2, 3, 4)), jnp.ones((1, 2, 3, 4))
        >>> feature_distances([zeros, ones], [2 * ones, ones])
        Array([[4., 0.]], dtype=float32)
    """
    _check_maps(predicted, true, mask)
    squares = [jnp.mean(jnp.square(p - t), -1) for p, t in zip(predicted, true, strict=True)]
    return jnp.stack([_masked_mean(square, mask) for square in squares], -1)


def _masked_mean(values, mask):
    if mask is None:
        return values.mean((-2, -1))
    weights = jax.image.resize(mask, values.shape, "linear").astype(values.dtype)
    total = weights.sum((-2, -1))
    weighted = (weights * values).sum((-2, -1))
    return weighted / jnp.where(total > 0, total, 1)


def init_running_mean(num_terms: int) -> Terms:
    """The running mean before the first step: zeros, which `perceptual` reads as "none yet"."""
    return jnp.zeros(num_terms)


@checked
def update_running_mean(
    running_mean: Terms, distances: Distances, *, decay: float = 0.99, axis_name: str | None = None
) -> Terms:
    """Running mean of each feature distance, without a gradient.

    M_t <- decay M_t + (1 - decay) mean_batch d_t; where M_t is 0, none is known yet, and the mean
    of this batch takes its place.

    Args:
      running_mean: M, from `init_running_mean` or the last step.
      distances: d, of `feature_distances`.
      decay: of the running mean.
      axis_name: mapped axis over which the batch means are averaged, None for one device.

    Returns:
      the new M.

    Raises:
      ValueError: if decay is outside [0, 1) or there are other numbers of terms.

    Example:
        >>> update_running_mean(jnp.array([0.0, 4.0]), jnp.array([[1.0, 2.0]]), decay=0.5)
        Array([1., 3.], dtype=float32)
    """
    if not 0 <= decay < 1:
        raise ValueError(f"decay must be in [0, 1), got {decay}")
    batch_mean = jax.lax.stop_gradient(distances.reshape(-1, len(running_mean)).mean(0))
    if axis_name is not None:
        batch_mean = jax.lax.pmean(batch_mean, axis_name)
    batch_mean = batch_mean.astype(running_mean.dtype)
    moved = decay * running_mean + (1 - decay) * batch_mean
    return jax.lax.stop_gradient(jnp.where(running_mean > 0, moved, batch_mean))


def perceptual_distance(
    true: FeatureMaps, predicted: FeatureMaps, running_mean: Terms, *, mask: Mask | None = None
) -> Float[Array, "*batch"]:
    """The perceptual distance P of C3 Eq. 1, with known running means.

    P = mean_t d_t / M_t, d of `feature_distances`; a term whose M_t is 0 counts as it is

    Args:
      true, predicted, mask: as in `feature_distances`, symmetric.
      running_mean: M, of `update_running_mean`.

    Returns:
      One value per example.

    Raises:
      ValueError: as `feature_distances`; if there are other numbers of terms.

    Example:
        >>> image = jnp.zeros((1, 4, 3, 3))
        >>> perceptual_distance([image], [image + 2], jnp.array([8.0]))
        Array([0.5], dtype=float32)
    """
    return _mean_ratio(feature_distances(predicted, true, mask=mask), running_mean)


@checked
def _mean_ratio(distances: Distances, running_mean: Terms) -> Float[Array, "*batch"]:
    return (distances / jnp.where(running_mean > 0, running_mean, 1)).mean(-1)


def perceptual(
    predicted: FeatureMaps,
    true: FeatureMaps,
    running_mean: Terms,
    *,
    decay: float = 0.99,
    mask: Mask | None = None,
    axis_name: str | None = None,
    update: bool = True,
) -> tuple[Float[Array, "*batch"], Terms]:
    """Perceptual loss: `perceptual_distance` over running means that this batch moves first.

    P = mean_t d_t / M_t,   M_t <- decay M_t + (1 - decay) mean_batch d_t

    The first loss is 1, and a term that has only ever been zero counts 0. In training the loss
    stays near 1: watch the raw `feature_distances`.

    Args:
      predicted, true, mask: as in `feature_distances`.
      running_mean, decay, axis_name: as in `update_running_mean`.
      update: whether to move the running mean; if not, it is returned as it came.

    Returns:
      The loss per example, and the new running mean.

    Raises:
      ValueError: as `feature_distances` and `update_running_mean`.

    Example:
        >>> image = jnp.zeros((2, 4, 3, 3))
        >>> loss, mean = perceptual([image + 2], [image], init_running_mean(1))
        >>> loss, mean
        (Array([1., 1.], dtype=float32), Array([4.], dtype=float32))

    Differs from [1]: the terms are averaged, not summed, so that the weight of the loss does not
    depend on the network; the running mean starts from the first batch, not from given values.

    References:
      [1] Jakab, Gupta, Bilen, Vedaldi. Unsupervised learning of object landmarks through
          conditional image generation. NeurIPS 2018.
    """
    distances = feature_distances(predicted, true, mask=mask)
    moved = update_running_mean(running_mean, distances, decay=decay, axis_name=axis_name)
    mean = moved if update else jnp.where(running_mean > 0, running_mean, moved)
    loss = _mean_ratio(distances, jax.lax.stop_gradient(mean))
    return loss, moved if update else running_mean


def _check_maps(predicted, true, mask):
    if not predicted or len(predicted) != len(true):
        raise ValueError(
            f"predicted and true must hold as many maps, at least one: "
            f"got {len(predicted)} and {len(true)}"
        )
    for term, (p, t) in enumerate(zip(predicted, true, strict=True)):
        if p.shape != t.shape or p.ndim < 3:
            raise ValueError(
                f"predicted[{term}] and true[{term}] must have one shape [*batch, h, w, c], "
                f"got {p.shape} and {t.shape}"
            )
        if mask is not None and mask.shape[:-2] != p.shape[:-3]:
            raise ValueError(
                f"mask must have the batch axes {p.shape[:-3]} of predicted[{term}], "
                f"got shape {mask.shape}"
            )
