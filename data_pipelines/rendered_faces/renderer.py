"""Renders one parametric head: picture, landmarks, mask and surface coordinates."""

from typing import NamedTuple

import numpy as np

from data_pipelines.rendered_faces.camera import SKIN_WRAP, deformed, placed, project, turned
from data_pipelines.rendered_faces.face_paint import ear_shade, skin_paint
from data_pipelines.rendered_faces.glasses import glasses_mesh
from data_pipelines.rendered_faces.hair_paint import LONG, cloth_paint, hair_edge, hair_paint
from data_pipelines.rendered_faces.head import EAR, NECK, mean_head
from data_pipelines.rendered_faces.parameters import (
    draw_identity,
    draw_view,
    generator,
    identity_of,
)
from data_pipelines.rendering.background import draw_background, resized
from data_pipelines.rendering.draws import SPLITS
from data_pipelines.rendering.film import developed, halved, lit, rotation
from data_pipelines.rendering.meshes import unit
from data_pipelines.rendering.raster import rasterise

SAMPLES = 2  # along each side of a pixel


class Canvas(NamedTuple):
    """Samples of the picture, flat; components first."""

    light: np.ndarray  # [3, p]
    depth: np.ndarray  # of the nearest surface [p]
    on_head: np.ndarray  # bool [p]
    canonical: np.ndarray  # [3, p]

    def cover(self, pixels, colour, amount):
        self.light[:, pixels] += amount * (colour - self.light[:, pixels])

    def record(self, pixels, depth, on_head, canonical):
        self.depth[pixels], self.on_head[pixels] = depth, on_head
        self.canonical[:, pixels] = canonical


def draw_solid(canvas, fragments, head, normals, who, view):
    """Head, ears, neck and clothes."""
    q = fragments.interpolate(head.vertices)
    n = unit(fragments.interpolate(normals))
    material = head.material[fragments.triangles]
    light = np.empty_like(q)
    skin = np.flatnonzero(material < NECK)
    cloth = np.flatnonzero(material == NECK)
    colour, gloss, openness = skin_paint(q[:, skin], who, view)
    ears = np.flatnonzero(material[skin] == EAR)
    openness[ears] *= ear_shade(q[:, skin[ears]])
    light[:, skin] = lit(colour, n[:, skin], gloss, openness, view, wrap=SKIN_WRAP)
    colour, gloss, openness = cloth_paint(q[:, cloth], who)
    light[:, cloth] = lit(colour, n[:, cloth], gloss, openness, view, wrap=SKIN_WRAP)
    canvas.cover(fragments.pixels, light, np.float32(1))
    canvas.record(fragments.pixels, fragments.depth, material < NECK, q)


def draw_hair(canvas, fragments, head, normals, who, view):
    """The hair shell where it lies before everything else; more than half covered is head."""
    fragments = fragments.only(fragments.depth > canvas.depth[fragments.pixels] - 0.1)
    q = fragments.interpolate(head.vertices)
    n = unit(fragments.interpolate(normals))
    n = n * np.where(n[2] < 0, np.float32(-1), np.float32(1))
    u, v = fragments.interpolate(head.angles)
    colour, cover, openness = hair_paint(u, v, q, who)
    gloss = np.full_like(cover, 1.5)
    canvas.cover(fragments.pixels, lit(colour, n, gloss, openness, view, wrap=SKIN_WRAP), cover)
    dense = np.flatnonzero(cover > 0.5)
    canvas.record(fragments.pixels[dense], fragments.depth[dense], True, q[:, dense])


def draw_glasses(canvas, points, keypoints, who, view, centre, side):
    """Rims and lenses; the head behind them stays on the mask."""
    vertices, triangles, alpha = glasses_mesh(points, keypoints, who)
    worn = rotation(view["yaw"], view["pitch"], view["roll"]) @ vertices
    samples = project(worn, view, centre) * side - 0.5
    fragments = rasterise(samples, worn[2], triangles, side, cull=False)
    fragments = fragments.only(fragments.depth > canvas.depth[fragments.pixels])
    colour = 0.8 * who["glasses_colour"][:, None] ** 2 + np.float32(0.01)
    canvas.cover(fragments.pixels, colour, alpha[fragments.triangles])


def grown(head, who):
    """Triangles of the hair shell that can carry hair."""
    u, v = head.angles
    return head.hair[(v - hair_edge(u, who) > -1.2)[head.hair].any(1)]


