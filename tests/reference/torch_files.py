"""Writes state dicts as `torch.save` does, without torch: both formats, by their published layout.

The names of torch are made up for the time of pickling; nothing is shared with the reader.
"""

import copyreg
import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from unittest import mock

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage",
            "int64": "LongStorage", "int32": "IntStorage"}  # fmt: skip


class Storage:
    def __init__(self, array, key):
        self.array, self.key = array, key


class Tensor:
    """What `__reduce_ex__` of torch's tensor gives: storage, offset, size, stride, and more."""

    def __init__(self, array, key, rebuild):
        base = array if array.base is None else array.base
        self.storage, self.rebuild = Storage(np.ravel(base, order="K"), key), rebuild
        offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        strides = tuple(step // array.itemsize for step in array.strides)
        self.view = (self.storage, offset // array.itemsize, array.shape, strides)

    def __reduce__(self):
        more = (False, OrderedDict()) if self.rebuild.__name__.endswith("v2") else ()
        return self.rebuild, (*self.view, *more)


class Parameter:
    """A parameter as torch writes it now."""

    def __init__(self, tensor, make):
        self.tensor, self.make = tensor, make

    def __reduce__(self):
        return self.make, (self.tensor, True, OrderedDict())


class OldParameter:
    """A parameter before torch 0.4: a new object of its class, and a state."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce_ex__(self, protocol):
        return copyreg.__newobj__, (type(self), self.tensor), (True, False, OrderedDict())


class Pickler(pickle.Pickler):
    legacy = False

    def persistent_id(self, thing):
        if not isinstance(thing, Storage):
            return None
        kind = getattr(sys.modules["torch"], STORAGES[thing.array.dtype.name])
        view = (None,) if self.legacy else ()
        return ("storage", kind, thing.key, "cpu", thing.array.size, *view)


class LegacyPickler(Pickler):
    legacy = True


def named(module, made, name):
    """`made`, a new class or function, that pickles as `module.name`."""
    made.__module__, made.__qualname__, made.__name__ = module, name, name
    return made


def function():
    return lambda *arguments: None


def torch_modules():
    """torch, torch._utils and torch.nn.parameter with the names that state dicts use."""
    functions = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")
    names = {
        "torch": {name: type(name, (), {}) for name in STORAGES.values()},
        "torch._utils": {name: function() for name in functions},
        "torch.nn": {},
        "torch.nn.parameter": {"Parameter": type("Parameter", (OldParameter,), {})},
    }
    modules = {module: types.ModuleType(module) for module in names}
    for module, things in names.items():
        for name, made in things.items():
            setattr(modules[module], name, named(module, made, name))
    return modules


def save(path, weights, *, legacy=False, parameters=None, wrap=lambda tree: tree):
    """Writes the arrays by their keys.

    Args:
      path: the file.
      weights: arrays; views are written as views of the arrays that they look at.
      legacy: the format of torch below 1.6, else the zip format.
      parameters: None for tensors, 'new' or 'old' for parameters.
      wrap: makes the pickled object of the state dict.
    """
    modules = torch_modules()
    utils = modules["torch._utils"]
    rebuild = utils._rebuild_tensor if parameters == "old" else utils._rebuild_tensor_v2
    tensors = {
        key: Tensor(array, str(n), rebuild) for n, (key, array) in enumerate(weights.items())
    }
    tree = OrderedDict(tensors)
    if parameters == "old":
        make = modules["torch.nn.parameter"].Parameter
        tree = OrderedDict((key, make(tensor)) for key, tensor in tensors.items())
    elif parameters == "new":
        make = utils._rebuild_parameter
        tree = OrderedDict((key, Parameter(tensor, make)) for key, tensor in tensors.items())
    tree._metadata = OrderedDict(version=1)
    storages = {tensor.storage.key: tensor.storage.array for tensor in tensors.values()}
    with mock.patch.dict(sys.modules, modules):
        (_save_legacy if legacy else _save_zip)(path, wrap(tree), storages)


def _save_zip(path, tree, storages):
    buffer = io.BytesIO()
    Pickler(buffer, 2).dump(tree)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", buffer.getvalue())
        archive.writestr("archive/byteorder", "little")
        for key, array in storages.items():
            archive.writestr(f"archive/data/{key}", array.tobytes())
        archive.writestr("archive/version", "3\n")


def _save_legacy(path, tree, storages):
    with open(path, "wb") as file:
        sizes = {"short": 2, "int": 4, "long": 4}
        system = {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}
        for thing in (MAGIC, 1001, system):
            pickle.dump(thing, file, 2)
        LegacyPickler(file, 2).dump(tree)
        pickle.dump(sorted(storages), file, 2)
        for key in sorted(storages):
            file.write(struct.pack("<q", storages[key].size) + storages[key].tobytes())
