"""Networks: modules own parameters."""

from c3jax.models.pyramid import RandomPyramid
from c3jax.models.resnet import ResNet
from c3jax.models.vgg import VGG

__all__ = ["VGG", "RandomPyramid", "ResNet"]
