"""VGG in NumPy: channels first, float64, torchvision's keys, one loop over layers."""

import numpy as np

from tests.reference.resnet import convolution, normalize, windowed_max

# Channels of the convolutions; M is a pooling.
LAYOUT = {"vgg16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512"}


def features(weights, images, architecture):
    """Every convolution after its ReLU, as `convG_I`, channels last, of `[n, h, w, 3]` images."""
    x, index, group, position, taps = normalize(images), 0, 1, 1, {}
    for entry in LAYOUT[architecture].split():
        if entry == "M":
            x = windowed_max(x, size=2, stride=2, padding=0)
            index, group, position = index + 1, group + 1, 1
            continue
        bias = weights[f"features.{index}.bias"].astype(np.float64)
        x = convolution(x, weights[f"features.{index}.weight"], padding=1) + bias[:, None, None]
        x = np.maximum(x, 0)
        taps[f"conv{group}_{position}"] = x.transpose(0, 2, 3, 1)
        index, position = index + 2, position + 1
    return taps


def random_weights(architecture, seed=0):
    """Torchvision's keys with He-scaled random values, float32."""
    generator = np.random.default_rng(seed)
    weights, index, channels = {}, 0, 3
    for entry in LAYOUT[architecture].split():
        if entry == "M":
            index += 1
            continue
        shape = (int(entry), channels, 3, 3)
        scale = np.float32(np.sqrt(2 / (9 * channels)))
        kernel = generator.standard_normal(shape, np.float32)
        weights[f"features.{index}.weight"] = scale * kernel
        weights[f"features.{index}.bias"] = generator.uniform(-0.1, 0.1, shape[0]).astype("f4")
        index, channels = index + 2, shape[0]
    return weights
