"""Losses between maps and between points, slowly, in float64."""

import numpy as np

from tests.reference import jlad
from tests.reference.landmarks import entries
from tests.reference.matching import soft_warp
from tests.reference.warps import carry, spline, warp


def map_distance(first, second):
    total = 0.0
    for y, x, k in entries(*first.shape):
        total += (first[y, x, k] - second[y, x, k]) ** 2
    return total / first.shape[-1]


def point_distance(first, second):
    return np.mean([np.sum((a - b) ** 2) for a, b in zip(first, second, strict=True)])


def equivariance(p_i, p_j, t_ij, t_ji):
    return map_distance(p_i, warp(p_j, t_ji)) + map_distance(p_j, warp(p_i, t_ij))


def soft_equivariance(p_i, p_j, s_ij, s_ji):
    first = map_distance(p_i, soft_warp(p_j, s_ji, "target"))
    return first + map_distance(p_j, soft_warp(p_i, s_ij, "source"))


def equivariance_of_points(points_i, points_j, t_ij, t_ji):
    in_i = point_distance(points_i, carry(points_j, t_ij))
    return in_i + point_distance(points_j, carry(points_i, t_ji))


def warp_consistency(points_of_warped, points_of_original, affine, weights):
    return point_distance(spline(affine, weights, points_of_warped), points_of_original)


def separation_hinge(points, margin):
    """The mean over pairs in place of the sum."""
    return jlad.separation(points, margin**2) / (len(points) * (len(points) - 1))
