"""From raw numbers to probabilities, and how unlike known examples a new one is, in NumPy.

[1] Ayer et al., "An Empirical Distribution Function for Sampling with Incomplete Information",
    1955: isotonic regression by pooling adjacent violators.
[2] Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and
    Adversarial Attacks", 2018: Mahalanobis distances of a network's features.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from c3jax._checks import check_positive, check_shapes

DIMENSIONS, SHRINKAGE = 32, 0.1
ALLOWANCE = 1.15  # of distances: new examples, as of other cameras, lie farther out than known ones


class Isotonic(NamedTuple):
    """A monotone function by its knots: linear between them, constant outside.

    inputs: `[m]`, not falling; outputs: `[m]`, which never fall, or never rise.

    >>> Isotonic(np.array([1.0, 3.0]), np.array([0.9, 0.1]))(np.array([0.0, 2.0, 9.0]))
    array([0.9, 0.5, 0.1])
    """

    inputs: Float[np.ndarray, " m"]
    outputs: Float[np.ndarray, " m"]

    def __call__(self, values) -> np.ndarray:
        """The outputs of values of any shape."""
        return np.interp(values, self.inputs, self.outputs)


def fit_isotonic(inputs, outputs, *, increasing: bool) -> Isotonic:
    """Isotonic regression [1]: the monotone function nearest to some examples.

    min over monotone f of sum_i (f(inputs_i) - outputs_i)^2

    Adjacent means that are in the wrong order are pooled until none is left. Of outputs that are 0
    or 1 the function is the probability of 1.

    Args:
      inputs, outputs: `[n]`, n > 0.
      increasing: whether f must not fall, else it must not rise.

    Returns:
      f, with two knots for each pooled block: its least and its greatest input.

    Raises:
      ValueError: if there is no example, or the arrays are not finite and of one length.

    >>> fit_isotonic([1, 2, 3, 4], [1, 0, 1, 0], increasing=False)([1.0, 2.5, 4.0])
    array([1. , 0.5, 0. ])
    """
    inputs, outputs = np.asarray(inputs, float), np.asarray(outputs, float)
    check_shapes(inputs=(inputs, "n"), outputs=(outputs, "n"))
    if not len(inputs) or not (np.isfinite(inputs).all() and np.isfinite(outputs).all()):
        raise ValueError(f"inputs must be one or more finite numbers, got {len(inputs)}")
    from scipy.optimize import isotonic_regression  # JAX brings SciPy along

    distinct, place, counts = np.unique(inputs, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=outputs) / counts
    pooled = isotonic_regression(means, weights=counts, increasing=increasing)
    ends = np.stack([pooled.blocks[:-1], pooled.blocks[1:] - 1], axis=1)
    ends = np.unique(ends)  # a block of one input has one knot
    return Isotonic(distinct[ends], pooled.x[ends])


class Familiar(NamedTuple):
    """What tells how unlike known examples a new one is.

    mean: of their features, `[c]`; whitening: from features to those of unit variance, `[c, d]`;
    distances: of the known examples, each left out in turn, ascending, `[n]`.
    """

    mean: Float[np.ndarray, " c"]
    whitening: Float[np.ndarray, "c d"]
    distances: Float[np.ndarray, " n"]

    def score(self, features: Float[np.ndarray, "m c"]) -> Float[np.ndarray, " m"]:
        """The share of the known examples that are farther away than each of these / 1.15."""
        distances = mahalanobis_distance(features, self.mean, self.whitening) / ALLOWANCE
        return 1 - np.searchsorted(self.distances, distances, side="right") / len(self.distances)


def fit_familiar(features, *, dimensions: int = DIMENSIONS) -> Familiar:
    """The statistics of known examples; `distances` are those of each from all the others.

    Args:
      features: `[n, c]`, n > 2.
      dimensions: as in `fit_mahalanobis`.

    Returns:
      the statistics.

    Raises:
      ValueError: as `fit_mahalanobis`.
    """
    features = np.asarray(features, float)
    mean, whitening = fit_mahalanobis(features, dimensions=dimensions)
    # All features lie in a space of n - 1 dimensions: the same distances, in fewer numbers.
    within = np.linalg.svd(features - mean, full_matrices=False)[2].T
    inside = (features - mean) @ within
    distances = [
        mahalanobis_distance(
            inside[[row]], *fit_mahalanobis(np.delete(inside, row, 0), dimensions=dimensions)
        )
        for row in range(len(features))
    ]
    return Familiar(mean, whitening, np.sort(np.concatenate(distances)))


def fit_mahalanobis(
    features, *, dimensions: int = DIMENSIONS, shrinkage: float = SHRINKAGE
) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and what whitens features in their principal components.

    W = V / sqrt((1 - s) lambda + s mean(lambda)), with the greatest eigenvalues lambda of the
    covariance, their vectors V and the shrinkage s

    Args:
      features: `[n, c]`, n > 1.
      dimensions: principal components at most.
      shrinkage: how far the covariance is drawn to a multiple of the identity, in (0, 1].

    Returns:
      mean `[c]`, and whitening W `[c, d]`, d the least of `dimensions`, n - 1 and c.

    Raises:
      ValueError: if there are fewer than two examples, or they are not finite.

    >>> mean, whitening = fit_mahalanobis([[0, 3], [2, 3], [4, 3]], dimensions=1)
    >>> mean, np.abs(whitening).round(3)
    (array([2., 3.]), array([[0.5],
           [0. ]]))
    """
    check_positive(dimensions=dimensions, shrinkage=shrinkage)
    features = np.asarray(features, float)
    count, channels = (check_shapes(features=(features, "n c"))[axis] for axis in "nc")
    if count < 2 or not np.isfinite(features).all():
        raise ValueError(f"features must be finite, of two examples or more, got {count}")
    mean = features.mean(0)
    kept = min(dimensions, count - 1, channels)
    values, vectors = np.linalg.eigh(np.cov(features.T).reshape(channels, channels))
    values, vectors = values[-kept:].clip(0), vectors[:, -kept:]
    variances = (1 - shrinkage) * values + shrinkage * values.mean()
    return mean, vectors / np.sqrt(np.maximum(variances, 1e-12))  # 0 where all are equal


def mahalanobis_distance(features, mean, whitening) -> np.ndarray:
    """Lengths of whitened features, |W^T (x - mean)|.

    Args:
      features: `[n, c]`.
      mean, whitening: as `fit_mahalanobis` gives them.

    Returns:
      `[n]`.

    >>> mahalanobis_distance(np.array([[4.0, 3.0]]), np.array([2.0, 9.0]), np.array([[0.5], [0.0]]))
    array([1.])
    """
    return np.linalg.norm((np.asarray(features, float) - mean) @ whitening, axis=-1)
