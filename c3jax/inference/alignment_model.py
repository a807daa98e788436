"""Dense matches between two pictures of any size."""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from c3jax import weights as imagenet
from c3jax._checks import check_choice, check_positive
from c3jax.inference import files
from c3jax.inference.framing import RESIZES, check_image, squash
from c3jax.inference.matches import Matches
from c3jax.matching import kernel_transformation_map, match_scores, transformation_map
from c3jax.models.families import from_config
from c3jax.models.jlad import JLAD

MATCHES = ("hard", "kernel")


class Read(NamedTuple):
    """What a correlation says: T^{j->i} and T^{i->j}, and the best score of each of their cells.

    to_target: `[b, hs, ws, 2]`; to_source: `[b, ht, wt, 2]`; source_confidence: `[b, hs, ws]`;
    target_confidence: `[b, ht, wt]`; source_sigma, target_sigma: of the same shapes, or None.
    """

    to_target: Array
    to_source: Array
    source_confidence: Array
    target_confidence: Array
    source_sigma: Array | None = None
    target_sigma: Array | None = None


@dataclass(frozen=True)
class Reading:
    """How matches are read from a correlation.

    Args (fields):
      match: `hard` takes the best cell, as NC-Net; `kernel` the expectation of the scores around
        it (kernel soft-argmax), which is finer than the cells.
      temperature: of the scores, relative to the largest correlation of the pair.
      stddev: of the kernel, in cells.
    """

    match: Literal["hard", "kernel"] = "kernel"
    temperature: float = 0.05
    stddev: float = 1.5

    def read(self, correlation: Float[Array, "b hs ws ht wt"]) -> Read:
        """Transformation maps in both directions, and how sure they are."""
        largest = jnp.max(correlation, axis=(-4, -3, -2, -1), keepdims=True)
        relative = correlation / jnp.maximum(largest, 1e-12)
        to_target, source_confidence = self._side(relative, "target")
        to_source, target_confidence = self._side(relative, "source")
        return Read(to_target, to_source, source_confidence, target_confidence)

    def maps(self, correlation: Float[Array, "b hs ws ht wt"]) -> tuple[Array, Array]:
        """T^{i->j} `[b, ht, wt, 2]` and T^{j->i} `[b, hs, ws, 2]`."""
        read = self.read(correlation)
        return read.to_source, read.to_target

    def _side(self, relative: Array, over: str) -> tuple[Array, Array]:
        scores = match_scores(relative, over=over, temperature=self.temperature)
        best = scores.max(axis=(-4, -3) if over == "source" else (-2, -1))
        if self.match == "hard":
            return transformation_map(scores, over=over), best
        return kernel_transformation_map(scores, over=over, stddev=self.stddev), best


@dataclass(frozen=True)
class AlignmentModel:
    """A network with its variables, ready to match pictures of any size.

    Attributes:
      network: the `c3jax.models.aligner.Aligner`, or the `c3jax.models.jlad.JLAD`, whose field tau
        from the source is T^{j->i} and whose field from the target T^{i->j}.
      variables: of the network, float32.
      image_size: side of the square that the network looks at, in pixels: the whole picture,
        stretched.
      resize: how, 'antialias' by a triangle filter or 'align_corners' by plain interpolation.
      reading: how an aligner's matches are read from its refined correlation.
      trained_on: what it was trained on.
    """

    network: nn.Module
    variables: dict[str, Any] = field(repr=False)
    image_size: int
    resize: str = "antialias"
    reading: Reading = Reading()
    trained_on: Any = None

    @property
    def with_uncertainty(self) -> bool:
        """Whether its matches have a sigma."""
        return isinstance(self.network, JLAD) and self.network.with_uncertainty

    def align(self, source: Any, target: Any) -> Matches:
        """Matches of two pictures.

        Args:
          source, target: `[H, W, 3]` each, of any sizes; RGB, uint8 or floating in [0, 1].

        Raises:
          ValueError: if a picture has another shape, type or range.
        """
        source, target = check_image("source", source), check_image("target", target)
        squares = [squash(x, self.image_size, resize=self.resize) for x in (source, target)]
        if isinstance(self.network, JLAD):
            read = _align_jointly(self.network, self.variables, np.stack(squares))
        else:
            read = _align(self.network, self.reading, self.variables, np.stack(squares))
        found: Any = (None if x is None else np.asarray(x[0]) for x in read)
        return Matches(source.shape[:2], target.shape[:2], *found)


