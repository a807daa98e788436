"""Matching and its losses, slowly, in float64: one example, one cell at a time."""

import numpy as np

from tests.reference.correlation import entries
from tests.reference.landmarks import centre


def match_scores(volume, over, temperature=1.0):
    hs, ws, ht, wt = volume.shape
    out = np.zeros_like(volume)
    if over == "source":
        for y, x in entries(ht, wt):
            weights = np.exp(volume[:, :, y, x] / temperature)
            out[:, :, y, x] = weights / weights.sum()
    else:
        for y, x in entries(hs, ws):
            weights = np.exp(volume[y, x] / temperature)
            out[y, x] = weights / weights.sum()
    return out


def transformation_map(scores, over, hard):
    hs, ws, ht, wt = scores.shape
    if over == "source":
        out, searched = np.zeros((ht, wt, 2)), (hs, ws)
    else:
        out, searched = np.zeros((hs, ws, 2)), (ht, wt)
    for y, x in entries(*out.shape[:2]):
        best = -np.inf
        for row, column in entries(*searched):
            score = scores[row, column, y, x] if over == "source" else scores[y, x, row, column]
            location = np.array([centre(column, searched[1]), centre(row, searched[0])])
            if not hard:
                out[y, x] += score * location
            elif score > best:
                best, out[y, x] = score, location
    return out


def kernel_transformation_map(scores, over, stddev):
    hs, ws, ht, wt = scores.shape
    shape, searched = ((ht, wt), (hs, ws)) if over == "source" else ((hs, ws), (ht, wt))
    out = np.zeros((*shape, 2))
    for y, x in entries(*shape):
        here = scores[:, :, y, x] if over == "source" else scores[y, x]
        best = np.unravel_index(here.argmax(), searched)
        total = 0.0
        for row, column in entries(*searched):
            squared = (row - best[0]) ** 2 + (column - best[1]) ** 2
            weight = here[row, column] * np.exp(-squared / (2 * stddev**2))
            out[y, x] += weight * np.array([centre(column, searched[1]), centre(row, searched[0])])
            total += weight
        out[y, x] /= total
    return out


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
    hs, ws, ht, wt = volume.shape
    by_source = match_scores(volume, "source", temperature)
    by_target = match_scores(volume, "target", temperature)
    first = np.mean([by_source[:, :, y, x].max() for y, x in entries(ht, wt)])
    second = np.mean([by_target[y, x].max() for y, x in entries(hs, ws)])
    return (first + second) / 2


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
