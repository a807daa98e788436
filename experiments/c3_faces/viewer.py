"""The networks of a run as plain functions of NumPy arrays, for pictures and measurements."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from PIL import Image

from c3jax import matching
from experiments.c3_faces.config import Config
from experiments.measure.consistency import Found, Pairs
from experiments.terms.cross_image import Networks

BATCH = 16


class Code(NamedTuple):
    """Appearance `[n, h, w, c]`, landmarks `[n, K, 2]`, Gaussian maps and flow features."""

    appearance: np.ndarray
    landmarks: np.ndarray
    maps: np.ndarray
    flow_features: np.ndarray


@dataclass(frozen=True)
class Viewer:
    """A landmark model at some step; batch normalisation by running averages.

    encode: images float `[n, S, S, 3]` in [0, 1] -> Code; decode: appearance, maps -> images;
    transform: flow features of sources and targets -> T^{j->i} `[n, h, w, 2]`, which carries points
    of the source to the target; image_size: S.
    """

    image_size: int
    encode: Callable[[np.ndarray], Code]
    decode: Callable[[np.ndarray, np.ndarray], np.ndarray]
    transform: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def look(self, images: np.ndarray) -> Code:
        """Code of uint8 images `[n, H, W, 3]` of any size."""
        if images.shape[1:3] != (self.image_size,) * 2:
            size = (self.image_size,) * 2
            images = np.stack([np.asarray(Image.fromarray(image).resize(size)) for image in images])
        return self.encode(images / np.float32(255))

    def fields(self, code: Code, pairs: Pairs) -> np.ndarray:
        """T^{j->i} of pairs of images, by their codes."""
        return self.transform(code.flow_features[pairs.source], code.flow_features[pairs.target])

    def find(self, images: np.ndarray, pairs: Pairs) -> Found:
        """Landmarks of uint8 images and the fields of pairs of them."""
        code = self.look(images)
        return Found(code.landmarks, self.fields(code, pairs))


def make_viewer(networks: Networks, config: Config, variables: Any) -> Viewer:
    """The model of a run as a `Viewer`; T is read as in training (argmax or expectation)."""
    hard, temperature = config.loss.hard_match, config.loss.match_temperature

    def bind(function, *static):
        return functools.partial(in_batches, functools.partial(function, *static, variables))

    return Viewer(
        image_size=config.data.image_size,
        encode=bind(_encode, networks.model),
        decode=bind(_decode, networks.model),
        transform=bind(_transform, networks.model, hard, temperature),
    )


def in_batches(function: Callable, *arrays: np.ndarray, size: int = BATCH) -> Any:
    """`function` of arrays with a common first axis, called with `size` rows at a time.

    The last rows are filled up with copies of the very last, so that there is one compilation.
    """
    count, parts = len(arrays[0]), []
    for begin in range(0, count, size):
        rows = np.minimum(np.arange(begin, begin + size), count - 1)
        outputs = function(*(array[rows] for array in arrays))
        parts.append(jax.tree.map(lambda x, n=count - begin: np.asarray(x)[:n], outputs))
    return jax.tree.map(lambda *pieces: np.concatenate(pieces), *parts)


@functools.partial(jax.jit, static_argnums=0)
def _encode(model, variables, images) -> Code:
    code = model.apply(variables, images, method="encode")
    return Code(code.appearance, code.landmarks, code.maps, code.flow_features)


@functools.partial(jax.jit, static_argnums=0)
def _decode(model, variables, appearance, maps):
    return model.apply(variables, appearance, maps, method="decode")


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _transform(model, hard, temperature, variables, source, target):
    correlation = model.apply(variables, source, target, method="correlate")
    scores = matching.match_scores(correlation, over="target", temperature=temperature)
    return matching.transformation_map(scores, over="target", hard=hard)
