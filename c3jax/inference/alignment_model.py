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
from c3jax.coordinates import numpy_grid
from c3jax.inference import files
from c3jax.inference.framing import RESIZES, bilinear, check_image, squash
from c3jax.matching import kernel_transformation_map, match_scores, transformation_map
from c3jax.models.families import from_config

MATCHES = ("hard", "kernel")
SLACK_PX = 0.5  # points may lie on the outer half of a border pixel


class Read(NamedTuple):
    """What a correlation says: T^{j->i} and T^{i->j}, and the best score of each of their cells.

    to_target: `[b, hs, ws, 2]`; to_source: `[b, ht, wt, 2]`; source_confidence: `[b, hs, ws]`;
    target_confidence: `[b, ht, wt]`.
    """

    to_target: Array
    to_source: Array
    source_confidence: Array
    target_confidence: Array


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
class Matches:
    """Dense matches of a source and a target picture, in both directions.

    Points in pixels are (x, y) of the pictures as they were given, counted from 0 at the centre of
    the top left pixel. Cells cover a picture from corner pixel to corner pixel.

    Attributes:
      source_shape, target_shape: (height, width) of the pictures.
      to_target: T^{j->i} `[hs, ws, 2]`: for each cell of the source its place in the target, (x, y)
        in [-1, 1].
      to_source: T^{i->j} `[ht, wt, 2]`: for each cell of the target its place in the source.
      source_confidence, target_confidence: `[hs, ws]` and `[ht, wt]`, the score of the best match
        of each cell among all cells of the other picture: near 1 where there is but one, 1 / (cells
        there) where all are alike.
    """

    source_shape: tuple[int, int]
    target_shape: tuple[int, int]
    to_target: Float[np.ndarray, "hs ws 2"]
    to_source: Float[np.ndarray, "ht wt 2"]
    source_confidence: Float[np.ndarray, "hs ws"]
    target_confidence: Float[np.ndarray, "ht wt"]

    def carry(self, points_px: Any, *, back: bool = False) -> Float[np.ndarray, "K 2"]:
        """Points of the source at their places in the target, in pixels of the two pictures.

        Args:
          points_px: `[K, 2]`, (x, y).
          back: points of the target, carried to the source.

        Raises:
          ValueError: points that are not `[K, 2]`, not finite or outside their picture.
        """
        places = self._normalized(points_px, back)
        carried = bilinear(self.to_source if back else self.to_target, places)
        return _pixels(carried, self.source_shape if back else self.target_shape)

    def confidence(self, points_px: Any, *, back: bool = False) -> Float[np.ndarray, " K"]:
        """Confidence at the points that `carry` takes."""
        cells = self.target_confidence if back else self.source_confidence
        return bilinear(cells[..., None], self._normalized(points_px, back))[:, 0]

    def cells_px(self) -> tuple[np.ndarray, np.ndarray]:
        """All cells of the source, `[hs * ws, 2]` row by row, and their places in the target."""
        cells = numpy_grid(self.to_target.shape[:2])
        return (
            _pixels(cells, self.source_shape).reshape(-1, 2),
            _pixels(self.to_target, self.target_shape).reshape(-1, 2),
        )

    def mutual(self) -> np.ndarray:
        """Cells of the source that, carried there and back, are one cell away or less.

        Returns:
          bool `[hs, ws]`.
        """
        height, width = self.to_target.shape[:2]
        back = bilinear(self.to_source, self.to_target) - numpy_grid((height, width))
        return (np.abs(back) / 2 * [width - 1, height - 1] <= 1 + 1e-6).all(-1)

    def warp_source(self, source: Any) -> np.ndarray:
        """The source, looked up at T^{i->j} for every pixel of the target.

        Args:
          source: the picture, `[H, W, 3]`.

        Returns:
          `[Ht, Wt, 3]` of the same type.

        Raises:
          ValueError: if it is no picture, or has another size.
        """
        source = check_image("source", source)
        if source.shape[:2] != tuple(self.source_shape):
            raise ValueError(f"source must be {self.source_shape} px, got {source.shape[:2]}")
        rows = np.array_split(numpy_grid(self.target_shape), -(-self.target_shape[0] // 64))
        warped = [bilinear(source, bilinear(self.to_source, part)) for part in rows]  # for memory
        whole = np.concatenate(warped)
        return np.rint(whole).astype(np.uint8) if source.dtype == np.uint8 else whole

    def _normalized(self, points_px, back: bool) -> np.ndarray:
        height, width = self.target_shape if back else self.source_shape
        points_px = np.asarray(points_px, float)
        if points_px.ndim != 2 or points_px.shape[1] != 2:
            raise ValueError(f"points_px must have shape [K, 2], got {points_px.shape}")
        last = np.array([width, height]) - 1
        inside = ((points_px >= -SLACK_PX) & (points_px <= last + SLACK_PX)).all(-1)
        if not inside.all():
            row = int(np.argmin(inside))
            raise ValueError(
                f"points_px[{row}], {tuple(points_px[row].tolist())}, lies outside the "
                f"{width}x{height} pixels of the {'target' if back else 'source'}"
            )
        return 2 * points_px / np.maximum(last, 1) - 1


@dataclass(frozen=True)
class AlignmentModel:
    """A network with its variables, ready to match pictures of any size.

    Attributes:
      network: the `c3jax.models.aligner.Aligner`.
      variables: of the network, float32.
      image_size: side of the square that the network looks at, in pixels: the whole picture,
        stretched.
      resize: how, 'antialias' by a triangle filter or 'align_corners' by plain interpolation.
      reading: how matches are read from the refined correlation.
      trained_on: what it was trained on.
    """

    network: nn.Module
    variables: dict[str, Any] = field(repr=False)
    image_size: int
    resize: str = "antialias"
    reading: Reading = Reading()
    trained_on: Any = None

    def align(self, source: Any, target: Any) -> Matches:
        """Matches of two pictures.

        Args:
          source, target: `[H, W, 3]` each, of any sizes; RGB, uint8 or floating in [0, 1].

        Raises:
          ValueError: if a picture has another shape, type or range.
        """
        source, target = check_image("source", source), check_image("target", target)
        squares = [squash(x, self.image_size, resize=self.resize) for x in (source, target)]
        read = _align(self.network, self.reading, self.variables, np.stack(squares))
        return Matches(source.shape[:2], target.shape[:2], *(np.asarray(x[0]) for x in read))


def load_aligner(path: str | Path) -> AlignmentModel:
    """The aligner of a folder that `save` wrote (`python -m experiments.export` calls it).

    Args:
      path: the folder, or the `.safetensors` file in it.

    Raises:
      ValueError: a missing or damaged file, another version of the format, an unknown field, arrays
        that are not those of the network, a model of landmarks; the message names the file.
    """
    network, variables, config = files.read(path)
    if not files.is_aligner(config):
        raise ValueError(f"{path} matches no pictures: it finds landmarks; use load")
    return AlignmentModel(
        network,
        variables,
        config["image_size"],
        config["resize"],
        _reading(config["reading"]),
        config["trained_on"],
    )


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


def _pixels(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return (points.astype(float) + 1) / 2 * (np.array(shape[::-1]) - 1)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _align(network, reading: Reading, variables, squares) -> Read:
    features = network.apply(variables, squares, method="features")
    refined = network.apply(variables, features[:1], features[1:], method="correlate")
    return reading.read(refined)
