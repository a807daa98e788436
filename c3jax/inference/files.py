"""The folder of an exported model: arrays and what they are, whole and checked."""

import json
import os
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import safetensors.numpy
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError

from c3jax import packages
from c3jax._checks import check_choice
from c3jax.inference.calibration import Calibration, read_calibration, write_calibration
from c3jax.inference.framing import CROPS, RESIZES
from c3jax.models import families
from c3jax.weights import file_digest, load_trunk

FORMAT, FORMATS = 2, (1, 2)  # what is written, and what is read
WEIGHTS, CONFIG = "model.safetensors", "config.json"
SHIPPED = Path(__file__).parents[1] / "shipped"  # models that come with the package
CHOICES = {"crop": CROPS, "resize": RESIZES}
DTYPES = ("float16", "float32")
OPTIONAL = ("trunk_file", "calibration")


def matches_pictures(config: dict[str, Any]) -> bool:
    """Whether a description is that of a network that matches pictures."""
    return families.offers(config.get("model"), "match")


def finds_landmarks(config: dict[str, Any]) -> bool:
    """Whether a description is that of a network that finds landmarks."""
    return families.offers(config.get("model"), "landmarks")


def read(path: str | Path) -> tuple[nn.Module, dict[str, Any], dict[str, Any]]:
    """Network, variables (float32) and description of a model folder.

    In the description `calibration` is always there, as a `Calibration`.

    Args:
      path: the folder, or the `.safetensors` file in it.

    Raises:
      ValueError: a missing or damaged file, another version of the format, an unknown field, arrays
        that are not those of the network, a package that is missing; the message names the file,
        or the package and the command that installs it.
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
    if "trunk_file" in config:
        arrays |= _packaged_trunk(described, config["trunk_file"], network)
    _check_arrays(weights, arrays, wanted)
    if extra := sorted(arrays.keys() - wanted.keys()):
        raise ValueError(f"{weights} has {len(extra)} arrays too many, first {extra[0]}")
    variables = {name: jnp.asarray(array, jnp.float32) for name, array in arrays.items()}
    config["calibration"] = read_calibration(described.parent, config.get("calibration"))
    return network, unflatten_dict(variables, sep="/"), config


def save(
    path: str | Path,
    variables: dict[str, Any],
    config: dict[str, Any],
    *,
    dtype: str = "float16",
    calibration: Calibration | None = None,
) -> None:
    """Writes a model folder.

    A trunk that is as an installed package has it is not stored: the description names package,
    file and sha256.

    Args:
      path: the folder; made if it is missing, a model in it is replaced.
      variables: of the network that `config` describes; what is not the network's is left out
        (the network of the perceptual loss).
      config: `model`, `image_size`, `trained_on` and `crop`, or `resize` and `reading` of an
        aligner, or `crop` and `resize` of a joint model, see `c3jax.inference`.
      dtype: 'float16' or 'float32', of the file; models are loaded as float32.
      calibration: what was fitted after training.

    Raises:
      ValueError: a field that is missing or unknown, another dtype, a variable that is missing, has
        another shape, or does not fit the dtype.
    """
    folder = Path(path).expanduser()
    check_choice("dtype", dtype, DTYPES)
    _check_fields("config", config)
    network, wanted = _network("config", config)
    given = flatten_dict(variables, sep="/")
    _check_arrays("variables", given, wanted)
    packaged = _named_trunk(network, given)
    if packaged:
        config = {**config, "trunk_file": packaged}
    arrays = {
        name: cast(name, given[name], dtype)
        for name in wanted
        if not (packaged and name.split("/")[1] == "trunk")
    }
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / WEIGHTS, safetensors.numpy.save(arrays))
    if field := write_calibration(folder, calibration or Calibration()):
        config = {**config, "calibration": field}
    config = {"format": FORMAT, **config, "sha256": file_digest(folder / WEIGHTS)}
    replace_file(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is no JSON: {error}") from None
    version = config.pop("format", None) if isinstance(config, dict) else None
    if version not in FORMATS:
        known = " and ".join(map(str, FORMATS))
        raise ValueError(f"{file} has format {version!r}; this version of c3jax reads {known}")
    _check_fields(file, config, more=("sha256",))
    return config


def _check_fields(name, config, more=()):
    fields = ("model", "image_size", *_own_fields(config), "trained_on", *more)
    if unknown := sorted(config.keys() - {*fields, *OPTIONAL}):
        raise ValueError(f"{name} has unknown fields {unknown}; known are {list(fields)}")
    if missing := [name for name in fields if name not in config]:
        raise ValueError(f"{name} lacks the fields {missing}")
    if not (isinstance(config["image_size"], int) and config["image_size"] > 0):
        raise ValueError(f"{name}: image_size must be positive, got {config['image_size']!r}")
    for field in CHOICES.keys() & set(fields):
        check_choice(f"{name}: {field}", config[field], CHOICES[field])


def _own_fields(config: dict[str, Any]) -> tuple[str, ...]:
    """What a description says of how its network looks at pictures."""
    matches = matches_pictures(config)
    by_correlation = matches and families.offers(config.get("model"), "correlate")
    return (
        *(["crop"] if finds_landmarks(config) else []),
        *(["resize"] if matches else []),
        *(["reading"] if by_correlation else []),
    )


def _network(name, config: dict[str, Any]):
    """The network, and its variables by path without their values."""
    image = jax.ShapeDtypeStruct((1, config["image_size"], config["image_size"], 3), jnp.float32)
    try:
        network = families.from_config(config["model"])
        images = (image, image) if matches_pictures(config) else (image,)
        variables = jax.eval_shape(network.init, jax.random.key(0), *images)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{name}: the field 'model' describes no network: {error}") from error
    return network, flatten_dict(variables, sep="/")


def _named_trunk(network, given) -> dict[str, str] | None:
    """The package that has the network's trunk as it is; None if there is none installed."""
    trunk = getattr(network, "trunk", None)
    architecture = getattr(trunk, "architecture", "")
    file = packages.find_packaged(architecture)
    if file is None:
        return None
    published = _trunk_arrays(file, trunk)
    if not all(np.array_equal(given[name], array) for name, array in published.items()):
        return None
    package = packages.PACKAGES[architecture]
    return {
        "package": f"{package.distribution}=={package.version}",
        "file": package.file,
        "sha256": package.sha256,
    }


