"""JLAD's Eq. 1 to 11, slowly, in float64, as printed: one example, one cell at a time.

An argument `tau` is `[H, W, 2]`, target locations on the source grid; sigma is `[H, W]`.
"""

import numpy as np

from tests.reference.landmarks import entries, location
from tests.reference.warps import carry, warp


def unit_features(features):
    lengths = np.sqrt(np.sum(features**2, axis=-1, keepdims=True))
    return features / np.where(lengths > 0, lengths, 1)


def window(row, column, radius, shape):
    """Channel, row and column of the cells of a window that lie in the image."""
    channel = 0
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if 0 <= row + dy < shape[0] and 0 <= column + dx < shape[1]:
                yield channel, row + dy, column + dx
            channel += 1


def window_products(source, target, radius):
    shape = source.shape[:2]
    out = np.zeros((*shape, (2 * radius + 1) ** 2))
    for y, x in entries(*shape):
        for channel, row, column in window(y, x, radius, shape):
            out[y, x, channel] = np.sum(source[y, x] * target[row, column])
    return out


def local_correlation(source, target, radius):
    """Eq. 3."""
    products = window_products(unit_features(source), unit_features(target), radius)
    return unit_features(products)


def channel_softmax(logits):
    """Eq. 4, without the background's map."""
    height, width, channels = logits.shape
    out = np.zeros((height, width, channels - 1))
    for y, x in entries(height, width):
        for k in range(1, channels):
            total = sum(np.exp(logits[y, x, m]) for m in range(channels))
            out[y, x, k - 1] = np.exp(logits[y, x, k]) / total
    return out


def heatmap_centroids(heatmaps):
    """Eq. 5."""
    height, width, count = heatmaps.shape
    out = np.zeros((count, 2))
    for k in range(count):
        total = 0.0
        for y, x in entries(height, width):
            out[k] += location(y, x, (height, width)) * heatmaps[y, x, k]
            total += heatmaps[y, x, k]
        out[k] /= total
    return out


def anchor_pairs(anchors_source, anchors_target, tau):
    """Eq. 1, and 2 with T for tau."""
    return np.sum((anchors_target - carry(anchors_source, tau)) ** 2)


def window_scores(products, temperature=1.0):
    """Eq. 7."""
    out = np.zeros_like(products)
    height, width, channels = products.shape
    radius = (round(channels**0.5) - 1) // 2
    for y, x in entries(height, width):
        cells = list(window(y, x, radius, (height, width)))
        total = sum(np.exp(products[y, x, channel] / temperature) for channel, _, _ in cells)
        for channel, _, _ in cells:
            out[y, x, channel] = np.exp(products[y, x, channel] / temperature) / total
    return out


def uncertainty_weighted_alignment(source, target, tau, sigma, radius, temperature=1.0):
    """Eq. 6."""
    warped = warp(unit_features(target), tau)
    scores = window_scores(window_products(unit_features(source), warped, radius), temperature)
    shape = source.shape[:2]
    total = 0.0
    for y, x in entries(*shape):
        for channel, row, column in window(y, x, radius, shape):
            label = 1 if (row, column) == (y, x) else 0
            total -= label / sigma[y, x] * np.log(scores[y, x, channel])
        total += np.log(sigma[y, x])
    return total


def uncertainty_likelihood(correspondence, tau, sigma, matched=None):
    """An exponential density of the distance, in cells; what has no match may be anywhere."""
    height, width = sigma.shape[:2]
    cells = list(entries(height, width))
    anywhere = np.mean([np.hypot(a - c, b - d) for a, b in cells for c, d in cells])
    total = 0.0
    for y, x in entries(height, width):
        across, down = correspondence[y, x] - tau[y, x]
        distance = np.hypot(across * (width - 1) / 2, down * (height - 1) / 2)
        if matched is not None:
            distance = matched[y, x] * distance + (1 - matched[y, x]) * anywhere
        total += distance / sigma[y, x] + np.log(sigma[y, x])
    return total


def concentration(heatmaps):
    """Eq. 8."""
    height, width, count = heatmaps.shape
    landmarks = heatmap_centroids(heatmaps)
    total = 0.0
    for k in range(count):
        spread, mass = 0.0, 0.0
        for y, x in entries(height, width):
            offset = location(y, x, (height, width)) - landmarks[k]
            spread += np.sum(offset**2) * heatmaps[y, x, k]
            mass += heatmaps[y, x, k]
        total += spread / mass
    return total


def separation(landmarks, margin):
    """Eq. 9."""
    total = 0.0
    for k, other in entries(len(landmarks), len(landmarks)):
        if other != k:
            total += max(0.0, margin - np.sum((landmarks[k] - landmarks[other]) ** 2))
    return total


def joint_consistency(heatmaps_source, heatmaps_target, tau, sigma):
    """Eq. 10, the average over landmarks in place of their sum."""
    warped = warp(heatmaps_target, tau)
    total = 0.0
    for y, x, k in entries(*warped.shape):
        total += (heatmaps_source[y, x, k] - warped[y, x, k]) ** 2 / sigma[y, x]
    return total / warped.shape[-1]
