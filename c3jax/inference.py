"""Landmark models as files: save a trained network, load it, find landmarks in pictures.

A model is a folder with `model.safetensors`, the variables by their path, as
`params/pose_logits/bias`, in float16 or float32, and `config.json`:

    format      version of this layout, 1
    model       what `c3jax.models.families.from_config` builds the network from
    image_size  side of the square that the network looks at, in pixels
    crop        how a picture becomes that square, one of `CROPS`
    trained_on  what the network was trained on: any JSON, for people
    sha256      of `model.safetensors`

Needs the library alone, no TensorFlow, Optax or Orbax:

    model = c3jax.inference.load("runs/c3_faces/NAME/export")
    points = model.landmarks(images)  # uint8 [n, H, W, 3] -> [n, K, 2] in [-1, 1]
"""

import functools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import safetensors.numpy
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Float
from safetensors import SafetensorError

from c3jax._checks import check_choice
from c3jax.models.families import from_config
from c3jax.weights import file_digest

FORMAT = 1
WEIGHTS, CONFIG = "model.safetensors", "config.json"
FIELDS = ("model", "image_size", "crop", "trained_on")
DTYPES = ("float16", "float32")
CROPS = ("centre", "centre_inner", "pad", "squash", "squash_inner")
# squash_inner is the frame of the MAFL protocol: the central 128 of 160 pixels on either side.
INNER_FRACTION = 0.8


