"""The fixed network of the perceptual loss: which there are, and their ImageNet weights."""

import functools
from pathlib import Path
from typing import Literal

import flax.linen as nn

from c3jax import weights
from c3jax.models.efficientnet import EfficientNetLite
from c3jax.models.pyramid import RandomPyramid
from c3jax.models.resnet import ResNet
from c3jax.models.vgg import VGG
from experiments.engine.networks import Pretrained

Perceptual = Literal["lite0", "vgg16", "resnet18", "random"]
"""`random` is a fixed random pyramid; the others have ImageNet weights."""

STAGES = {
    "resnet18": ("input", "stem", "layer1", "layer2"),
    "lite0": ("input", "block0", "block2", "block4"),
    "vgg16": VGG("vgg16").taps,
}


def make_network(name: str) -> nn.Module:
    """The network of that name."""
    if name == "random":
        return RandomPyramid()
    if name == "vgg16":
        return VGG(name)
    return (EfficientNetLite if name == "lite0" else ResNet)(name, stages=STAGES[name])


def perceptual_weights(name: str, path: Path | None) -> tuple[Pretrained, ...]:
    """Its ImageNet weights, from `path` if that is given."""
    if name == "random":
        return ()
    if name == "vgg16":
        load = functools.partial(weights.load_vgg, architecture=name, taps=STAGES[name])
    else:
        load = functools.partial(weights.load_trunk, architecture=name, stages=STAGES[name])
    return (Pretrained("perceptual", name, path, "--model.perceptual-weights", load),)
