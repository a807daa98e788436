"""State dicts in torch's `.pth` files, without torch and without running what a pickle asks for.

A pickle may name any function of any module and call it. Here a name is looked up in a list of nine
that state dicts of torchvision need, old and new, and nowhere else.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C  # a legacy file begins with this number, as a pickle
_MAX_PICKLE = 1 << 26  # bytes; the pickle holds no numbers of tensors


class _Storage(NamedTuple):
    """Consecutive numbers in the file, `dtype` as NumPy writes it."""

    dtype: str
    key: str
    start: int


class _Tensor(NamedTuple):
    """A view of a storage, in elements."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def __setstate__(self, state):
        """Old parameters are told about their gradients, which are of no use here."""


def read_state_dict(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Keys and arrays of a state dict that `torch.save` wrote, in its order.

    Reads the zip format, the legacy one of torch below 1.6, and a checkpoint that holds the state
    dict as `state_dict` or `model`.

    Args:
      path: the file.

    Raises:
      ValueError: naming the file, if it is damaged, no state dict of dense tensors, or names
        anything else than these need.
    """
    try:
        with open(path, "rb") as file:
            open_format = _open_zip if zipfile.is_zipfile(file) else _open_legacy
            file.seek(0)
            tree, read = open_format(file)
            for key, tensor in _tensors(tree).items():
                yield key, _view(key, tensor, read)
    except _Forbidden as error:
        raise ValueError(
            f"{path}: refused: its pickle names {error}, and none but the names in torchvision's "
            "state dicts are allowed, since others can run any program; give it as .safetensors"
        ) from None
    except OSError:
        raise
    except Exception as error:  # pickles that are damaged raise anything
        raise ValueError(f"{path}: not a whole {path.suffix} file: {error}") from error


class _Forbidden(Exception):
    """The name that a pickle looked up."""


class _Fixed(type):
    """A class whose attributes a pickle cannot set."""

    def __setattr__(cls, name, value):
        raise AttributeError(f"{name} of {cls.__name__} cannot be set")


class _MakeTensor(metaclass=_Fixed):
    def __new__(cls, storage, offset, size, stride, *_):
        return _Tensor(storage, offset, size, stride)


class _MakeParameter(metaclass=_Fixed):
    def __new__(cls, tensor, *_):
        return tensor


_STORAGES = {
    "torch.FloatStorage": "<f4",
    "torch.DoubleStorage": "<f8",
    "torch.HalfStorage": "<f2",
    "torch.LongStorage": "<i8",
}
_NAMES: dict[str, type | str] = {
    "collections.OrderedDict": OrderedDict,
    "torch._utils._rebuild_tensor": _MakeTensor,
    "torch._utils._rebuild_tensor_v2": _MakeTensor,
    "torch._utils._rebuild_parameter": _MakeParameter,
    "torch.nn.parameter.Parameter": _MakeParameter,
    **_STORAGES,
}


class _Unpickler(pickle.Unpickler):
    """Finds nothing but `_NAMES`; `dtypes` are those of the storages that were named, by key."""

    def __init__(self, file):
        super().__init__(file)
        self.dtypes = {}

    def find_class(self, module, name):
        found = _NAMES.get(f"{module}.{name}")
        if found is None:
            raise _Forbidden(f"{module}.{name}")
        return found

    def persistent_load(self, identity):
        kind, dtype, key, _, _, *view = identity
        if kind != "storage" or dtype not in _STORAGES.values() or not isinstance(key, str):
            raise ValueError(f"no storage: {identity!r}")
        self.dtypes[key] = dtype
        start = view[0][1] if view and view[0] is not None else 0
        return _Storage(dtype, key, start)


def _tensors(tree) -> dict[str, _Tensor]:
    found = tree
    for name in ("state_dict", "model"):
        found = found.get(name, found) if isinstance(found, dict) else found
    if not isinstance(found, dict):
        raise ValueError(f"a {type(found).__name__}, no state dict")
    for key, value in found.items():
        if not isinstance(key, str) or not isinstance(value, _Tensor):
            raise ValueError(f"{key!r} is a {type(value).__name__}, no tensor")
    return found


def _view(key: str, tensor: _Tensor, read: Callable[[_Storage], np.ndarray]) -> np.ndarray:
    storage, offset, size, stride = tensor
    numbers = (offset, storage.start, *size, *stride)
    if len(size) != len(stride) or not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise ValueError(f"{key!r} has offset {offset}, size {size} and stride {stride}")
    if 0 in size:
        return np.empty(size, storage.dtype)
    values = read(storage)[storage.start + offset :]
    if sum((n - 1) * step for n, step in zip(size, stride, strict=True)) >= len(values):
        raise ValueError(f"{key!r} reaches beyond its storage")
    strides = [step * values.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(values, size, strides, writeable=False)


def _open_zip(file: BinaryIO):
    """The pickled object, and a function that reads a storage; members are stored, not packed."""
    archive = zipfile.ZipFile(file)
    pickled = next((n for n in archive.namelist() if n.split("/")[1:] == ["data.pkl"]), None)
    if pickled is None:
        raise ValueError("a zip archive without data.pkl")
    folder = pickled.removesuffix("data.pkl")
    if archive.getinfo(pickled).file_size > _MAX_PICKLE:
        raise ValueError(f"{pickled} is larger than a state dict's")
    order = f"{folder}byteorder"
    if order in archive.namelist() and archive.read(order) != b"little":
        raise ValueError("written on a big-endian machine")

    def read(storage: _Storage) -> np.ndarray:
        member = archive.getinfo(f"{folder}data/{storage.key}")
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{member.filename} is compressed, as torch never does")
        return np.frombuffer(archive.read(member), storage.dtype)

    return _Unpickler(io.BytesIO(archive.read(pickled))).load(), read


def _open_legacy(file: BinaryIO):
    """As `_open_zip`: five pickles in a row, then each storage after the number of its elements."""
    magic, version, system = (_Unpickler(file).load() for _ in range(3))
    if magic != _MAGIC or version != 1001 or not system["little_endian"]:
        raise ValueError("no magic number of torch, or of a big-endian machine")
    unpickler = _Unpickler(file)
    tree, keys = unpickler.load(), _Unpickler(file).load()
    places: dict[str, tuple[int, int]] = {}
    at, end = file.tell(), file.seek(0, io.SEEK_END)
    for key in keys:
        file.seek(at)
        count = int.from_bytes(file.read(8), "little")
        size = count * np.dtype(unpickler.dtypes[key]).itemsize
        places[key] = (at + 8, size)
        at += 8 + size
        if at > end:
            raise ValueError(f"{at - end:,} bytes are missing at its end")

    def read(storage: _Storage) -> np.ndarray:
        start, size = places[storage.key]
        file.seek(start)
        return np.frombuffer(file.read(size), storage.dtype)

    return tree, read
