"""Losses, one file per family. Each returns one value per example; the caller averages."""

from c3jax.losses.c3 import (
    c3_total,
    cycle,
    equivariance,
    equivariance_of_points,
    invariance,
    invariance_of_points,
    soft_equivariance,
)
from c3jax.losses.matching import match_confidence, weak_matching
from c3jax.losses.perceptual import feature_distances, init_running_mean, perceptual
from c3jax.losses.synthetic import flow_cross_entropy, separation_hinge, warp_consistency

__all__ = [
    "c3_total",
    "cycle",
    "equivariance",
    "equivariance_of_points",
    "feature_distances",
    "flow_cross_entropy",
    "init_running_mean",
    "invariance",
    "invariance_of_points",
    "match_confidence",
    "perceptual",
    "separation_hinge",
    "soft_equivariance",
    "warp_consistency",
    "weak_matching",
]