def load_aligner(path: str | Path) -> AlignmentModel:
    """The aligner of a folder that `save` wrote (`python -m experiments.export` calls it).

    Args:
      path: the folder, or the `.safetensors` file in it.

    Raises:
      ValueError: a missing or damaged file, another version of the format, an unknown field, arrays
        that are not those of the network, a model of landmarks alone; the message names the file.
    """
    network, variables, config = files.read(path)
    if not files.matches_pictures(config):
        raise ValueError(f"{path} matches no pictures: it finds landmarks; use load")
    reading = _reading(config["reading"]) if "reading" in config else Reading()
    size, resize = config["image_size"], config["resize"]
    return AlignmentModel(network, variables, size, resize, reading, config["trained_on"])


def gaussian_aligner(
    weights: str | Path,
    architecture: str = "resnet50",
    *,
    image_size: int = 240,
    resize: str = "antialias",
    reading: Reading | None = None,
) -> AlignmentModel:
    """The flow module before any training, a separable Gaussian, on ImageNet features of layer3.

    Args:
      weights: file of the network's weights, with torchvision's keys.
      architecture: 'resnet18', 'resnet50' or 'resnet101'.
      image_size, resize, reading: of the `AlignmentModel`.

    Raises:
      ValueError: an unknown architecture, a file that is missing or of another one, or a size that
        is not positive.
    """
    check_positive(image_size=image_size)
    check_choice("resize", resize, RESIZES)
    network = from_config(
        {
            "family": "aligner",
            "trunk": {"architecture": architecture, "output_stride": 16, "stages": ["layer3"]},
            "flow": {"channels": [1], "linear": True},
        }
    )
    trunk = imagenet.load_resnet(weights, architecture, stages=("layer3",))
    cell = jnp.zeros((1, 1, 1, 1))
    flow = network.flow.init(jax.random.key(0), cell, cell)
    groups = {"trunk": trunk, "flow": flow}
    variables = {
        name: {group: tree[name] for group, tree in groups.items() if name in tree}
        for name in trunk
    }
    trained_on = {"trunk": f"{architecture} of ImageNet", "flow": "nothing, a Gaussian"}
    return AlignmentModel(network, variables, image_size, resize, reading or Reading(), trained_on)


def _reading(stored: Any) -> Reading:
    try:
        reading = Reading(**stored)
    except TypeError as error:
        raise ValueError(f"the field 'reading' does not fit: {error}") from None
    check_choice("reading: match", reading.match, MATCHES)
    return reading


@functools.partial(jax.jit, static_argnums=(0, 1))
def _align(network, reading: Reading, variables, squares) -> Read:
    features = network.apply(variables, squares, method="features")
    refined = network.apply(variables, features[:1], features[1:], method="correlate")
    return reading.read(refined)


@functools.partial(jax.jit, static_argnums=0)
def _align_jointly(network: JLAD, variables, squares) -> Read:
    apply: Any = functools.partial(network.apply, variables)
    features = apply(squares, method="encode").features
    tau, log_sigma = apply(features, features[::-1], method="align")
    log_sigma = log_sigma[..., 0]
    sigma, confidence = jnp.exp(log_sigma), jax.nn.sigmoid(-log_sigma)
    read = Read(tau[:1], tau[1:], confidence[:1], confidence[1:])
    if not network.with_uncertainty:
        return read
    return read._replace(source_sigma=sigma[:1], target_sigma=sigma[1:])
