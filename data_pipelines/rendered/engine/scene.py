"""A kind of rendered pictures, as the rest of the engine sees it."""

import ast
import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PACKAGE = "data_pipelines.rendered"
ROOT = Path(__file__).parents[3]

Fields = dict[str, tuple[tuple[int | None, ...], type]]
Specs = dict[str, tuple[tuple[int, ...], type]]


@dataclass(frozen=True)
class Scene:
    """Pictures 0, 1, 2, ... of one kind; arrays, builders and sheets are made from this alone."""

    name: str  # begins the names of folders: 'rendered_faces'
    noun: str  # for people: 'faces'
    module: str  # that renders; it and what it imports of rendered data shape the pictures
    render: Callable[..., dict[str, Any]]  # (split, index, size=pixels, seed=number) -> fields
    fields: Fields  # shape, None for the size in pixels, and type of what arrays hold
    variant: str = ""  # what else names the pictures: the categories of objects

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with the source that shapes the pictures."""
        return _digest(self.module)

    @property
    def large(self) -> set[str]:
        """Fields that grow with the size; they are kept on disk only when they are asked for."""
        return {name for name, (shape, _) in self.fields.items() if None in shape}

    def specs(self, size: int) -> Specs:
        """Shape and type of each field of one picture."""
        return {
            name: (tuple(size if side is None else side for side in shape), dtype)
            for name, (shape, dtype) in self.fields.items()
        }

    def label(self, *parts: object) -> str:
        """The parts of a name, the variant first, joined by hyphens."""
        return "-".join(str(part) for part in (self.variant, *parts) if part != "")


def render_chunk(
    scene: Scene, split: str, size: int, seed: int, fields: Sequence[str], indices: Sequence[int]
) -> dict[str, np.ndarray]:
    """Some fields of some pictures, stacked [n, ...]."""
    pictures = [scene.render(split, index, size=size, seed=seed) for index in indices]
    specs = scene.specs(size)
    return {
        name: np.stack([np.asarray(picture[name], specs[name][1]) for picture in pictures])
        for name in fields
    }


def modules_behind(module: str) -> set[str]:
    """A module and all modules of rendered data that it imports, directly or not."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(ast.parse(_file(name).read_bytes()))
    return found


def _imports(tree: ast.Module) -> Iterator[str]:
    """The modules of rendered data that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if _file(name).exists() else f"{node.module}" for name in inner]
        else:
            continue
        yield from (name for name in names if name.startswith(PACKAGE))


def _file(module: str) -> Path:
    """The source of a module, or of a package."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _digest(module: str) -> str:
    digest = hashlib.sha256()
    for name in sorted(modules_behind(module)):
        digest.update(_file(name).read_bytes())
    return digest.hexdigest()[:12]
