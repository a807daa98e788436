"""Renders one object: picture, key points, mask and surface coordinates."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from c3jax.files.errors import DataError
from data_pipelines.rendered.engine.background import draw_background, resized
from data_pipelines.rendered.engine.draws import check
from data_pipelines.rendered.engine.film import SAMPLES, developed, lit
from data_pipelines.rendered.engine.raster import box_of, unit
from data_pipelines.rendered.objects.camera import Posed, hidden_behind, inside, posed
from data_pipelines.rendered.objects.catalogue import CATEGORIES, MODULES
from data_pipelines.rendered.objects.paint import WRAP, draw_look, painted, shadowed

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


def geometry(thing: Posed, size: int) -> dict[str, Any]:
    """Category, mask, surface, depth and vertices of a posed object at a size."""
    fragments = thing.fragments(size)
    surface = np.full((size, size, 3), np.nan, np.float32)
    depth = np.full((size, size), -np.inf, np.float32)
    part, row, column = fragments.interpolate(thing.template.surface)
    surface.reshape(-1, 3)[fragments.pixels] = np.stack([np.round(part), row, column], -1)
    depth.ravel()[fragments.pixels] = fragments.depth
    vertices = np.vstack([thing.pixels(size), thing.depth])
    return {
        "category": CATEGORIES.index(thing.category),
        "mask": np.isfinite(depth),
        "surface": surface,
        "depth": depth,
        "vertices_px": np.where(thing.solid.present, vertices, np.nan).astype(np.float32),
    }


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
    return developed(light, size, thing.view.film, thing.stream("film"))


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
    corners = thing.template.keypoints
    x, y = thing.pixels(size)[:, corners]
    exists = thing.solid.present[corners]
    hidden = hidden_behind(x, y, thing.depth[corners], shown["depth"], TIP)
    points = np.where(exists[:, None], np.stack([x, y], -1), 0)
    return {
        "image": _draw_picture(thing, size),
        "keypoints": points.astype(np.float32),
        "keypoint_valid": exists,
        "visible": exists & inside(x, y, size) & ~hidden,
        "box": box_of(shown["mask"]),
        **shown,
    }
