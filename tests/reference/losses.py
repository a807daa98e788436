"""Losses between maps and between points, slowly, in float64."""

import numpy as np

from tests.reference.matching import soft_warp
from tests.reference.warps import sample, spline


def map_distance(first, second):
    height, width, count = first.shape
    total = 0.0
    for k in range(count):
        for y in range(height):
            for x in range(width):
                total += (first[y, x, k] - second[y, x, k]) ** 2
    return total / count


def point_distance(first, second):
    return np.mean(
        [(a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 for a, b in zip(first, second, strict=True)]
    )


def warp(maps, transformation):
    flat = sample(maps, transformation.reshape(-1, 2))
    return flat.reshape(*transformation.shape[:2], -1)


def equivariance(p_i, p_j, t_ij, t_ji):
    return map_distance(p_i, warp(p_j, t_ji)) + map_distance(p_j, warp(p_i, t_ij))


def soft_equivariance(p_i, p_j, s_ij, s_ji):
    first = map_distance(p_i, soft_warp(p_j, s_ji, "target"))
    return first + map_distance(p_j, soft_warp(p_i, s_ij, "source"))


def equivariance_of_points(points_i, points_j, t_ij, t_ji):
    in_i = sample(t_ij, np.clip(points_j, -1, 1), "clamp")
    in_j = sample(t_ji, np.clip(points_i, -1, 1), "clamp")
    return point_distance(points_i, in_i) + point_distance(points_j, in_j)


def warp_consistency(points_of_warped, points_of_original, affine, weights):
    return point_distance(spline(affine, weights, points_of_warped), points_of_original)


def separation_hinge(points, margin):
    total, pairs = 0.0, 0
    for k, a in enumerate(points):
        for other, b in enumerate(points):
            if k != other:
                total += max(0.0, margin**2 - np.sum((a - b) ** 2))
                pairs += 1
    return total / pairs