@dataclass(frozen=True)
class LandmarkModel:
    """A network with its variables, ready to find landmarks in pictures of any size.

    Attributes:
      network: the `c3jax.models.c3.C3`; `apply(variables, images, method="encode")` gives the rest
        of what it knows.
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
        pictures = [_check_image(index, image) for index, image in enumerate(_sequence(images))]
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
        padding = [np.zeros_like(squares[0])] * (count - len(squares))
        points = np.asarray(_landmarks(self.network, self.variables, np.stack(squares + padding)))
        back = zip(points, regions, shapes, strict=False)
        return np.stack([_to_picture(p, r, s, self.image_size) for p, r, s in back])


def load(path: str | Path, *, batch_size: int = 32) -> LandmarkModel:
    """The model of a folder that `save` wrote (`python -m experiments.export` calls it).

    Args:
      path: the folder, or the `.safetensors` file in it.
      batch_size: pictures that the network sees at once.

    Raises:
      ValueError: a missing or damaged file, another version of the format, an unknown field, arrays
        that are not those of the network; the message names the file.
    """
    path = Path(path).expanduser()
    weights = path if path.suffix == ".safetensors" else path / WEIGHTS
    described = weights.with_name(CONFIG)
    for file in (weights, described):
        if not file.is_file():
            raise ValueError(
                f"{file}: no such file; a model is a folder with {WEIGHTS} and {CONFIG}"
            )
    config = _read_config(described)
    if file_digest(weights) != config["sha256"]:
        raise ValueError(f"{weights} is damaged: its sha256 is not the one that {CONFIG} names")
    network, wanted = _network(described, config)
    try:
        arrays = safetensors.numpy.load_file(weights)
    except SafetensorError as error:
        raise ValueError(f"{weights} is no safetensors file: {error}") from error
    _check_arrays(weights, arrays, wanted)
    if extra := sorted(arrays.keys() - wanted.keys()):
        raise ValueError(f"{weights} has {len(extra)} arrays too many, first {extra[0]}")
    variables = {name: jnp.asarray(array, jnp.float32) for name, array in arrays.items()}
    return LandmarkModel(
        network,
        unflatten_dict(variables, sep="/"),
        config["image_size"],
        config["crop"],
        config["trained_on"],
        batch_size,
    )


def save(
    path: str | Path, variables: dict[str, Any], config: dict[str, Any], *, dtype: str = "float16"
) -> None:
    """Writes a model folder.

    Args:
      path: the folder; made if it is missing, a model in it is replaced.
      variables: of the network that `config` describes; what is not the network's is left out
        (the network of the perceptual loss).
      config: `model`, `image_size`, `crop` and `trained_on`, see above.
      dtype: 'float16' or 'float32', of the file; models are loaded as float32.

    Raises:
      ValueError: a field that is missing or unknown, another dtype, a variable that is missing, has
        another shape, or does not fit the dtype.
    """
    folder = Path(path).expanduser()
    check_choice("dtype", dtype, DTYPES)
    _check_fields("config", config, FIELDS)
    _, wanted = _network("config", config)
    given = flatten_dict(variables, sep="/")
    _check_arrays("variables", given, wanted)
    arrays = {name: _cast(name, given[name], dtype) for name in wanted}
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / WEIGHTS, safetensors.numpy.save(arrays))
    config = {"format": FORMAT, **config, "sha256": file_digest(folder / WEIGHTS)}
    _replace(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())


def crop_region(crop: str, height: int, width: int) -> tuple[float, float, float, float]:
    """Edges (x0, y0, x1, y1) of the region that `crop` cuts about the centre of a picture.

    Pixel i covers [i, i + 1], so that the whole picture is (0, 0, width, height).

    Raises:
      ValueError: if `crop` is none of `CROPS`.

    >>> crop_region("centre", 2, 3)
    (0.5, 0.0, 2.5, 2.0)
    """
    check_choice("crop", crop, CROPS)
    shorter, longer = min(width, height), max(width, height)
    w, h = {
        "centre": (shorter, shorter),
        "centre_inner": (INNER_FRACTION * shorter, INNER_FRACTION * shorter),
        "pad": (longer, longer),
        "squash": (width, height),
        "squash_inner": (INNER_FRACTION * width, INNER_FRACTION * height),
    }[crop]
    return (width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2


def resample(image: np.ndarray, region: Sequence[float], size: int) -> np.ndarray:
    """A region of a picture at `size` x `size` pixels, antialiased by a triangle filter.

    Args:
      image: `[H, W, 3]`, uint8 or floating in [0, 1].
      region: edges (x0, y0, x1, y1); beyond the picture its edge pixels are repeated.
      size: side of the result.

    Returns:
      `[size, size, 3]` float32 in [0, 1]; Pillow's bilinear resizing up to its rounding.

    >>> resample(np.array([[[0.0] * 3, [1.0] * 3]] * 2), (0, 0, 2, 2), 1)
    array([[[0.5, 0.5, 0.5]]], dtype=float32)
    """
    (height, width), (x0, y0, x1, y1) = image.shape[:2], region
    rows, columns = _filter(height, y0, y1, size), _filter(width, x0, x1, size)
    lines = rows @ image.reshape(height, -1).astype(np.float32)
    square = columns @ lines.reshape(size, width, 3)
    return square / np.float32(255) if image.dtype == np.uint8 else square


@functools.lru_cache(maxsize=64)
def _filter(length: int, start: float, stop: float, size: int) -> np.ndarray:
    """Weights `[size, length]` of the pixels of a line in `size` cells between two edges."""
    scale = (stop - start) / size
    taps = np.arange(min(0, np.floor(start)), max(length, np.ceil(stop)))
    centres = start + (np.arange(size)[:, None] + 0.5) * scale
    weights = np.maximum(0, 1 - np.abs(taps + 0.5 - centres) / max(scale, 1))
    weights /= weights.sum(1, keepdims=True)
    folded = np.zeros((length, size))
    np.add.at(folded, np.clip(taps, 0, length - 1).astype(int), weights.T)
    return np.ascontiguousarray(folded.T, np.float32)


@functools.partial(jax.jit, static_argnums=0)
def _landmarks(network, variables, images):
    return network.apply(variables, images, method="encode").landmarks


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


def _check_image(index, image):
    image = np.asarray(image)
    if not (image.dtype == np.uint8 or np.issubdtype(image.dtype, np.floating)):
        raise ValueError(f"images must be uint8 or floating, got {image.dtype} in images[{index}]")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"images[{index}] must have shape [H, W, 3], got {image.shape}")
    if image.dtype != np.uint8 and not (image.min() >= -1e-3 and image.max() <= 1 + 1e-3):
        raise ValueError(
            f"floating images must lie in [0, 1], got [{image.min():g}, {image.max():g}] in "
            f"images[{index}]"
        )
    return image


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is no JSON: {error}") from None
    version = config.pop("format", None) if isinstance(config, dict) else None
    if version != FORMAT:
        raise ValueError(f"{file} has format {version!r}; this version of c3jax reads {FORMAT}")
    _check_fields(file, config, (*FIELDS, "sha256"))
    return config


def _check_fields(name, config, fields):
    if unknown := sorted(config.keys() - set(fields)):
        raise ValueError(f"{name} has unknown fields {unknown}; known are {list(fields)}")
    if missing := [name for name in fields if name not in config]:
        raise ValueError(f"{name} lacks the fields {missing}")
    if not (isinstance(config["image_size"], int) and config["image_size"] > 0):
        raise ValueError(f"{name}: image_size must be positive, got {config['image_size']!r}")
    check_choice(f"{name}: crop", config["crop"], CROPS)


def _network(name, config: dict[str, Any]):
    """The network, and its variables by path without their values."""
    image = jax.ShapeDtypeStruct((1, config["image_size"], config["image_size"], 3), jnp.float32)
    try:
        network = from_config(config["model"])
        variables = jax.eval_shape(network.init, jax.random.key(0), image)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{name}: the field 'model' describes no network: {error}") from error
    return network, flatten_dict(variables, sep="/")


def _check_arrays(name, arrays, wanted):
    for path, leaf in wanted.items():
        found = np.shape(arrays[path]) if path in arrays else "nothing"
        if found != leaf.shape:
            raise ValueError(f"{name}: {path} must have shape {leaf.shape}, got {found}")


def _cast(name, array, dtype):
    with np.errstate(over="ignore"):
        stored = np.asarray(array).astype(dtype)
    if not np.isfinite(stored).all():
        raise ValueError(f"variables: {name} has values that are not finite as {dtype}")
    return stored


def _replace(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)
