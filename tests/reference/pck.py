"""PCK, slowly, in float64, as the papers' own evaluation defines it: pixels are counted from 1."""

import numpy as np


def normalize(pixel, side):
    """NC-Net's: pixels 1 to `side` become -1 to 1."""
    return (pixel - 1 - (side - 1) / 2) * 2 / (side - 1)


def unnormalize(value, side):
    return value * (side - 1) / 2 + 1 + (side - 1) / 2


def correct_points(predicted, true_px, size, frame, length, alpha):
    """Whether each prediction is right, one by one.

    predicted: `[P, 2]` normalised; true_px: `[P, 2]`, counted from 1, in a picture of `size`
    (width, height); frame: side of the square that it is compared in, or None.
    """
    out = []
    for prediction, true in zip(predicted, true_px, strict=True):
        squared = 0.0
        for axis in (0, 1):
            side = frame or size[axis]
            there = unnormalize(normalize(true[axis], size[axis]), side)
            squared += (unnormalize(prediction[axis], side) - there) ** 2
        out.append(np.sqrt(squared) <= alpha * length)
    return out


def length_of(name, size, box, source_points_px):
    if name in ("scnet", "img240"):
        return {"scnet": 224, "img240": 240}[name]
    if name == "img":
        return max(size)
    if name == "bbox":
        return max(box[2] - box[0], box[3] - box[1])
    xs, ys = zip(*source_points_px, strict=True)
    return max(max(xs) - min(xs), max(ys) - min(ys))


def averages(correct, categories, weights=None):
    """Percent per pair, per point and as a mean of categories; `correct` is a list for each pair.

    A pair of weight w is there w times; None if no pair is there at all.
    """
    weights = [1] * len(correct) if weights is None else weights
    there = [(c, k) for c, k, w in zip(correct, categories, weights, strict=True) for _ in range(w)]
    if not there:
        return None
    by_category = {}
    for points, category in there:
        by_category.setdefault(category, []).append(np.mean(points))
    return {
        "per_pair": 100 * np.mean([np.mean(points) for points, _ in there]),
        "per_point": 100 * np.mean([point for points, _ in there for point in points]),
        "mean_of_categories": 100 * np.mean([np.mean(means) for means in by_category.values()]),
    }


def interval(correct, categories, source, target, times):
    """Bounds of each average; `times` `[draws, pictures]` says how often a picture was drawn."""
    found = []
    for drawn in times:
        weights = [int(drawn[s] * drawn[t]) for s, t in zip(source, target, strict=True)]
        found.append(averages(correct, categories, weights))
    kept = [draw for draw in found if draw is not None]
    return {name: np.percentile([d[name] for d in kept], [2.5, 97.5]) for name in kept[0]}
