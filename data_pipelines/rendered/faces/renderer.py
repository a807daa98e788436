"""Renders one parametric head: picture, landmarks, mask and surface; what corresponds on two."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data_pipelines.rendered.engine.background import draw_background, resized
from data_pipelines.rendered.engine.draws import check
from data_pipelines.rendered.engine.film import SAMPLES, developed, lit, rotation
from data_pipelines.rendered.engine.raster import Fragments, box_of, rasterise, unit
from data_pipelines.rendered.faces import parameters
from data_pipelines.rendered.faces.camera import SKIN_WRAP, Posed, posed
from data_pipelines.rendered.faces.face_paint import ear_shade, skin_paint
from data_pipelines.rendered.faces.glasses import glasses_mesh
from data_pipelines.rendered.faces.hair_paint import LONG, cloth_paint, hair_edge, hair_paint
from data_pipelines.rendered.faces.head import EAR, NECK


class Canvas(NamedTuple):
    """Samples of the picture, flat; components first."""

    light: np.ndarray  # [3, p]
    depth: np.ndarray  # of the nearest surface [p]
    on_head: np.ndarray  # bool [p]
    canonical: np.ndarray  # [3, p]

    def cover(self, pixels: np.ndarray, colour: np.ndarray, amount: ArrayLike):
        """Covers pixels with a colour [3, p] by an amount [p]."""
        self.light[:, pixels] += amount * (colour - self.light[:, pixels])

    def record(self, pixels: np.ndarray, depth: np.ndarray, on_head: ArrayLike, q: np.ndarray):
        """Keeps what the nearest surface of pixels is."""
        self.depth[pixels], self.on_head[pixels] = depth, on_head
        self.canonical[:, pixels] = q


def _draw_solid(canvas: Canvas, face: Posed, fragments: Fragments):
    """Head, ears, neck and clothes."""
    q = fragments.interpolate(face.head.vertices)
    n = unit(fragments.interpolate(face.normals))
    material = face.head.material[fragments.triangles]
    light, lamp = np.empty_like(q), face.view.light
    skin, cloth = np.flatnonzero(material < NECK), np.flatnonzero(material == NECK)
    surface = skin_paint(q[:, skin], face.who, face.view)
    ears = np.flatnonzero(material[skin] == EAR)
    surface.openness[ears] *= ear_shade(q[:, skin[ears]])
    light[:, skin] = lit(surface, n[:, skin], lamp, wrap=SKIN_WRAP)
    surface = cloth_paint(q[:, cloth], face.who)
    light[:, cloth] = lit(surface, n[:, cloth], lamp, wrap=SKIN_WRAP)
    canvas.cover(fragments.pixels, light, np.float32(1))
    canvas.record(fragments.pixels, fragments.depth, material < NECK, q)


def _draw_hair(canvas: Canvas, face: Posed, side: int):
    """The hair shell where it lies before everything else; more than half covered is head."""
    u, v = face.head.angles
    hair = face.head.hair
    hair = hair[(v - hair_edge(u, face.who) > -1.2)[hair].any(1)]  # what can carry hair
    fragments = face.fragments(hair, side, cull=face.who.hair_style not in LONG)
    fragments = fragments.only(fragments.depth > canvas.depth[fragments.pixels] - 0.1)
    q = fragments.interpolate(face.head.vertices)
    n = unit(fragments.interpolate(face.normals))
    n = n * np.where(n[2] < 0, np.float32(-1), np.float32(1))
    u, v = fragments.interpolate(face.head.angles)
    surface, cover = hair_paint(u, v, q, face.who)
    light = lit(surface, n, face.view.light, wrap=SKIN_WRAP)
    canvas.cover(fragments.pixels, light, cover)
    dense = np.flatnonzero(cover > 0.5)
    canvas.record(fragments.pixels[dense], fragments.depth[dense], True, q[:, dense])


def _draw_glasses(canvas: Canvas, face: Posed, side: int):
    """Rims and lenses; the head behind them stays on the mask."""
    eyes, view = face.head.keypoints.on(face.facing), face.view
    vertices, triangles, alpha = glasses_mesh(eyes, face.who)
    worn = rotation(view.yaw, view.pitch, view.roll) @ vertices
    fragments = rasterise(face.pixels(worn, side), worn[2], triangles, side, cull=False)
    fragments = fragments.only(fragments.depth > canvas.depth[fragments.pixels])
    colour = 0.8 * face.who.glasses_colour[:, None] ** 2 + np.float32(0.01)
    canvas.cover(fragments.pixels, colour, alpha[fragments.triangles])


def _surface_map(canvas: Canvas, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Mask [s, s] and canonical coordinate [s, s, 3] of each pixel, NaN off the mask.

    A pixel is on the mask when two of its four samples are; its coordinate is the mean over
    its samples within 1 cm of the nearest.
    """

    def by_pixel(samples):
        """[k, 4 s s] as [k, 4, s, s]."""
        grid = samples.reshape(-1, size, SAMPLES, size, SAMPLES)
        return grid.transpose(0, 2, 4, 1, 3).reshape(-1, SAMPLES**2, size, size)

    (depth,) = by_pixel(np.where(canvas.on_head, canvas.depth, -np.inf))
    seen = np.isfinite(depth)
    use = seen & (depth > depth.max(0) - 1)
    total = np.where(use, by_pixel(canvas.canonical), 0).sum(1)
    mask = seen.sum(0) >= 2
    mean = np.where(mask, total / np.maximum(use.sum(0), 1), np.nan)
    return mask, mean.transpose(1, 2, 0).astype(np.float16)


