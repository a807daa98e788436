"""Grids of vertices and their normals."""

from typing import NamedTuple

import numpy as np


class Grid(NamedTuple):
    """A rectangular patch of vertices: `rows` x `columns`, stored from `start`."""

    start: int
    rows: int
    columns: int

    @property
    def part(self) -> slice:
        """Where its vertices are stored."""
        return slice(self.start, self.start + self.rows * self.columns)

    def triangles(self) -> np.ndarray:
        """Vertex indices [2 (rows - 1)(columns - 1), 3]."""
        index = self.start + np.arange(self.rows * self.columns).reshape(self.rows, self.columns)
        a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
        faces = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], 2)
        return faces.reshape(-1, 3).astype(np.int32)


def stacked(shapes: dict[str, tuple[int, int]]) -> dict[str, Grid]:
    """Grids of some rows and columns, stored one after the other."""
    starts = np.cumsum([0, *(rows * columns for rows, columns in shapes.values())]).tolist()
    return {n: Grid(start, *shapes[n]) for n, start in zip(shapes, starts, strict=False)}


def _difference(p, axis):
    """Central differences along an axis, one-sided at its ends."""
    p = np.moveaxis(p, axis, -1)
    middle = p[..., 2:] - p[..., :-2]
    ends = p[..., 1:2] - p[..., :1], p[..., -1:] - p[..., -2:-1]
    return np.moveaxis(np.concatenate([ends[0], middle, ends[1]], -1), -1, axis)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [3, n] at length 1."""
    x, y, z = vectors
    return vectors / (np.sqrt(x * x + y * y + z * z) + np.float32(1e-9))


def grid_normals(points: np.ndarray, grid: Grid) -> np.ndarray:
    """Outward unit normals [3, rows * columns] of the vertices [3, n] of one grid."""
    p = points[:, grid.part].reshape(3, grid.rows, grid.columns)
    (ax, ay, az), (dx, dy, dz) = _difference(p, 2), _difference(p, 1)
    cross = np.stack([dy * az - dz * ay, dz * ax - dx * az, dx * ay - dy * ax])
    return unit(cross.reshape(3, -1))
