"""NC-Net, slowly, in float64, from weights in the layout of its public code; one pair."""

import numpy as np

from tests.reference.correlation import correlation_4d, mutual_matching
from tests.reference.landmarks import entries


def random_weights(channels, size, seed=0):
    """`NeighConsensus.conv.{0,2,..}.weight` `[k, cout, cin, k, k, k]` and `.bias`."""
    generator, weights = np.random.default_rng(seed), {}
    for layer, (cin, cout) in enumerate(zip((1, *channels), channels, strict=False)):
        shape = (size, cout, cin, size, size, size)
        name = f"NeighConsensus.conv.{2 * layer}"
        weights[f"{name}.weight"] = generator.normal(0.1, 0.3, shape).astype(np.float32)
        weights[f"{name}.bias"] = generator.normal(0, 0.1, cout).astype(np.float32)
    return weights


def conv4d(volume, weight, bias):
    """`[cin, hs, ws, ht, wt]` by `[k, cout, cin, k, k, k]`."""
    size, cout = weight.shape[:2]
    radius = size // 2
    padded = np.pad(volume, [(0, 0)] + [(radius, radius)] * 4)
    out = np.zeros((cout, *volume.shape[1:]))
    for a, b, c, d in entries(*volume.shape[1:]):
        window = padded[:, a : a + size, b : b + size, c : c + size, d : d + size]
        out[:, a, b, c, d] = np.einsum("ipqrs,poiqrs->o", window, weight) + bias
    return out


def ncnet(source, target, weights):
    def consensus(volume):
        volume = volume[None]
        for layer in range(len(weights) // 2):
            name = f"NeighConsensus.conv.{2 * layer}"
            volume = conv4d(volume, weights[f"{name}.weight"], weights[f"{name}.bias"])
            volume = np.maximum(volume, 0)
        return volume[0]

    volume = mutual_matching(correlation_4d(source, target, epsilon=1e-6))
    back = consensus(volume.transpose(2, 3, 0, 1)).transpose(2, 3, 0, 1)
    return mutual_matching(consensus(volume) + back)
