"""Files of weights, key by key, and the order of their axes: `.npz`, `.safetensors`, `.pth`."""

import logging
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open

from c3jax.pickles import read_state_dict


def _torchvision_shape(shape):
    """Shape in the file: HWIO is OIHW there, IO is OI, 4D ones as NC-Net's, all else the same."""
    return tuple(shape[axis] for axis in TO_TORCH[len(shape)])


TO_TORCH = {1: (0,), 2: (1, 0), 3: (0, 1, 2), 4: (3, 2, 0, 1), 6: (0, 5, 4, 1, 2, 3)}
PREFIXES = ("module.encoder_q.", "encoder_q.", "module.", "model.", "backbone.")
_log = logging.getLogger(__name__)
FROM_TORCH = {1: (0,), 2: (1, 0), 3: (0, 1, 2), 4: (2, 3, 1, 0), 6: (0, 3, 4, 5, 2, 1)}


def read_checked(path, expected, ignored):
    """Key -> float32 array, none but the `expected` ones; raises ValueError."""
    path = Path(path)
    arrays = {}
    for key, array in _without_prefix(path, expected):
        if re.fullmatch(ignored, key):
            continue
        if key not in expected:
            raise ValueError(f"{path}: unexpected key {key!r}: is this another network?")
        shape = _torchvision_shape(expected[key][1])
        if array.shape != shape:
            raise ValueError(f"{path}: {key!r} must have shape {shape}, got {array.shape}")
        if not np.issubdtype(array.dtype, np.floating) and array.dtype != jnp.bfloat16:
            raise ValueError(f"{path}: {key!r} must be floating, got {array.dtype}")
        arrays[key] = array.astype(np.float32)
        if not np.isfinite(arrays[key]).all():
            raise ValueError(f"{path}: {key!r} holds values that are not finite: a damaged file?")
    return arrays


def _without_prefix(path, expected) -> Iterator[tuple[str, np.ndarray]]:
    """Keys and arrays, without the prefix that training code put before the keys of the network.

    Of contrastive training (MoCo) the network that learned is taken, without its head.
    """
    stored = dict(read(path))
    for prefix in PREFIXES:
        own = {key.removeprefix(prefix): a for key, a in stored.items() if key.startswith(prefix)}
        if "encoder_q" in prefix:
            own = {key: array for key, array in own.items() if not key.startswith("fc.")}
        if not stored.keys() & expected.keys() and own.keys() & expected.keys():
            _log.warning("%s: the prefix %r was taken off its keys", path, prefix)
            return iter(own.items())
    return iter(stored.items())


def require(path, arrays, keys):
    missing = keys - arrays.keys()
    if missing:
        raise ValueError(
            f"{path}: {len(missing)} of {len(keys)} keys missing: {min(missing)!r}, ..."
        )


def read(path) -> Iterator[tuple[str, np.ndarray]]:
    readers = {".npz": _read_npz, ".safetensors": _read_safetensors, ".pth": read_state_dict}
    readers[".pt"] = read_state_dict
    if path.suffix not in readers:
        raise ValueError(f"{path}: weights must be .npz, .safetensors, .pth or .pt")
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    return readers[path.suffix](path)


def _read_npz(path):
    key = None
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                key = member.removesuffix(".npy")
                with archive.open(member) as file:
                    yield key, np.lib.format.read_array(file, allow_pickle=False)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        where = f" at key {key!r}" if key else ""
        raise ValueError(f"{path}: not a whole .npz file{where}: {error}") from error


def _read_safetensors(path):
    try:
        with safe_open(path, "numpy") as file:
            for key in file.keys():
                yield key, file.get_tensor(key)
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole .safetensors file: {error}") from error
