"""The categories, and what all objects of one have in common: grids, materials, key points.

The parts of a category have the same rows and columns on every object, so (part, row, column)
names the same point on all of them.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from data_pipelines.rendered.engine.meshes import Grid, stacked
from data_pipelines.rendered.objects.categories import (
    animal,
    bird,
    bottle,
    car,
    chair,
    lamp,
    motorbike,
    mug,
    plane,
)
from data_pipelines.rendered.objects.lofts import normals

ORDER = (car, chair, animal, mug, lamp, plane, bottle, bird, motorbike)
MODULES = {module.__name__.rpartition(".")[2]: module for module in ORDER}
CATEGORIES = tuple(MODULES)
NUM_KEYPOINTS = 10
KEYPOINT_NAMES = {name: tuple(module.KEYPOINTS) for name, module in MODULES.items()}


class Template(NamedTuple):
    """The grids of one category, one after the other."""

    grids: dict[str, Grid]
    triangles: np.ndarray  # vertex indices [t, 3]
    part_of: np.ndarray  # of each triangle [t]
    surface: np.ndarray  # part, row and column of each vertex [3, n]
    materials: np.ndarray  # of each triangle, in the order of MATERIALS [t]
    keypoints: np.ndarray  # vertex indices [k]
    keypoint_parts: np.ndarray  # [k]

    def present(self, absent: Sequence[str]) -> np.ndarray:
        """Which parts an object has [number of parts]."""
        return np.array([name not in absent for name in self.grids])

    def vertices_of(self, present: np.ndarray) -> np.ndarray:
        """Which vertices belong to present parts [n]."""
        return present[self.surface[0].astype(int)]


class Solid(NamedTuple):
    """One object in its own axes; the middle of its box is 0, the diagonal 1."""

    points: np.ndarray  # [3, n]
    normals: np.ndarray  # [3, n]
    present: np.ndarray  # bool [number of parts]


def _material_of_cells(grid: Grid, names: list[str], rules: list[tuple]) -> np.ndarray:
    """Material number of each cell of a grid [rows - 1, columns - 1]; later rules win."""
    cells = np.zeros((grid.rows - 1, grid.columns - 1), np.int32)
    for name, *bounds in rules:
        top, bottom, left, right = bounds + [0, 99, 0, 99][len(bounds) :]
        cells[top:bottom, left:right] = names.index(name)
    return cells


@functools.cache
def template(category: str) -> Template:
    """What all objects of a category share."""
    module = MODULES[category]
    parts = module.build(module.Shape.draw(np.random.default_rng(0)))
    names, rules = list(module.MATERIALS), module.CELLS
    grids = stacked({name: part.shape[1:] for name, part in parts.items()})
    order = list(grids)
    surface = [
        np.stack(np.broadcast_arrays(number, *np.indices((grid.rows, grid.columns))))
        for number, grid in enumerate(grids.values())
    ]
    materials = [_material_of_cells(grid, names, rules.get(n, [])) for n, grid in grids.items()]
    triangles = [grid.triangles() for grid in grids.values()]
    corners = [
        grids[part].start + row * grids[part].columns + column
        for part, row, column in module.KEYPOINTS.values()
    ]
    return Template(
        grids=grids,
        triangles=np.concatenate(triangles),
        part_of=np.repeat(np.arange(len(grids)), [len(t) for t in triangles]),
        surface=np.concatenate([s.reshape(3, -1) for s in surface], 1).astype(np.float32),
        materials=np.concatenate([np.repeat(m.ravel(), 2) for m in materials]),
        keypoints=np.array(corners),
        keypoint_parts=np.array([order.index(part) for part, _, _ in module.KEYPOINTS.values()]),
    )


def build(category: str, shape: Any) -> Solid:
    """The object with these shape parameters."""
    parts = MODULES[category].build(shape)
    present = template(category).present(shape.absent)
    points = np.concatenate([part.reshape(3, -1) for part in parts.values()], axis=1)
    there = template(category).vertices_of(present)
    low, high = points[:, there].min(1), points[:, there].max(1)
    points = (points - (low + high)[:, None] / 2) / np.linalg.norm(high - low)
    across = np.concatenate([normals(part).reshape(3, -1) for part in parts.values()], axis=1)
    return Solid(points.astype(np.float32), across.astype(np.float32), present)
