"""The networks of a landmark model as plain functions of NumPy arrays, to measure and to draw."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from PIL import Image

from c3jax import matching
from c3jax.models.layers import resize
from c3jax.tools.measure.networks import apply_in_batches
from experiments.measure.consistency import Found, Pairs


class Code(NamedTuple):
    """Appearance `[n, h, w, c]`, landmarks `[n, K, 2]`, Gaussian maps and flow features."""

    appearance: np.ndarray
    landmarks: np.ndarray
    maps: np.ndarray
    flow_features: np.ndarray


@dataclass(frozen=True)
class Viewer:
    """A landmark model at some step; batch normalisation by running averages.

    image_size: side of its pictures; hard_match, temperature: how T is read, as in training.
    """

    network: nn.Module
    variables: dict[str, Any]
    image_size: int
    hard_match: bool
    temperature: float

    def encode(self, images: np.ndarray) -> Code:
        """Code of float images `[n, H, W, 3]` in [0, 1], brought to the size of its pictures."""
        images = np.asarray(resize(jnp.asarray(images), (self.image_size,) * 2))
        return apply_in_batches(self.network, self.variables, _encode, images)

    def decode(self, appearance: np.ndarray, maps: np.ndarray) -> np.ndarray:
        """Images of appearances and poses."""
        return apply_in_batches(self.network, self.variables, "decode", appearance, maps)

    def look(self, images: np.ndarray) -> Code:
        """Code of uint8 images `[n, H, W, 3]` of any size."""
        if images.shape[1:3] != (self.image_size,) * 2:
            size = (self.image_size,) * 2
            images = np.stack([np.asarray(Image.fromarray(image).resize(size)) for image in images])
        return self.encode(images / np.float32(255))

    def fields(self, code: Code, pairs: Pairs) -> np.ndarray:
        """T^{j->i} `[n, h, w, 2]` of pairs of images, which carries points of the source."""
        ends = (code.flow_features[pairs.source], code.flow_features[pairs.target])
        transform = _transform(self.hard_match, self.temperature)
        return apply_in_batches(self.network, self.variables, transform, *ends)

    def find(self, images: np.ndarray, pairs: Pairs) -> Found:
        """Landmarks of uint8 images and the fields of pairs of them."""
        code = self.look(images)
        return Found(code.landmarks, self.fields(code, pairs))


def _encode(network, images) -> Code:
    code = network.encode(images)
    return Code(code.appearance, code.landmarks, code.maps, code.flow_features)


@functools.cache
def _transform(hard: bool, temperature: float) -> Callable[..., Any]:
    """From the features of pairs to T."""

    def transform(network, source, target):
        correlation = network.correlate(source, target)
        scores = matching.match_scores(correlation, over="target", temperature=temperature)
        return matching.transformation_map(scores, over="target", hard=hard)

    return transform
