"""Renders one object: picture, key points, mask and surface coordinates."""

from typing import NamedTuple

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.rendered_objects.camera import frame, projected, to_pixels, turn
from data_pipelines.rendered_objects.catalogue import (
    CATEGORIES,
    MODULES,
    NUM_KEYPOINTS,
    Solid,
    Template,
    build,
    template,
)
from data_pipelines.rendered_objects.correspondence import hidden_behind, inside
from data_pipelines.rendered_objects.paint import WRAP, openness, painted, shadowed
from data_pipelines.rendered_objects.parameters import (
    draw_look,
    draw_shape,
    draw_view,
    generator,
)
from data_pipelines.rendering.background import draw_background, resized
from data_pipelines.rendering.draws import SPLITS
from data_pipelines.rendering.film import developed, halved, lit
from data_pipelines.rendering.meshes import unit
from data_pipelines.rendering.raster import rasterise

SAMPLES = 2  # along each side of a pixel
TIP = 0.012  # diagonals: the thickness of ends and edges, on which key points lie


class Posed(NamedTuple):
    """An object before its camera."""

    template: Template
    solid: Solid
    view: dict
    matrix: np.ndarray  # [3, 3]
    shares: np.ndarray  # of the picture [2, n]
    depth: np.ndarray  # larger is nearer, in diagonals [n]
    scale: float  # share of the picture per diagonal
    shift: np.ndarray  # of the middle [2]

    def fragments(self, side):
        """The visible surface at side x side pixels."""
        rows = np.flatnonzero(self.solid.present[self.template.part_of])
        triangles = self.template.triangles[rows]
        found = rasterise(to_pixels(self.shares, side), self.depth, triangles, side, cull=True)
        return found._replace(triangles=rows[found.triangles])


def category_of(index, categories):
    """The categories take turns."""
    return categories[index % len(categories)]


def checked(split, index, size, categories):
    """The category of a picture.

    Raises:
      DataError: names the argument that cannot be used.
    """
    unknown = [name for name in categories if name not in CATEGORIES]
    if split not in SPLITS:
        raise DataError(f"split: expected one of {SPLITS}, got {split!r}")
    if unknown or not categories or isinstance(categories, str):
        raise DataError(f"categories: expected some of {CATEGORIES}, got {categories!r}")
    if index < 0 or size < 16:
        raise DataError(f"expected index >= 0 and size >= 16, got index {index}, size {size}")
    return category_of(index, categories)


def posed(split, index, seed, category):
    """The object of a picture before its camera."""
    solid = build(category, draw_shape(category, generator(seed, split, "shape", category, index)))
    view = draw_view(category, generator(seed, split, "view", category, index))
    matrix = turn(view)
    turned = matrix @ solid.points
    flat, shape = projected(turned, view), template(category)
    scale, shift = frame(flat[:, shape.vertices_of(solid.present)], view)
    shares = scale * flat + shift[:, None]
    return Posed(shape, solid, view, matrix, shares, turned[2], scale, shift)


def geometry(thing, size):
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


def keypoints(thing, size, depth):
    """Key points [10, 2] in pixels, which of them exist, which are seen."""
    corners, parts = thing.template.keypoints, thing.template.keypoint_parts
    x, y = to_pixels(thing.shares[:, corners], size)
    exists = thing.solid.present[parts]
    seen = exists & inside(x, y, size) & ~hidden_behind(x, y, thing.depth[corners], depth, TIP)
    points = np.where(exists[:, None], np.stack([x, y], -1), 0)
    missing = NUM_KEYPOINTS - len(corners)
    return (
        np.pad(points, ((0, missing), (0, 0))).astype(np.float32),
        np.pad(exists, (0, missing)),
        np.pad(seen, (0, missing)),
    )


def draw_picture(thing, size, split, index, seed, category):
    """The picture, uint8 [size, size, 3]."""

    def stream(name):
        return generator(seed, split, name, category, index)

    background, side = draw_background(stream("background")), SAMPLES * size
    if MODULES[category].STANDS:
        background = shadowed(
            background, thing.solid, thing.view, thing.matrix, thing.scale, thing.shift
        )
    light = resized(background, side).reshape(3, -1)
    fragments = thing.fragments(side)
    q = fragments.interpolate(thing.solid.points)
    n = unit(fragments.interpolate(thing.matrix @ thing.solid.normals))
    look = draw_look(category, stream("look"))
    colour, gloss = painted(q, thing.template.materials[fragments.triangles], look)
    light[:, fragments.pixels] = lit(colour, n, gloss, openness(q), thing.view, wrap=WRAP)
    return developed(halved(light.reshape(3, side, side)), thing.view, stream("film"))


def box_of(mask):
    """x0, y0, x1, y1 of the outermost pixel centres."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    return np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float32)


def render_object(split, index, *, size=64, seed=0, categories=CATEGORIES):
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
    category = checked(split, index, size, categories)
    thing = posed(split, index, seed, category)
    shown = geometry(thing, size)
    points, exists, seen = keypoints(thing, size, shown["depth"])
    return {
        "image": draw_picture(thing, size, split, index, seed, category),
        "category": CATEGORIES.index(category),
        "keypoints": points,
        "keypoint_valid": exists,
        "visible": seen,
        "box": box_of(shown["mask"]),
        **shown,
    }
