"""The fixed network of the perceptual loss: which there are, and their ImageNet weights."""

from pathlib import Path
from typing import Any, Protocol

from c3jax import weights
from c3jax.models.pyramid import RandomPyramid
from c3jax.models.resnet import ResNet
from c3jax.models.vgg import VGG
from experiments.engine.pretrained import Wanted

STAGES = ("input", "stem", "layer1", "layer2")


class PerceptualConfig(Protocol):
    """The fields of a model's configuration that describe it; `random` needs no weights."""

    @property
    def perceptual(self) -> str: ...

    @property
    def perceptual_weights(self) -> Path | None: ...


def make_network(name: str) -> RandomPyramid | ResNet | VGG:
    """The network of that name."""
    if name == "random":
        return RandomPyramid()
    return ResNet("resnet18", stages=STAGES) if name == "resnet18" else VGG("vgg16")


def wanted(model: PerceptualConfig) -> dict[str, Wanted]:
    """Its ImageNet weights, by group of parameters."""
    if model.perceptual == "random":
        return {}
    option = "--model.perceptual-weights"
    return {"perceptual": Wanted(model.perceptual, model.perceptual_weights, option)}


def load(file: Path, name: str) -> dict[str, Any]:
    """Its variables from a file.

    Raises:
      ValueError: a damaged file, or one of another network.
    """
    if name == "resnet18":
        return weights.load_resnet(file, name, stages=STAGES)
    return weights.load_vgg(file, name, taps=VGG(name).taps)
