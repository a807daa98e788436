"""Landmarks, slowly, in float64: one example, one cell at a time."""

import numpy as np


def centre(index, size):
    return -1.0 if size == 1 else -1.0 + 2.0 * index / (size - 1)


def soft_argmax(logits, temperature=1.0):
    height, width, count = logits.shape
    points = np.zeros((count, 2))
    for k in range(count):
        largest = logits[..., k].max()
        total = 0.0
        for y in range(height):
            for x in range(width):
                weight = np.exp((logits[y, x, k] - largest) / temperature)
                points[k] += weight * np.array([centre(x, width), centre(y, height)])
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
    for y in range(shape[0]):
        for x in range(shape[1]):
            for k, (px, py) in enumerate(points):
                squared = (centre(x, shape[1]) - px) ** 2 + (centre(y, shape[0]) - py) ** 2
                maps[y, x, k] = np.exp(-squared / (2 * stddev**2))
    return maps
