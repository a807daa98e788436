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
from c3jax.losses.jlad import (
    anchor_pairs,
    concentration,
    jlad_total,
    joint_consistency,
    landmark_equivariance,
    separation,
    uncertainty_weighted_alignment,
)
from c3jax.losses.matching import match_confidence, weak_matching
from c3jax.losses.perceptual import (
    feature_distances,
    init_running_mean,
    perceptual,
    perceptual_distance,
    update_running_mean,
)
from c3jax.losses.synthetic import (
    flow_cross_entropy,
    separation_hinge,
    uncertainty_likelihood,
    warp_consistency,
)

__all__ = [
    "anchor_pairs",
    "c3_total",
    "concentration",
    "cycle",
    "equivariance",
    "equivariance_of_points",
    "feature_distances",
    "flow_cross_entropy",
    "init_running_mean",
    "invariance",
    "invariance_of_points",
    "jlad_total",
    "joint_consistency",
    "landmark_equivariance",
    "match_confidence",
    "perceptual",
    "perceptual_distance",
    "separation",
    "separation_hinge",
    "soft_equivariance",
    "uncertainty_likelihood",
    "uncertainty_weighted_alignment",
    "update_running_mean",
    "warp_consistency",
    "weak_matching",
]