def _packaged_trunk(described, named, network) -> dict[str, Any]:
    """Variables by path of a trunk that the description names."""
    architecture = getattr(getattr(network, "trunk", None), "architecture", "")
    package = packages.PACKAGES.get(architecture)
    if package is None or not isinstance(named, dict) or named.get("sha256") != package.sha256:
        raise ValueError(f"{described}: trunk_file {named!r} is no package that is known here")
    file = packages.find_packaged(architecture)
    if file is None:
        raise ValueError(
            f"{described} needs the package {package.distribution}; run {package.command}"
        )
    return _trunk_arrays(file, network.trunk)


def _trunk_arrays(file: Path, trunk) -> dict[str, Any]:
    variables = load_trunk(file, trunk.architecture, stages=trunk.stages)
    trees = {name: {"trunk": tree} for name, tree in variables.items()}
    return flatten_dict(trees, sep="/")


def _check_arrays(name, arrays, wanted):
    for path, leaf in wanted.items():
        found = np.shape(arrays[path]) if path in arrays else "nothing"
        if found != leaf.shape:
            raise ValueError(f"{name}: {path} must have shape {leaf.shape}, got {found}")


def cast(name: str, array: Any, dtype: str) -> np.ndarray:
    """A variable as it is stored; ValueError where its values are not finite so."""
    with np.errstate(over="ignore"):
        stored = np.asarray(array).astype(dtype)
    if not np.isfinite(stored).all():
        raise ValueError(f"variables: {name} has values that are not finite as {dtype}")
    return stored


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)
