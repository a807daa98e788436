"""Losses, one file per family. Each returns one value per example; the caller averages."""

from c3jax.losses.c3 import (
    c3_total,
    cycle,
    equivariance,
    equivariance_of_points,
    flow_cross_entropy,
    invariance,
    invariance_of_points,
    separation_hinge,
    soft_equivariance,
    warp_consistency,
)
from c3jax.losses.matching import match_confidence, weak_matching
from c3jax.losses.perceptual import feature_distances, perceptual

__all__ = [
    "c3_total",
    "cycle",
    "equivariance",
    "equivariance_of_points",
    "feature_distances",
    "flow_cross_entropy",
    "invariance",
    "invariance_of_points",
    "match_confidence",
    "perceptual",
    "separation_hinge",
    "soft_equivariance",
    "warp_consistency",
    "weak_matching",
]
