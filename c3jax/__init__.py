"""Unsupervised landmarks from unpaired images (C3) in JAX: pure functions and thin Flax modules.

All names of `__init__.pyi`, and the modules that they come from, are imported on first use.
"""

import ast
import importlib
from pathlib import Path

_STUB = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
_IMPORTS = [node for node in _STUB.body if isinstance(node, ast.ImportFrom)]
_HOMES = {name.name: str(node.module) for node in _IMPORTS for name in node.names}
_MODULES = {name.rpartition(".")[2]: name for name in _HOMES.values() if name != __name__}
_MODULES |= {name: f"{__name__}.{name}" for name, home in _HOMES.items() if home == __name__}

__all__ = next(ast.literal_eval(node.value) for node in _STUB.body if isinstance(node, ast.Assign))


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _HOMES:
        globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*__all__, *_HOMES, *_MODULES})
