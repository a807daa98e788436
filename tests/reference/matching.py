"""Matching and its losses, slowly, in float64: one example, one cell at a time."""

import numpy as np

from tests.reference.landmarks import entries, location


def cells_of(volume, over):
    """Each cell of the other side, with a view of what it has on the side `over`."""
    hs, ws, ht, wt = volume.shape
    if over == "source":
        return {(y, x): volume[:, :, y, x] for y, x in entries(ht, wt)}
    return {(y, x): volume[y, x] for y, x in entries(hs, ws)}


def match_scores(volume, over, temperature=1.0):
    out = np.exp(volume / temperature)
    for here in cells_of(out, over).values():
        here /= here.sum()
    return out


def map_of(scores, over, find):
    """`[h, w, 2]`: what `find` makes of the scores that a cell has on the side `over`."""
    shape = scores.shape[2:] if over == "source" else scores.shape[:2]
    found = [find(here) for here in cells_of(scores, over).values()]
    return np.reshape(found, (*shape, 2))


def expectation(weights):
    return sum(weights[cell] * location(*cell, weights.shape) for cell in entries(*weights.shape))


def argmax(weights):
    return np.unravel_index(weights.argmax(), weights.shape)


def transformation_map(scores, over, hard):
    if hard:
        return map_of(scores, over, lambda here: location(*argmax(here), here.shape))
    return map_of(scores, over, expectation)


def kernel_transformation_map(scores, over, stddev):
    def near_the_best(here):
        row, column = argmax(here)
        weights = np.array(here)
        for y, x in entries(*here.shape):
            weights[y, x] *= np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * stddev**2))
        return expectation(weights) / weights.sum()

    return map_of(scores, over, near_the_best)


def soft_warp(maps, scores, over):
    hs, ws, ht, wt = scores.shape
    shape = (ht, wt) if over == "source" else (hs, ws)
    out = np.zeros((*shape, maps.shape[-1]))
    for a, b, c, d in entries(hs, ws, ht, wt):
        if over == "source":
            out[c, d] += scores[a, b, c, d] * maps[a, b]
        else:
            out[a, b] += scores[a, b, c, d] * maps[c, d]
    return out


def match_confidence(volume, temperature=1.0):
    def best(over):
        scores = match_scores(volume, over, temperature)
        return np.mean([here.max() for here in cells_of(scores, over).values()])

    return (best("source") + best("target")) / 2


def flow_cross_entropy(volume, points, temperature=1.0):
    hs, ws, ht, wt = volume.shape
    scores = match_scores(volume, "source", temperature)
    losses = []
    for y, x in entries(ht, wt):
        px, py = points[y, x]
        if abs(px) > 1 or abs(py) > 1:
            continue
        column, row = (px + 1) / 2 * (ws - 1), (py + 1) / 2 * (hs - 1)
        loss = 0.0
        for i, j in entries(hs, ws):
            label = max(0.0, 1 - abs(row - i)) * max(0.0, 1 - abs(column - j))
            loss -= label * np.log(scores[i, j, y, x])
        losses.append(loss)
    return np.mean(losses) if losses else 0.0
