"""Pose and projection of an object, and what hides its points."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine.film import looking
from data_pipelines.rendered.engine.raster import Fragments, rasterise
from data_pipelines.rendered.objects.catalogue import Solid, Template, build, template
from data_pipelines.rendered.objects.parameters import (
    BORDER,
    View,
    draw_shape,
    draw_view,
    generator,
)

BEHIND = 0.004  # diagonals: a point this little behind the nearest surface lies on it


class Posed(NamedTuple):
    """An object before its camera."""

    category: str
    stream: Callable[[str], Generator]  # name -> the random numbers of this picture
    template: Template
    solid: Solid
    view: View
    matrix: np.ndarray  # [3, 3]
    shares: np.ndarray  # of the picture [2, n]
    depth: np.ndarray  # larger is nearer, in diagonals [n]
    scale: float  # share of the picture per diagonal
    shift: np.ndarray  # of the middle [2]

    def fragments(self, side: int) -> Fragments:
        """The visible surface at side x side pixels."""
        rows = np.flatnonzero(self.solid.present[self.template.part_of])
        triangles = self.template.triangles[rows]
        found = rasterise(to_pixels(self.shares, side), self.depth, triangles, side, cull=True)
        return found._replace(triangles=rows[found.triangles])


def posed(split: str, index: int, seed: int, categories: Sequence[str]) -> Posed:
    """The object of a picture before its camera; the categories take turns."""
    category = categories[index % len(categories)]
    stream = functools.partial(generator, seed, split, category, index)
    solid = build(category, draw_shape(category, stream("shape")))
    view, shape = draw_view(category, stream("view")), template(category)
    matrix = looking(view.yaw, view.pitch, view.roll)
    x, y, z = matrix @ solid.points
    nearness = view.distance / (view.distance - z)
    flat = np.stack([x * nearness, -y * nearness])  # the middle at 0, y down
    scale, shift = _frame(flat[:, shape.vertices_of(solid.present)], view)
    shares = scale * flat + shift[:, None]
    return Posed(category, stream, shape, solid, view, matrix, shares, z, scale, shift)


def _frame(flat: np.ndarray, view: View) -> tuple[float, np.ndarray]:
    """Scale and shift [2] in shares of the picture: as long as `fill`, inside the border."""
    low, high = flat.min(1), flat.max(1)
    scale = view.fill / (high - low).max()
    half = scale * (high - low) / 2
    reach = np.maximum(0.5 - BORDER - half, 0)
    middle = 0.5 + reach * (2 * view.place - 1)
    return scale, middle - scale * (low + high) / 2


def to_pixels(shares: np.ndarray, size: int) -> np.ndarray:
    """Shares of the picture to pixels whose centres lie at integers."""
    return shares * size - 0.5


def hidden_behind(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, depth: np.ndarray, slack: float = BEHIND
) -> np.ndarray:
    """Whether the four pixels around points all show something nearer.

    A pixel that shows no object hides nothing.
    """
    size = depth.shape[0]
    columns = [np.clip(f(x).astype(int), 0, size - 1) for f in (np.floor, np.ceil)]
    rows = [np.clip(f(y).astype(int), 0, size - 1) for f in (np.floor, np.ceil)]
    around = np.stack([depth[r, c] for r in rows for c in columns])
    farthest = np.where(np.isfinite(around), around, np.inf).min(0)
    return np.isfinite(farthest) & (z < farthest - slack)


def inside(x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    """Whether points in pixels lie in a picture."""
    return (x >= -0.5) & (y >= -0.5) & (x <= size - 0.5) & (y <= size - 0.5)