def surface_map(canvas, side):
    """Mask [s, s] and canonical coordinate [s, s, 3] of each pixel, NaN off the mask.

    A pixel is on the mask when two of its four samples are; its coordinate is the mean over
    its samples within 1 cm of the nearest.
    """
    depth = np.where(canvas.on_head, canvas.depth, -np.inf).reshape(side, side)
    canonical = canvas.canonical.reshape(3, side, side)
    corners = [(slice(i, None, 2), slice(j, None, 2)) for i in (0, 1) for j in (0, 1)]
    depths = np.stack([depth[c] for c in corners])
    seen = np.isfinite(depths)
    use = seen & (depths > depths.max(0) - 1)
    total = sum(np.where(u, canonical[:, *c], 0) for u, c in zip(use, corners, strict=True))
    mask = seen.sum(0) >= 2
    mean = np.where(mask, total / np.maximum(use.sum(0), 1), np.nan)
    return mask, mean.transpose(1, 2, 0).astype(np.float16)


def visibility(points_px, canonical, surface):
    """Whether the surface within a pixel of each point [n, 2] is that point of the head."""
    size = surface.shape[0]
    x, y = np.round(points_px).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < size) & (y < size)
    steps = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    rows = np.clip(y[:, None] + steps[:, 0], 0, size - 1)
    columns = np.clip(x[:, None] + steps[:, 1], 0, size - 1)
    distance = np.linalg.norm(
        surface[rows, columns].astype(np.float32) - canonical[:, None], axis=-1
    )
    return inside & (np.nan_to_num(distance, nan=np.inf).min(1) < 1)


def render_face(split, index, *, size=64, seed=0):
    """Renders picture `index` of a split; a pure function of its arguments.

    Shape, skin, hair and clothes belong to the identity, two pictures of which follow each
    other; pose, expression, light and background to the picture. No identity is in two splits.

    Args:
      split: 'train', 'validation' or 'test'.
      index: 0 or more; there is no end.
      size: width and height in pixels; changes the sampling, not the face.
      seed: another seed is another population.

    Returns:
      `image`: uint8 [size, size, 3].
      `keypoints`: float32 [5, 2], (x, y) in pixels, centres at integers: left eye, right eye,
        nose, left and right corner of the mouth; left in the image of a frontal face.
      `points68`: float32 [68, 2], the iBUG layout; some may lie outside the picture.
      `visible`: bool [68], inside the picture and not hidden by the head or its hair.
      `mask`: bool [size, size], head, ears and hair, not the neck.
      `surface`: float16 [size, size, 3], the coordinate on the mean head in centimetres
        (x right, y up, z forward, between the ears at the height of the eyes); NaN off the mask.
      `box`: float32 [4], x0, y0, x1, y1 of the outermost pixel centres of the mask.
      `identity`: int.

    Raises:
      ValueError: for an unknown split, a negative index or a size below 16.
    """
    if split not in SPLITS:
        raise ValueError(f"split: expected one of {SPLITS}, got {split!r}")
    if index < 0 or size < 16:
        raise ValueError(f"expected index >= 0 and size >= 16, got index {index}, size {size}")
    identity = identity_of(split, index)
    who = draw_identity(generator(seed, split, "identity", identity))
    rng = generator(seed, split, "view", index)
    view, background = draw_view(rng), draw_background(rng)
    head, side = mean_head(), SAMPLES * size

    points, normals = deformed(head, who, view)
    facing_points = points
    points, normals = turned(points, head, view), turned(normals, head, view)
    keypoints = head.keypoints.on(points)
    centre = placed(keypoints, view)
    samples = project(points, view, centre) * side - 0.5

    canvas = Canvas(
        light=resized(background, side).reshape(3, -1),
        depth=np.full(side * side, -np.inf, np.float32),
        on_head=np.zeros(side * side, bool),
        canonical=np.zeros((3, side * side), np.float32),
    )
    solid = rasterise(samples, points[2], head.solid, side, cull=True)
    draw_solid(canvas, solid, head, normals, who, view)
    if who["hair_style"] != "bald":
        cull = who["hair_style"] not in LONG
        hair = rasterise(samples, points[2], grown(head, who), side, cull=cull)
        draw_hair(canvas, hair, head, normals, who, view)
    if who["glasses"] != "none":
        eyes = head.keypoints.on(facing_points)
        draw_glasses(canvas, facing_points, eyes, who, view, centre, side)

    mask, surface = surface_map(canvas, side)
    film = generator(seed, split, "film", index)
    points68 = (project(head.points68.on(points), view, centre) * size - 0.5).T
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    return {
        "image": developed(halved(canvas.light.reshape(3, side, side)), view, film),
        "keypoints": (project(keypoints, view, centre) * size - 0.5).T.astype(np.float32),
        "points68": points68.astype(np.float32),
        "visible": visibility(points68, head.points68.on(head.vertices).T, surface),
        "mask": mask,
        "surface": surface,
        "box": np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float32),
        "identity": identity,
    }
