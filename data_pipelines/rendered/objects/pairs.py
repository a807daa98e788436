"""Pairs of objects of one category, and the true correspondence between them."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipelines.rendered.engine.raster import Grid
from data_pipelines.rendered.objects.camera import generator, hidden_behind, inside, posed
from data_pipelines.rendered.objects.catalogue import CATEGORIES, template
from data_pipelines.rendered.objects.renderer import geometry


def on_vertices(surface: np.ndarray, grids: dict[str, Grid]) -> tuple[np.ndarray, np.ndarray]:
    """The corners [3, p] and weights [3, p] of surface coordinates [3, p] (part, row, column)."""
    start, rows, columns = np.array([(g.start, g.rows, g.columns) for g in grids.values()]).T
    part, row, column = surface
    part = np.round(part).astype(int)
    i = np.clip(np.floor(row).astype(int), 0, rows[part] - 2)
    j = np.clip(np.floor(column).astype(int), 0, columns[part] - 2)
    down, along = row - i, column - j
    a = start[part] + i * columns[part] + j
    b, c, d = a + 1, a + columns[part], a + columns[part] + 1
    upper = down + along <= 1  # the triangle a, c, b; else d, b, c
    corners = np.stack([np.where(upper, a, d), np.where(upper, c, b), np.where(upper, b, c)])
    second, third = np.where(upper, [down, along], [1 - down, 1 - along])
    return corners, np.stack([1 - second - third, second, third])


def dense_correspondence(
    source: dict[str, Any], target: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each surface point that the source shows lies in the target.

    Both are pictures of one category as `render_object` returns them, of any sizes.

    Returns:
      points_px: float32 [S, S, 2], (x, y) in pixels of the target, also where the point is hidden
        there or outside; 0 off the object.
      on_object: bool [S, S], the source shows the object here and the target has this part.
      visible: bool [S, S], the point faces the camera of the target, inside the picture, and
        nothing is in front of it.

    Raises:
      ValueError: for two categories.
    """
    if source["category"] != target["category"]:
        names = [CATEGORIES[picture["category"]] for picture in (source, target)]
        raise ValueError(f"correspondence needs one category, got {' and '.join(names)}")
    grids = template(CATEGORIES[source["category"]]).grids
    vertices, depth = target["vertices_px"], target["depth"]
    shape, size = source["mask"].shape, depth.shape[0]
    rows, columns = np.nonzero(source["mask"])
    surface = source["surface"][rows, columns].T.astype(np.float64)
    corners, weights = on_vertices(surface, grids)
    x, y, z = (vertices[:, corners] * weights).sum(1)
    (ax, bx, cx), (ay, by, cy) = vertices[:2, corners]
    facing = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay) < 0
    exists = np.isfinite(x)
    x, y, z = (np.where(exists, v, 0) for v in (x, y, z))
    seen = exists & facing & inside(x, y, size) & ~hidden_behind(x, y, z, depth)
    points = np.zeros((*shape, 2), np.float32)
    on_object, visible = np.zeros(shape, bool), np.zeros(shape, bool)
    points[rows, columns] = np.stack([x, y], -1)
    on_object[rows, columns], visible[rows, columns] = exists, seen
    return points, on_object, visible


def pool_size(count: int, categories: Sequence[str]) -> int:
    """About `count` pictures: as many of each category, at least two."""
    return len(categories) * max(2, -(-count // len(categories)))


@functools.cache
def pair_indices(split: str, count: int, seed: int, categories: tuple[str, ...]) -> np.ndarray:
    """Source and target [2, count]: two pictures of one category; the categories take turns.

    Every picture of the pool is a source before one is for the second time.
    """
    num, members = len(categories), pool_size(count, categories) // len(categories)
    pairs = np.empty((count, 2), np.int64)
    for position, category in enumerate(categories):
        rng = generator(seed, split, category, 0, "pairs")
        wanted = len(range(position, count, num))
        rounds = [rng.permutation(members) for _ in range(1 + wanted // members)]
        source = np.concatenate(rounds)[:wanted]
        target = (source + rng.integers(1, members, wanted)) % members
        pairs[position::num] = np.stack([source, target], -1) * num + position
    return pairs.T


def render_pair(
    split: str, index: int, *, size: int, seed: int, count: int, categories: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Dense correspondence of pair `index` of `count` pairs, by field."""
    pair = pair_indices(split, count, seed, categories)[:, index]
    shown = (geometry(posed(split, picture, seed, categories), size) for picture in pair)
    points, on_object, visible = dense_correspondence(*shown)
    return {"correspondence": points, "on_object": on_object, "visible": visible}
