"""Dense matches between two pictures of any size."""

import functools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from c3jax import weights as imagenet
from c3jax._checks import check_choice, check_positive
from c3jax.inference import files
from c3jax.inference.calibration import Calibration
from c3jax.inference.framing import RESIZES, check_image, squash
from c3jax.inference.matches import Matches
from c3jax.models import dinov2, families
from c3jax.models.reading import MATCHES, Read, Reading


@dataclass(frozen=True)
class AlignmentModel:
    """A network with its variables, ready to match pictures of any size.

    Attributes:
      network: it has `match(source, target)`, as a `c3jax.models.aligner.Aligner` or a
        `c3jax.models.jlad.JLAD`.
      variables: of the network, float32.
      image_size: side of the square that the network looks at, in pixels: the whole picture,
        stretched.
      resize: how, 'antialias' by a triangle filter or 'align_corners' by plain interpolation.
      reading: how an aligner's matches are read from its refined correlation; None for a network
        that finds them otherwise.
      trained_on: what it was trained on.
      calibration: what was fitted after training, which makes probabilities of scores.
    """

    network: nn.Module
    variables: dict[str, Any] = field(repr=False)
    image_size: int
    resize: str = "antialias"
    reading: Reading | None = None
    trained_on: Any = None
    calibration: Calibration = field(default=Calibration(), repr=False)

    @property
    def with_uncertainty(self) -> bool:
        """Whether its matches have a sigma."""
        return getattr(self.network, "with_uncertainty", False)

    def align(self, source: Any, target: Any) -> Matches:
        """Matches of two pictures.

        Args:
          source, target: `[H, W, 3]` each, of any sizes; RGB, uint8 or floating in [0, 1].

        Raises:
          ValueError: if a picture has another shape, type or range.
        """
        source, target = check_image("source", source), check_image("target", target)
        squares = [squash(x, self.image_size, resize=self.resize) for x in (source, target)]
        read = self.match(*(square[None] for square in squares))
        found: Any = (None if x is None else np.asarray(x[0]) for x in read)
        matches = Matches(source.shape[:2], target.shape[:2], *found)
        return replace(matches, probability=self.calibration.matches)

    def match(self, source: Any, target: Any) -> Read:
        """Matches of pairs of squares as the network sees them, floating `[b, S, S, 3]` each."""
        return _match(self.network, self.reading, self.variables, source, target)


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
    reading = _reading(config["reading"]) if "reading" in config else None
    size, resize, trained_on = (config[name] for name in ("image_size", "resize", "trained_on"))
    known = config["calibration"]
    return AlignmentModel(network, variables, size, resize, reading, trained_on, known)


def gaussian_aligner(
    weights: str | Path,
    architecture: str = "resnet50",
    *,
    image_size: int = 240,
    resize: str = "antialias",
    reading: Reading | None = None,
) -> AlignmentModel:
    """The flow module before any training, a separable Gaussian, on published features.

    They are those of a ResNet's layer3, or of DINOv2's last block.

    Args:
      weights: file of the network's weights, with torchvision's keys, or timm's of DINOv2.
      architecture: 'resnet18', 'resnet50', 'resnet101' or 'dinov2_s14'.
      image_size, resize, reading: of the `AlignmentModel`.

    Raises:
      ValueError: an unknown architecture, a file that is missing or of another one, or a size that
        is not positive.
    """
    check_positive(image_size=image_size)
    check_choice("resize", resize, RESIZES)
    own: dict[str, Any] = {"output_stride": 16, "stages": ("layer3",)}
    if architecture in dinov2.VARIANTS:
        own = {"stages": ("norm",)}
    network = families.from_config(
        {
            "family": "aligner",
            "trunk": {"architecture": architecture, **own},
            "flow": {"channels": [1], "linear": True},
            "stages": own["stages"],
        }
    )
    trunk = imagenet.load_trunk(weights, architecture, stages=own["stages"])
    cell = jnp.zeros((1, 1, 1, 1))
    flow = network.flow.init(jax.random.key(0), cell, cell)
    groups = {"trunk": trunk, "flow": flow}
    variables = {
        name: {group: tree[name] for group, tree in groups.items() if name in tree}
        for name in trunk
    }
    trained_on = {"trunk": f"{architecture}, published weights", "flow": "nothing, a Gaussian"}
    return AlignmentModel(network, variables, image_size, resize, reading or Reading(), trained_on)


def _reading(stored: Any) -> Reading:
    try:
        reading = Reading(**stored)
    except TypeError as error:
        raise ValueError(f"the field 'reading' does not fit: {error}") from None
    check_choice("reading: match", reading.match, MATCHES)
    return reading


@functools.partial(jax.jit, static_argnums=(0, 1))
def _match(network, reading: Reading | None, variables, source, target) -> Read:
    options = {} if reading is None else {"reading": reading}
    return network.apply(variables, source, target, method="match", **options)
