"""Means of what is known, the length that errors are in percent of, and units of points."""

import jax.numpy as jnp
import numpy as np

from c3jax import metrics
from c3jax.coordinates import to_normalized, to_pixels
from c3jax.files.tested import Evaluation


def finite_mean(values) -> float | None:
    """Mean of the values that are finite; None if there are none."""
    values = np.asarray(values)
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None


def unit_px(test: Evaluation) -> np.ndarray:
    """The normaliser of each picture `[n]`: a length of its own, else between the eyes.

    NaN where an eye is not labelled.
    """
    if test.lengths_px is not None:
        return np.asarray(test.lengths_px)
    both = test.counted()[:, list(test.eyes)].all(-1)
    apart = metrics.inter_ocular_distance(jnp.asarray(test.keypoints_px), eyes=test.eyes)
    return np.where(both, np.asarray(apart), np.nan)


def in_pixels(points, shape: tuple[int, int]) -> np.ndarray:
    """`to_pixels` of NumPy arrays."""
    return np.asarray(to_pixels(jnp.asarray(points), shape))


def normalized(points_px, shape: tuple[int, int]) -> np.ndarray:
    """`to_normalized` of NumPy arrays."""
    return np.asarray(to_normalized(jnp.asarray(points_px, jnp.float32), shape))