def _visibility(points_px: np.ndarray, canonical: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Whether the surface within a pixel of each point [n, 2] is that point of the head."""
    size = surface.shape[0]
    x, y = np.round(points_px).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < size) & (y < size)
    steps = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    rows = np.clip(y[:, None] + steps[:, 0], 0, size - 1)
    columns = np.clip(x[:, None] + steps[:, 1], 0, size - 1)
    offset = surface[rows, columns].astype(np.float32) - canonical[:, None]
    distance = np.nan_to_num(np.linalg.norm(offset, axis=-1), nan=np.inf)
    return inside & (distance.min(1) < 1)


def render_face(split: str, index: int, *, size: int = 64, seed: int = 0) -> dict[str, Any]:
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
      DataError: for an unknown split, a negative index or a size below 16.
    """
    check(split, index, size)
    identity = parameters.identity_of(split, index)
    who = parameters.draw_identity(parameters.generator(seed, split, "identity", identity))
    rng = parameters.generator(seed, split, "view", index)
    view, background = parameters.draw_view(rng), draw_background(rng)
    face, side = posed(who, view), SAMPLES * size
    canvas = Canvas(
        light=resized(background, side).reshape(3, -1),
        depth=np.full(side * side, -np.inf, np.float32),
        on_head=np.zeros(side * side, bool),
        canonical=np.zeros((3, side * side), np.float32),
    )
    _draw_solid(canvas, face, face.fragments(face.head.solid, side, cull=True))
    if who.hair_style != "bald":
        _draw_hair(canvas, face, side)
    if who.glasses != "none":
        _draw_glasses(canvas, face, side)
    mask, surface = _surface_map(canvas, size)
    film = parameters.generator(seed, split, "film", index)
    many, five = face.head.points68, face.head.keypoints
    points68 = face.pixels(many.on(face.points), size).T
    return {
        "image": developed(canvas.light, size, view.film, film),
        "keypoints": face.pixels(five.on(face.points), size).T.astype(np.float32),
        "points68": points68.astype(np.float32),
        "visible": _visibility(points68, many.on(face.head.vertices).T, surface),
        "mask": mask,
        "surface": surface,
        "box": box_of(mask),
        "identity": identity,
    }


def true_correspondence(
    surface_source: np.ndarray,
    mask_source: np.ndarray,
    surface_target: np.ndarray,
    mask_target: np.ndarray,
    points_px: ArrayLike,
    *,
    tolerance: float = 0.6,
) -> tuple[np.ndarray, np.ndarray]:
    """Carries points of one rendered face to another by their canonical coordinates.

    Args:
      surface_source: [h, w, 3] of the face that the points lie on, as from `render_face`.
      mask_source: bool [h, w].
      surface_target: [h, w, 3] of the other face, of any size.
      mask_target: bool [h, w].
      points_px: [n, 2], (x, y) in pixels of the source, rounded to the nearest pixel.
      tolerance: in centimetres on the mean head; where the nearest coordinate of the target is
        farther away than this, the point is hidden there.

    Returns:
      Points [n, 2] in pixels of the target, float64, and visible bool [n]. A point that is not
      on the source's mask is NaN and not visible.
    """
    height, width = mask_source.shape
    columns, rows = np.round(np.asarray(points_px, np.float64)).astype(int).T
    inside = (columns >= 0) & (rows >= 0) & (columns < width) & (rows < height)
    inside[inside] = mask_source[rows[inside], columns[inside]]
    target_rows, target_columns = np.nonzero(mask_target)
    stock = surface_target[target_rows, target_columns].astype(np.float32)
    carried = np.full((len(columns), 2), np.nan)
    visible = np.zeros(len(columns), bool)
    for i in np.flatnonzero(inside):
        offset = stock - surface_source[rows[i], columns[i]].astype(np.float32)
        distance = np.einsum("pk,pk->p", offset, offset)
        best = distance.argmin()
        carried[i] = target_columns[best], target_rows[best]
        visible[i] = distance[best] <= tolerance**2
    return carried, visible
