"""Sampling and splines, slowly, in float64: one example, one point at a time."""

import numpy as np

from tests.reference.landmarks import entries, location


def pixel(image, x, y, padding):
    height, width, channels = image.shape
    if padding == "zeros" and not (0 <= x < width and 0 <= y < height):
        return np.zeros(channels)
    if padding == "reflect":
        x, y = mirror(x, width), mirror(y, height)
    return image[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]


def mirror(index, size):
    while not 0 <= index < size:
        index = -index if index < 0 else 2 * (size - 1) - index
    return index


def sample(image, points, padding="zeros"):
    height, width, channels = image.shape
    out = np.zeros((len(points), channels))
    for n, (px, py) in enumerate(points):
        x, y = (px + 1) / 2 * (width - 1), (py + 1) / 2 * (height - 1)
        left, top = int(np.floor(x)), int(np.floor(y))
        for down, right in entries(2, 2):
            row, column = top + down, left + right
            weight = (1 - abs(x - column)) * (1 - abs(y - row))
            out[n] += weight * pixel(image, column, row, padding)
    return out


def warp(maps, transformation):
    flat = sample(maps, transformation.reshape(-1, 2))
    return flat.reshape(*transformation.shape[:2], -1)


def carry(points, transformation):
    return sample(transformation, np.clip(points, -1, 1), "clamp")


def spline(affine, weights, points):
    """A p + t + sum_m U(|p - c_m|^2) w_m with U(d^2) = d^2 log d^2."""
    k = round(len(weights) ** 0.5)
    out = np.zeros((len(points), 2))
    for n, point in enumerate(points):
        out[n] = affine[:, :2] @ point + affine[:, 2]
        for row, column in entries(k, k):
            squared = np.sum((point - location(row, column, (k, k))) ** 2)
            if squared > 0:
                out[n] += squared * np.log(squared) * weights[row * k + column]
    return out


def cells(shape):
    return np.array([location(y, x, shape) for y, x in entries(*shape)])
