"""The weak loss of NC-Net: true pairs match with more confidence than false ones.

[1] Rocco et al., "Neighbourhood Consensus Networks", 2018, NC-Net.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from c3jax._checks import check_positive, checked
from c3jax._shapes import PerExample, Volume


@checked
def match_confidence(correlation: Volume, *, temperature: float = 1.0) -> PerExample:
    """Mean best match score over the cells of both sides.

    s = (mean_t max_s S^{i->j}(s, t) + mean_s max_t S^{j->i}(s, t)) / 2

    Args:
      correlation: the filtered one.
      temperature: divides the correlation.

    Returns:
      in (0, 1].

    Raises:
      ValueError: if `temperature` is not positive.

    >>> match_confidence(jnp.zeros((1, 2, 1, 4)))  # (1/2 + 1/4) / 2
    Array(0.375, dtype=float32)
    """
    check_positive(temperature=temperature)
    scaled = jnp.asarray(correlation) / temperature

    def one_side(axes):  # the largest probability is exp(max - logsumexp)
        log_best = scaled.max(axes, keepdims=True) - jax.nn.logsumexp(scaled, axes, keepdims=True)
        return jnp.exp(log_best).mean((-4, -3, -2, -1))

    return (one_side((-4, -3)) + one_side((-2, -1))) / 2


@checked
def weak_matching(
    positive: Volume,
    negative: Volume,
    *,
    valid: Bool[Array, "*b"] | None = None,
    temperature: float = 1.0,
) -> PerExample:
    """Weak loss of NC-Net [1]: the confidence of a false pair less that of the true one.

    L = s(negative) - s(positive), s = match_confidence

    Args:
      positive: volumes of pairs of one class.
      negative: volumes of the same sources with targets of another class,
        usually the targets rolled by one along the batch.
      valid: false where the negative happens to be of the same class: the loss is 0 there.
      temperature: divides the volumes.

    Returns:
      in (-1, 1).

    Raises:
      ValueError: if `temperature` is not positive.

    >>> flat = jnp.zeros((1, 2, 1, 2))
    >>> weak_matching(flat, flat)
    Array(0., dtype=float32)
    """
    of_negative = match_confidence(negative, temperature=temperature)
    loss = of_negative - match_confidence(positive, temperature=temperature)
    return loss if valid is None else jnp.where(valid, loss, 0)
