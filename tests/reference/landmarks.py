"""Landmarks, slowly, in float64: one example, one cell at a time."""

import itertools

import numpy as np


def entries(*sizes):
    return itertools.product(*map(range, sizes))


def centre(index, size):
    return -1.0 if size == 1 else -1.0 + 2.0 * index / (size - 1)


def location(row, column, shape):
    """(x, y) of a cell."""
    return np.array([centre(column, shape[1]), centre(row, shape[0])])


def soft_argmax(logits, temperature=1.0):
    height, width, count = logits.shape
    points = np.zeros((count, 2))
    for k in range(count):
        largest = logits[..., k].max()
        total = 0.0
        for y, x in entries(height, width):
            weight = np.exp((logits[y, x, k] - largest) / temperature)
            points[k] += weight * location(y, x, (height, width))
            total += weight
        points[k] /= total
    return points


def marginal_soft_argmax(logits, temperature=1.0):
    height, width, count = logits.shape
    points = np.zeros((count, 2))
    for k in range(count):
        columns = [np.mean([logits[y, x, k] for y in range(height)]) for x in range(width)]
        rows = [np.mean([logits[y, x, k] for x in range(width)]) for y in range(height)]
        for axis, scores in enumerate((columns, rows)):
            weights = np.exp((np.array(scores) - max(scores)) / temperature)
            centres = np.array([centre(n, len(scores)) for n in range(len(scores))])
            points[k, axis] = np.sum(weights * centres) / np.sum(weights)
    return points


def gaussian_maps(points, shape, stddev):
    maps = np.zeros((*shape, len(points)))
    for y, x, k in entries(*maps.shape):
        squared = np.sum((location(y, x, shape) - points[k]) ** 2)
        maps[y, x, k] = np.exp(-squared / (2 * stddev**2))
    return maps
