"""The categories, and what all objects of one have in common: grids, materials, key points.

The parts of a category have the same rows and columns on every object, so (part, row, column)
names the same point on all of them.
"""

import fnmatch
import functools
import importlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine.raster import Grid, stacked
from data_pipelines.rendered.objects import categories
from data_pipelines.rendered.objects.categories import Shape
from data_pipelines.rendered.objects.lofts import normals

CATEGORIES = ("car", "chair", "animal", "mug", "lamp", "plane", "bottle", "bird", "motorbike")
MODULES = {name: importlib.import_module(f"{categories.__name__}.{name}") for name in CATEGORIES}
NUM_KEYPOINTS = 10
KEYPOINT_NAMES = {name: tuple(module.KEYPOINTS) for name, module in MODULES.items()}


class Template(NamedTuple):
    """The grids of one category, one after the other."""

    grids: dict[str, Grid]
    triangles: np.ndarray  # vertex indices [t, 3]
    surface: np.ndarray  # part, row and column of each vertex [3, n]
    materials: np.ndarray  # of each triangle, in the order of MATERIALS [t]
    keypoints: np.ndarray  # vertex indices [k]


class Solid(NamedTuple):
    """One object in its own axes; the middle of its box is 0, the diagonal 1."""

    points: np.ndarray  # [3, n]
    normals: np.ndarray  # [3, n]
    present: np.ndarray  # bool [n], false for parts that the object lacks


def draw_shape(category: str, rng: Generator) -> Shape:
    """The parameters of one object of a category."""
    module = MODULES[category]
    kind = module.kind(rng) if hasattr(module, "kind") else {}
    ranges = {name: how for row in module.SHAPE for name, how in row.items()} | kind
    values = {n: how(rng) if callable(how) else rng.uniform(*how) for n, how in ranges.items()}
    return Shape(**{"absent": ()} | values)


def _materials(grids: dict[str, Grid], materials: dict[str, tuple]) -> np.ndarray:
    """Material number of each triangle; later materials win."""
    cells = {n: np.zeros((grid.rows - 1, grid.columns - 1), int) for n, grid in grids.items()}
    for number, (_, *places) in enumerate(materials.values()):
        for pattern, where in places:
            for part in fnmatch.filter(cells, pattern):
                cells[part][where] = number
    return np.concatenate([np.repeat(numbers.ravel(), 2) for numbers in cells.values()])


@functools.cache
def template(category: str) -> Template:
    """What all objects of a category share."""
    module = MODULES[category]
    parts = module.build(draw_shape(category, np.random.default_rng(0)))
    grids = stacked({name: part.shape[1:] for name, part in parts.items()})
    surface = [
        np.insert(np.indices((grid.rows, grid.columns)), 0, number, axis=0)
        for number, grid in enumerate(grids.values())
    ]
    return Template(
        grids=grids,
        triangles=np.concatenate([grid.triangles() for grid in grids.values()]),
        surface=_joined(surface).astype(np.float32),
        materials=_materials(grids, module.MATERIALS),
        keypoints=np.array([grids[part].vertex(*at) for part, *at in module.KEYPOINTS.values()]),
    )


def build(category: str, shape: Shape) -> Solid:
    """The object with these shape parameters."""
    parts = MODULES[category].build(shape)
    present = [np.full(part[0].size, name not in shape.absent) for name, part in parts.items()]
    there, points = np.concatenate(present), _joined(parts.values())
    low, high = points[:, there].min(1), points[:, there].max(1)
    points = (points - (low + high)[:, None] / 2) / np.linalg.norm(high - low)
    across = _joined(normals(part) for part in parts.values())
    return Solid(points.astype(np.float32), across.astype(np.float32), there)


def _joined(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Parts [3, rows, columns] as one array [3, n]."""
    return np.concatenate([part.reshape(3, -1) for part in parts], axis=1)
