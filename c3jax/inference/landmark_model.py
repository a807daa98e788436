"""Landmarks in pictures of any size."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from jaxtyping import Bool, Float

from c3jax.inference import files
from c3jax.inference.batches import in_batches
from c3jax.inference.calibration import Calibration
from c3jax.inference.framing import check_image, crop_region, resample

UNKNOWN = 0.01  # of the training pictures; what is farther away than all others shows no object


class Found(NamedTuple):
    """Landmarks of pictures, and how far they can be trusted.

    Attributes:
      landmarks: `[n, K, 2]`, as `LandmarkModel.landmarks` gives them.
      spread_percent: `[n, K]`, standard deviation of each landmark's location under its map, in
        percent of the side of the square that the network sees.
      confidence: `[n, K]`, the probability that a landmark is off by less than 5 % of that side,
        as measured on warped pictures; None of a model without calibration.
      object_score: `[n]`, the share of training pictures that are less like the others than this
        one, whose distance is divided by 1.15; None of a model without their statistics.
      object: bool `[n]`, whether the picture shows an object of the kind that the network learned
        from: whether the score is at least .01; None like the score.
    """

    landmarks: Float[np.ndarray, "n K 2"]
    spread_percent: Float[np.ndarray, "n K"]
    confidence: Float[np.ndarray, "n K"] | None = None
    object_score: Float[np.ndarray, " n"] | None = None
    object: Bool[np.ndarray, " n"] | None = None


@dataclass(frozen=True)
class LandmarkModel:
    """A network with its variables, ready to find landmarks in pictures of any size.

    Attributes:
      network: it has `landmarks(images)`, as a `c3jax.models.c3.C3`; `apply(variables, images,
        method="encode")` gives the rest of what it knows.
      variables: of the network, float32.
      image_size: side of the square that the network looks at, in pixels.
      crop: the part of a picture that becomes this square: 'centre' its largest central square,
        'centre_inner' the central 80 % of that, 'pad' the whole picture with its edges repeated,
        'squash' the whole picture stretched, 'squash_inner' the central 80 % of either side
        stretched.
      trained_on: what it was trained on.
      batch_size: pictures that the network sees at once.
      calibration: what was fitted after training, by which `find` tells how sure it is.
    """

    network: nn.Module
    variables: dict[str, Any] = field(repr=False)
    image_size: int
    crop: str
    trained_on: Any = None
    batch_size: int = 32
    calibration: Calibration = field(default=Calibration(), repr=False)

    def landmarks(self, images: Any) -> Float[np.ndarray, "n K 2"]:
        """Landmarks of pictures, in coordinates of the whole picture as it was given.

        A picture is cut by `crop` and resampled to the network's square (a triangle filter, as in
        training), and the landmarks are carried back. So for pictures that are not square +-1 are
        still the corners of the picture, whatever part of it the network saw, and
        `c3jax.to_pixels(points, (H, W))` gives pixels. With 'pad' landmarks may lie outside.

        Args:
          images: `[n, H, W, 3]`, or a list of pictures `[H, W, 3]` of any sizes; RGB, uint8 or
            floating in [0, 1].

        Returns:
          `[n, K, 2]` float32, (x, y) in [-1, 1], the centres of the corner pixels at +-1.

        Raises:
          ValueError: if `images` has another shape, type or range.
        """
        return self._apply(_landmarks, images)

    def find(self, images: Any) -> Found:
        """Landmarks of pictures, how sure each is, and whether there is an object at all.

        Args:
          images: as `landmarks` takes them.

        Raises:
          ValueError: if `images` has another shape, type or range.
        """
        known = self.calibration
        points, spread, features = self._apply(locate, images)
        score = None if known.object is None else known.object.score(features)
        return Found(
            points,
            spread,
            None if known.landmarks is None else known.landmarks(spread),
            score,
            None if score is None else score >= UNKNOWN,
        )

    def _apply(self, method: Callable, images: Any) -> Any:
        """What a method says of pictures, batch by batch; of its first array, points, theirs."""
        pictures = [
            check_image(f"images[{index}]", image) for index, image in enumerate(_sequence(images))
        ]
        size, apply = self.image_size, functools.partial(method, self.network, self.variables)
        if not pictures:
            shapes = jax.eval_shape(apply, np.empty((1, size, size, 3), np.float32))
            return jax.tree.map(lambda leaf: np.empty((0, *leaf.shape[1:]), leaf.dtype), shapes)
        parts = [
            self._batch(apply, pictures[begin : begin + self.batch_size])
            for begin in range(0, len(pictures), self.batch_size)
        ]
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)

    def _batch(self, apply: Callable, pictures: list[np.ndarray]) -> Any:
        shapes = [picture.shape[:2] for picture in pictures]
        regions = [crop_region(self.crop, *shape) for shape in shapes]
        squares = [
            resample(picture, region, self.image_size)
            for picture, region in zip(pictures, regions, strict=True)
        ]
        # Whole batches or powers of two, so that few shapes are ever compiled.
        count = min(self.batch_size, 1 << (len(squares) - 1).bit_length())
        (points, *others), tree = jax.tree.flatten(in_batches(apply, np.stack(squares), size=count))
        back = zip(points, regions, shapes, strict=True)
        points = np.stack([_to_picture(p, r, s, self.image_size) for p, r, s in back])
        return jax.tree.unflatten(tree, [points, *others])


def load(path: str | Path, *, batch_size: int = 32) -> LandmarkModel:
    """The model of a folder that `save` wrote (`python -m experiments.export` calls it).

    Args:
      path: the folder, or the `.safetensors` file in it.
      batch_size: pictures that the network sees at once.

    Raises:
      ValueError: a missing or damaged file, another version of the format, an unknown field, arrays
        that are not those of the network, an aligner; the message names the file.
    """
    network, variables, config = files.read(path)
    if not files.finds_landmarks(config):
        raise ValueError(f"{path} finds no landmarks: it matches pictures; use load_aligner")
    return LandmarkModel(
        network,
        variables,
        config["image_size"],
        config["crop"],
        config["trained_on"],
        batch_size,
        config["calibration"],
    )


@functools.partial(jax.jit, static_argnums=0)
def _landmarks(network, variables, images):
    return network.apply(variables, images, method="landmarks")


@functools.partial(jax.jit, static_argnums=0)
def locate(network, variables, images):
    """Landmarks of squares, their spread in percent of the side, and features of the pictures."""
    points, spread, features = network.apply(variables, images, method="locate")
    return points, 50 * spread, features  # in percent of the side, which is 2


def _to_picture(points, region, shape, size):
    """Points of the square, `[K, 2]`, as points of the picture that it was cut from."""
    corner, edges = np.array(region[:2]), np.array(region[2:])
    points_px = ((points.astype(float) + 1) / 2 * (size - 1) + 0.5) * (edges - corner) / size
    last = np.maximum(np.array(shape[::-1]) - 1, 1)
    return (2 * (points_px + corner - 0.5) / last - 1).astype(np.float32)


def _sequence(images):
    if isinstance(images, Sequence) and not isinstance(images, str):
        return images
    if np.ndim(images) != 4:
        raise ValueError(
            "images must be [n, H, W, 3] or a list of pictures [H, W, 3], got "
            + (f"shape {np.shape(images)}" if np.ndim(images) else repr(images))
        )
    return np.asarray(images)
