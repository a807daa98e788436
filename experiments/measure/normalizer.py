"""The length that errors are given in percent of."""

import jax.numpy as jnp
import numpy as np

from c3jax import metrics
from data_pipelines.load import Evaluation


def unit_px(test: Evaluation) -> np.ndarray:
    """The normaliser of each picture `[n]`: a length of its own, else between the eyes."""
    if test.lengths_px is not None:
        return np.asarray(test.lengths_px)
    return np.asarray(metrics.inter_ocular_distance(jnp.asarray(test.keypoints_px), eyes=test.eyes))
