"""The 4D volume of similarities between two feature maps.

A volume is `[*b, hs, ws, ht, wt]`, with channels `[*b, hs, ws, ht, wt, c]`.

[1] "Unsupervised Landmark Learning from Unpaired Data", C3.
[2] Rocco et al., "Neighbourhood Consensus Networks", 2018, NC-Net.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from c3jax._checks import as_float, check_not_negative, check_shapes, checked
from c3jax._shapes import PerExample, Volume


@checked
def l2_normalize(features: Float[Array, "*b C"], *, epsilon: float = 1e-12) -> Float[Array, "*b C"]:
    """Features of unit length, f / sqrt(sum_c f_c^2 + epsilon).

    Args:
      features: of any length.
      epsilon: added to the squared length, so that zero vectors give 0 and a finite gradient.
        NC-Net [2] uses 1e-6.

    Returns:
      features of unit length.

    Raises:
      ValueError: if `epsilon` is negative.

    >>> l2_normalize(jnp.array([3.0, 4.0]))
    Array([0.6, 0.8], dtype=float32)
    """
    check_not_negative(epsilon=epsilon)
    features = as_float(features)
    return features * lax.rsqrt(jnp.sum(features**2, axis=-1, keepdims=True) + epsilon)


SourceFeatures, TargetFeatures = Float[Array, "*b hs ws C"], Float[Array, "*b ht wt C"]


@checked
def correlation_4d(
    source: SourceFeatures, target: TargetFeatures, *, epsilon: float = 1e-12
) -> Volume:
    """Cosine similarity of every source cell with every target cell, C of C3 section 3.2.

    C(s, t) = <f_s, f_t> / (|f_s| |f_t|)

    Args:
      source, target: features of the two images.
      epsilon: added to the squared lengths; zero vectors give 0.

    Returns:
      cosines in [-1, 1].

    >>> source, target = jnp.array([[[1.0, 0.0]]]), jnp.array([[[3.0, 4.0], [0.0, 0.0]]])
    >>> correlation_4d(source, target)[0, 0]
    Array([[0.6, 0. ]], dtype=float32)
    """
    source, target = l2_normalize(source, epsilon=epsilon), l2_normalize(target, epsilon=epsilon)
    return jnp.einsum("...abc,...xyc->...abxy", source, target)


@checked
def mutual_matching(correlation: Volume, *, epsilon: float = 1e-5) -> Volume:
    """Soft mutual nearest neighbours of NC-Net [2]: damps matches that are best in one way only.

    M(s, t) = C(s, t) * C(s, t) / (max_s' C(s', t) + epsilon)
                      * C(s, t) / (max_t' C(s, t') + epsilon)

    Args:
      correlation: of source and target cells.
      epsilon: added to the two maxima.

    Returns:
      the damped correlation.

    Raises:
      ValueError: if `epsilon` is negative.

    >>> volume = jnp.array([[1.0, 0.5], [0.5, 0.25]]).reshape(1, 2, 1, 2)
    >>> mutual_matching(volume).reshape(2, 2).round(3)
    Array([[1.   , 0.25 ],
           [0.25 , 0.062]], dtype=float32)
    """
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
    check_shapes(volume=(volume, "*b hs ws ht wt c" if channels else "*b hs ws ht wt"))
    first = jnp.ndim(volume) - 4 - channels
    return jnp.moveaxis(volume, (first + 2, first + 3), (first, first + 1))


@checked
def dead_fraction(correlation: Volume) -> PerExample:
    """Fraction of the target cells whose scores tell no source cell from another.

    #{t : max_s C(s, t) = min_s C(s, t)} / #t

    A block whose last ReLU has died gives 0 everywhere: its softmax is uniform, and it gets no
    gradient any more. To be watched in training.

    Args:
      correlation: of the refined scores.

    Returns:
      from 0 (alive) to 1 (dead).

    >>> dead_fraction(jnp.zeros((2, 3, 1, 2)).at[0, 1, 0, 0].set(0.3))
    Array(0.5, dtype=float32)
    """
    correlation = as_float(correlation)
    constant = correlation.max(axis=(-4, -3)) == correlation.min(axis=(-4, -3))
    return constant.astype(correlation.dtype).mean(axis=(-2, -1))
