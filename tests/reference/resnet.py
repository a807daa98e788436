"""Residual networks in NumPy: channels first, float64, torchvision's keys, nothing shared."""

import numpy as np

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}


def features(weights, images, architecture, output_stride=32):
    """Every stage and the logits, channels last, of images `[n, h, w, 3]` in [0, 1]."""
    x = convolution(normalize(images), weights["conv1.weight"], stride=2, padding=3)
    x = np.maximum(batch_norm(x, weights, "bn1"), 0)
    stages = {"stem": x}
    x = windowed_max(x, size=3, stride=2, padding=1)
    total, dilation = 4, 1
    for layer, blocks in enumerate(BLOCKS[architecture], 1):
        for block in range(blocks):
            stride, first_dilation = 1, dilation
            if block == 0 and layer > 1:
                if total < output_stride:
                    stride, total = 2, 2 * total
                else:
                    dilation *= 2
            x = residual(x, weights, f"layer{layer}.{block}", stride, first_dilation, dilation)
        stages[f"layer{layer}"] = x
    stages = {name: stage.transpose(0, 2, 3, 1) for name, stage in stages.items()}
    if "fc.weight" in weights:
        pooled = stages["layer4"].mean((1, 2))
        stages["logits"] = pooled @ weights["fc.weight"].T.astype(np.float64) + weights["fc.bias"]
    return stages


def residual(x, weights, name, stride, first_dilation, dilation):
    def conv_bn(y, number, **options):
        y = convolution(y, weights[f"{name}.conv{number}.weight"], **options)
        return batch_norm(y, weights, f"{name}.bn{number}")

    strided = dict(stride=stride, padding=first_dilation, dilation=first_dilation)
    if f"{name}.conv3.weight" in weights:
        y = np.maximum(conv_bn(x, 1), 0)
        y = np.maximum(conv_bn(y, 2, **strided), 0)
        y = conv_bn(y, 3)
    else:
        y = np.maximum(conv_bn(x, 1, **strided), 0)
        y = conv_bn(y, 2, padding=dilation, dilation=dilation)
    if f"{name}.downsample.0.weight" in weights:
        x = convolution(x, weights[f"{name}.downsample.0.weight"], stride=stride)
        x = batch_norm(x, weights, f"{name}.downsample.1")
    return np.maximum(x + y, 0)


def normalize(images):
    """Channels first, less ImageNet's mean, over its standard deviation."""
    mean, deviation = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    return ((np.asarray(images, np.float64) - mean) / deviation).transpose(0, 3, 1, 2)


def convolution(x, kernel, *, stride=1, padding=0, dilation=1):
    """y[n, o, i, j] = sum_{c,a,b} x[n, c, stride i + dilation a - padding, ...] k[o, c, a, b]."""
    taps = kernel.shape[2]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    height, width = ((n - dilation * (taps - 1) - 1) // stride + 1 for n in x.shape[2:])
    y = np.zeros((len(x), kernel.shape[0], height, width))
    for a in range(taps):
        for b in range(taps):
            rows = dilation * a + stride * np.arange(height)
            columns = dilation * b + stride * np.arange(width)
            seen = x[:, :, rows[:, None], columns[None, :]]
            y += np.tensordot(seen, kernel[:, :, a, b], (1, 1)).transpose(0, 3, 1, 2)
    return y


def convolution_of_nhwc(x, kernel, **options):
    """`convolution` of `[n, h, w, c]` and an HWIO kernel."""
    y = convolution(x.transpose(0, 3, 1, 2), kernel.transpose(3, 2, 0, 1), **options)
    return y.transpose(0, 2, 3, 1)


def batch_norm(x, weights, name):
    def channel(suffix, default):
        return weights.get(f"{name}.{suffix}", np.array([default]))[:, None, None]

    x = (x - channel("running_mean", 0.0)) / np.sqrt(channel("running_var", 1.0) + 1e-5)
    return x * channel("weight", 1.0) + channel("bias", 0.0)


def windowed_max(x, *, size, stride, padding):
    pads = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    x = np.pad(x, pads, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (2, 3))
    return windows[:, :, ::stride, ::stride].max((-2, -1))


def random_weights(architecture, seed=0, *, statistics=True, classifier=True):
    """Torchvision's keys with He-scaled random values, float32, statistics away from 0 and 1."""
    generator = np.random.default_rng(seed)
    weights = {}

    def convolve(name, outputs, inputs, size):
        kernel = generator.standard_normal((outputs, inputs, size, size), np.float32)
        weights[f"{name}.weight"] = kernel * np.float32(np.sqrt(2 / (size * size * inputs)))

    def normalize_channels(name, channels):
        suffixes = ("weight", "bias", "running_mean", "running_var")[: 4 if statistics else 2]
        ranges = {"weight": (0.5, 1.0), "running_var": (0.5, 2.0)}
        for suffix in suffixes:
            values = generator.uniform(*ranges.get(suffix, (-0.2, 0.2)), channels)
            weights[f"{name}.{suffix}"] = values.astype(np.float32)

    convolve("conv1", 64, 3, 7)
    normalize_channels("bn1", 64)
    channels, deep = 64, architecture != "resnet18"
    for layer, blocks in enumerate(BLOCKS[architecture], 1):
        width = 32 * 2**layer
        outputs = 4 * width if deep else width
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            sizes = [(width, channels, 3), (width, width, 3)]
            if deep:
                sizes = [(width, channels, 1), (width, width, 3), (outputs, width, 1)]
            for number, size in enumerate(sizes, 1):
                convolve(f"{name}.conv{number}", *size)
                normalize_channels(f"{name}.bn{number}", size[0])
            if block == 0 and channels != outputs:
                convolve(f"{name}.downsample.0", outputs, channels, 1)
                normalize_channels(f"{name}.downsample.1", outputs)
            channels = outputs
    if classifier:
        weights["fc.weight"] = generator.normal(0, 0.05, (1000, channels)).astype(np.float32)
        weights["fc.bias"] = generator.normal(0, 0.05, 1000).astype(np.float32)
    return weights
