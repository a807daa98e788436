"""The fixed network of the perceptual loss: which there are, and their ImageNet weights."""

import functools
from pathlib import Path

from c3jax import weights
from c3jax.models.pyramid import RandomPyramid
from c3jax.models.resnet import ResNet
from c3jax.models.vgg import VGG
from experiments.engine.networks import Pretrained

STAGES = ("input", "stem", "layer1", "layer2")


def make_network(name: str) -> RandomPyramid | ResNet | VGG:
    """The network of that name."""
    if name == "random":
        return RandomPyramid()
    return ResNet("resnet18", stages=STAGES) if name == "resnet18" else VGG("vgg16")


def perceptual_weights(name: str, path: Path | None) -> tuple[Pretrained, ...]:
    """Its ImageNet weights, from `path` if that is given."""
    option = "--model.perceptual-weights"
    if name == "random":
        return ()
    load = functools.partial(weights.load_resnet, architecture=name, stages=STAGES)
    if name != "resnet18":
        load = functools.partial(weights.load_vgg, architecture=name, taps=VGG(name).taps)
    return (Pretrained("perceptual", name, path, option, load),)
