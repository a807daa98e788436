"""The 4D volume and its filters, slowly, in float64: one example, one entry at a time."""

import numpy as np

from tests.reference.landmarks import entries


def correlation_4d(source, target, epsilon=0.0):
    volume = np.zeros(source.shape[:2] + target.shape[:2])
    for index in entries(*volume.shape):
        a, b = source[index[:2]], target[index[2:]]
        lengths = np.sqrt(np.sum(a**2) + epsilon) * np.sqrt(np.sum(b**2) + epsilon)
        volume[index] = np.sum(a * b) / lengths if lengths > 0 else 0.0
    return volume


def mutual_matching(volume, epsilon=1e-5):
    out = np.zeros_like(volume)
    for index in entries(*volume.shape):
        hs, ws, ht, wt = index
        c = volume[index]
        over_source = c / (max(volume[:, :, ht, wt].ravel()) + epsilon)
        over_target = c / (max(volume[hs, ws].ravel()) + epsilon)
        out[index] = c * over_source * over_target
    return out


def conv4d(volume, kernel):
    """Six nested loops: four of space, and two of channels in the product."""
    *sizes, _ = volume.shape
    radius = kernel.shape[0] // 2
    out = np.zeros((*sizes, kernel.shape[-1]))
    for index in entries(*sizes):
        for offset in entries(*kernel.shape[:4]):
            at = tuple(i + d - radius for i, d in zip(index, offset, strict=True))
            if all(0 <= i < n for i, n in zip(at, sizes, strict=True)):
                out[index] += volume[at] @ kernel[offset]
    return out


def separable_conv4d(volume, kernel_source, kernel_target, activation):
    hs, ws, ht, wt, _ = volume.shape
    hidden = np.zeros((hs, ws, ht, wt, kernel_target.shape[-1]))
    for y, x in entries(hs, ws):
        hidden[y, x] = conv2d(volume[y, x], kernel_target)
    hidden = activation(hidden)
    out = np.zeros((hs, ws, ht, wt, kernel_source.shape[-1]))
    for y, x in entries(ht, wt):
        out[:, :, y, x] = conv2d(hidden[:, :, y, x], kernel_source)
    return out


def centre_pivot_conv4d(volume, kernel_source, kernel_target):
    hs, ws, ht, wt, _ = volume.shape
    out = np.zeros((hs, ws, ht, wt, kernel_target.shape[-1]))
    for y, x in entries(hs, ws):
        out[y, x] += conv2d(volume[y, x], kernel_target)
    for y, x in entries(ht, wt):
        out[:, :, y, x] += conv2d(volume[:, :, y, x], kernel_source)
    return out


def folded_correlation(source, target, kernel_source, kernel_target):
    def filtered(features, kernel):
        unit = features / np.sqrt(np.sum(features**2, axis=-1, keepdims=True))
        return conv2d(unit, np.einsum("yx,ij->yxij", kernel, np.eye(features.shape[-1])))

    source, target = filtered(source, kernel_source), filtered(target, kernel_target)
    return np.einsum("abc,xyc->abxy", source, target)


def dead_fraction(volume):
    hs, ws, ht, wt = volume.shape
    dead = 0
    for y, x in entries(ht, wt):
        dead += len({volume[a, b, y, x] for a, b in entries(hs, ws)}) == 1
    return dead / (ht * wt)


def conv2d(maps, kernel):
    height, width, _ = maps.shape
    radius = kernel.shape[0] // 2
    out = np.zeros((height, width, kernel.shape[-1]))
    for y, x in entries(height, width):
        for dy, dx in entries(*kernel.shape[:2]):
            row, column = y + dy - radius, x + dx - radius
            if 0 <= row < height and 0 <= column < width:
                out[y, x] += maps[row, column] @ kernel[dy, dx]
    return out
