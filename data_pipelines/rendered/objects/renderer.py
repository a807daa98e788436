"""Renders one object: picture, key points, mask and surface coordinates."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.rendered.engine.background import draw_background, resized
from data_pipelines.rendered.engine.draws import check
from data_pipelines.rendered.engine.film import developed, halved, lit
from data_pipelines.rendered.engine.meshes import unit
from data_pipelines.rendered.engine.raster import box_of
from data_pipelines.rendered.objects.camera import Posed, hidden_behind, inside, posed, to_pixels
from data_pipelines.rendered.objects.catalogue import CATEGORIES, MODULES
from data_pipelines.rendered.objects.paint import WRAP, painted, shadowed
from data_pipelines.rendered.objects.parameters import draw_look

SAMPLES = 2  # along each side of a pixel
TIP = 0.012  # diagonals: the thickness of ends and edges, on which key points lie


def checked(categories: Sequence[str]) -> tuple[str, ...]:
    """The categories, some of CATEGORIES.

    Raises:
      DataError: for none, and for an unknown one.
    """
    unknown = [name for name in categories if name not in CATEGORIES]
    if unknown or not categories or isinstance(categories, str):
        raise DataError(f"categories: expected some of {CATEGORIES}, got {categories!r}")
    return tuple(categories)


def geometry(thing: Posed, size: int) -> dict[str, np.ndarray]:
    """Mask, surface, depth and vertices of a posed object at a size."""
    fragments = thing.fragments(size)
    mask = np.zeros(size * size, bool)
    surface = np.full((size * size, 3), np.nan, np.float32)
    depth = np.full(size * size, -np.inf, np.float32)
    mask[fragments.pixels] = True
    part, row, column = fragments.interpolate(thing.template.surface)
    surface[fragments.pixels] = np.stack([np.round(part), row, column], -1)
    depth[fragments.pixels] = fragments.depth
    vertices = np.vstack([to_pixels(thing.shares, size), thing.depth[None]])
    there = thing.template.vertices_of(thing.solid.present)
    return {
        "mask": mask.reshape(size, size),
        "surface": surface.reshape(size, size, 3),
        "depth": depth.reshape(size, size),
        "vertices_px": np.where(there, vertices, np.nan).astype(np.float32),
    }


def _keypoints(thing: Posed, size: int, depth: np.ndarray):
    """Key points [10, 2] in pixels, which of them exist, which are seen."""
    corners = thing.template.keypoints
    x, y = to_pixels(thing.shares[:, corners], size)
    exists = thing.solid.present[thing.template.keypoint_parts]
    seen = exists & inside(x, y, size) & ~hidden_behind(x, y, thing.depth[corners], depth, TIP)
    points = np.where(exists[:, None], np.stack([x, y], -1), 0)
    return points.astype(np.float32), exists, seen


def _draw_picture(thing: Posed, size: int) -> np.ndarray:
    """The picture, uint8 [size, size, 3]."""
    background, side = draw_background(thing.stream("background")), SAMPLES * size
    if MODULES[thing.category].STANDS:
        background = shadowed(background, thing)
    light = resized(background, side).reshape(3, -1)
    fragments = thing.fragments(side)
    q = fragments.interpolate(thing.solid.points)
    n = unit(fragments.interpolate(thing.matrix @ thing.solid.normals))
    look = draw_look(thing.category, thing.stream("look"))
    surface = painted(q, thing.template.materials[fragments.triangles], look)
    light[:, fragments.pixels] = lit(surface, n, thing.view.light, wrap=WRAP)
    return developed(halved(light.reshape(3, side, side)), thing.view.film, thing.stream("film"))


def render_object(
    split: str, index: int, *, size: int = 64, seed: int = 0, categories: Sequence[str] = CATEGORIES
) -> dict[str, Any]:
    """Renders picture `index` of a split; a pure function of its arguments.

    The categories take turns; every picture shows another object.

    Args:
      split: 'train', 'validation' or 'test'; their objects come from disjoint random streams.
      index: 0 or more; there is no end.
      size: width and height in pixels; changes the sampling, not the object.
      seed: another seed is another population.
      categories: names, some of CATEGORIES.

    Returns:
      `image`: uint8 [size, size, 3].
      `category`: position in CATEGORIES.
      `keypoints`: float32 [10, 2], (x, y) in pixels, centres at integers; 0 where there is none.
      `keypoint_valid`: bool [10], the object has this key point.
      `visible`: bool [10], inside the picture and not hidden by the object.
      `box`: float32 [4], x0, y0, x1, y1: the outermost pixel centres of the mask.
      `mask`: bool [size, size], the centre of the pixel shows the object.
      `surface`: float32 [size, size, 3], part, row and column on the grids that all objects of
        the category share; NaN off the mask.
      `depth`: float32 [size, size], larger is nearer, in diagonals of the object's box; -inf off
        the mask.
      `vertices_px`: float32 [3, n], x, y and depth of the vertices of the grids, seen or not; NaN
        where the object lacks the part.

    Raises:
      DataError: for an unknown split or category, a negative index or a size below 16.
    """
    check(split, index, size)
    thing = posed(split, index, seed, checked(categories))
    shown = geometry(thing, size)
    points, exists, seen = _keypoints(thing, size, shown["depth"])
    return {
        "image": _draw_picture(thing, size),
        "category": CATEGORIES.index(thing.category),
        "keypoints": points,
        "keypoint_valid": exists,
        "visible": seen,
        "box": box_of(shown["mask"]),
        **shown,
    }
