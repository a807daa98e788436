"""Landmarks in pictures of any size."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jaxtyping import Float

from c3jax.inference import files
from c3jax.inference.batches import in_batches
from c3jax.inference.framing import check_image, crop_region, resample


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
    """

    network: nn.Module
    variables: dict[str, Any] = field(repr=False)
    image_size: int
    crop: str
    trained_on: Any = None
    batch_size: int = 32

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
        pictures = [
            check_image(f"images[{index}]", image) for index, image in enumerate(_sequence(images))
        ]
        found = [np.empty((0, self.network.num_landmarks, 2), np.float32)]
        for begin in range(0, len(pictures), self.batch_size):
            found.append(self._batch(pictures[begin : begin + self.batch_size]))
        return np.concatenate(found)

    def _batch(self, pictures: list[np.ndarray]) -> np.ndarray:
        shapes = [picture.shape[:2] for picture in pictures]
        regions = [crop_region(self.crop, *shape) for shape in shapes]
        squares = [
            resample(picture, region, self.image_size)
            for picture, region in zip(pictures, regions, strict=True)
        ]
        # Whole batches or powers of two, so that few shapes are ever compiled.
        count = min(self.batch_size, 1 << (len(squares) - 1).bit_length())
        detect = functools.partial(_landmarks, self.network, self.variables)
        points = in_batches(detect, np.stack(squares), size=count)
        back = zip(points, regions, shapes, strict=True)
        return np.stack([_to_picture(p, r, s, self.image_size) for p, r, s in back])


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
    )


@functools.partial(jax.jit, static_argnums=0)
def _landmarks(network, variables, images):
    return network.apply(variables, images, method="landmarks")


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
