"""Renders one room: picture, layout corners, and which surface each pixel shows."""

from typing import NamedTuple

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.rendered_rooms.camera import keypoints, rays
from data_pipelines.rendered_rooms.furniture import Piece, furnish
from data_pipelines.rendered_rooms.materials import flooring, painted, wall_paint, wood
from data_pipelines.rendered_rooms.parameters import Room, draw_room, draw_view, generator
from data_pipelines.rendered_rooms.tracing import blocked, trace
from data_pipelines.rendering.draws import SPLITS
from data_pipelines.rendering.film import developed, halved

SAMPLES = 2  # along each side of a pixel
SURFACES = ("floor", "ceiling", "far_wall", "left_wall", "right_wall", "furniture")
# Surface of the room's box by axis and side.
SIDES = np.array([[3, 4], [0, 1], [2, 2]])
SKIRTING = 0.09  # metres
FACES = np.array([[2, 1], [0, 2], [0, 1]])  # the axes (u, v) of a face by the axis of its normal
SOFT = 0.08  # metres: how large lamps are, for their shadows
REACH = 2.2  # metres: where the light of a lamp is half as strong


class Scene(NamedTuple):
    """A furnished room before its camera."""

    room: Room
    pieces: list[Piece]
    shell: list  # materials of the SURFACES of the room, and of its skirting
    lights: list[tuple]  # position [3] and colour [3] of each
    view: dict


def checked(split, index, size):
    """Refuses what cannot be.

    Raises:
      DataError: names the argument.
    """
    if split not in SPLITS:
        raise DataError(f"split: expected one of {SPLITS}, got {split!r}")
    if index < 0 or size < 16:
        raise DataError(f"expected index >= 0 and size >= 16, got index {index}, size {size}")


def build(split, index, seed):
    """The scene of a picture."""
    rng = generator(seed, split, "room", index)
    room = draw_room(rng)
    walls = wall_paint(rng)
    ceiling = walls._replace(colour=np.full(3, rng.uniform(0.55, 0.9)), pattern="plain")
    others = [walls if rng.uniform() < 0.75 else wall_paint(rng) for _ in range(3)]
    shell = [flooring(rng), ceiling, *others, wood(rng)]
    view = draw_view(generator(seed, split, "view", index), room)
    pieces, window = furnish(generator(seed, split, "furniture", index), room, view["eye"])
    lights = [(view["lamp"], view["lamp_light"])]
    if window is not None:
        lights.append((window, view["window_light"]))
    return Scene(room, pieces, shell, lights, view)


def look(scene, side):
    """What side x side pixels show."""
    return trace(scene.view["eye"][:, None], rays(scene.view, side), scene.room, scene.pieces)


def surfaces(hits):
    """Position in SURFACES of what each ray meets [p]."""
    axis = np.abs(hits.normals).argmax(0)
    side = (hits.normals.sum(0) < 0).astype(int)  # the normal of a high side points down the axis
    return np.where(hits.pieces < 0, SIDES[axis, side], SURFACES.index("furniture"))


def albedo(scene, hits):
    """Colour [3, p] and glow [p] of the points that the rays meet."""
    points = hits.points
    colour, glow = np.zeros(points.shape, np.float32), np.zeros(points.shape[1], np.float32)
    axis, shown = np.abs(hits.normals).argmax(0), surfaces(hits)
    everything = [
        *((shown == number, what, scene.room) for number, what in enumerate(scene.shell[:-1])),
        *((hits.pieces == n, piece.material, piece) for n, piece in enumerate(scene.pieces)),
    ]
    for here, what, box in everything:
        for face in range(3):
            at = np.flatnonzero(here & (axis == face))
            if len(at):
                plane = FACES[face]
                u, v = points[plane][:, at]
                colour[:, at] = painted(what, u, v, box.low[plane], box.high[plane])
                glow[at] = what.glow
    foot = (hits.pieces < 0) & (axis != 1) & (points[1] < SKIRTING)
    colour[:, foot] = np.asarray(scene.shell[-1].colour, np.float32)[:, None]
    return colour, glow


def openness(room, points):
    """Less light reaches the corners of a room [p]."""
    away = np.minimum(points - room.low[:, None], room.high[:, None] - points)
    return np.prod(1 - 0.3 * np.exp(-np.maximum(away, 0) / 0.25), axis=0) / 0.7


def light_of(scene, hits, rng):
    """Light on the points that the rays meet [3, p]; furniture throws soft shadows."""
    points = hits.points
    total = scene.view["ambient"][:, None] * openness(scene.room, points)
    for place, colour in scene.lights:
        toward = place[:, None] - points
        distance = np.linalg.norm(toward, axis=0)
        slope = np.clip((toward * hits.normals).sum(0) / distance, 0, None)
        lamp = place[:, None] + SOFT * rng.standard_normal(points.shape, np.float32)
        seen = ~blocked(points + 0.01 * hits.normals, lamp, scene.pieces)
        strength = 2 * slope * seen / (1 + (distance / REACH) ** 2)
        total = total + colour[:, None] * strength
    return total


def draw_picture(scene, size, rng):
    """The picture, uint8 [size, size, 3]."""
    side = SAMPLES * size
    hits = look(scene, side)
    colour, glow = albedo(scene, hits)
    linear = colour * (light_of(scene, hits, rng) + glow)
    linear = linear.reshape(3, side, side).astype(np.float32)
    linear *= scene.view["exposure"] / np.minimum(linear, 1.5).mean()
    return developed(halved(linear), scene.view, rng)


def render_room(split, index, *, size=64, seed=0):
    """Renders picture `index` of a split; a pure function of its arguments.

    Every picture shows another room.

    Args:
      split: 'train', 'validation' or 'test'; their rooms come from disjoint random streams.
      index: 0 or more; there is no end.
      size: width and height in pixels; changes the sampling, not the room.
      seed: another seed is another population.

    Returns:
      `image`: uint8 [size, size, 3].
      `keypoints`: float32 [8, 2], (x, y) in pixels, centres at integers; 0 where not in the
        picture; in the order of KEYPOINT_NAMES.
      `keypoint_valid`: bool [8], inside the picture.
      `visible`: bool [8], inside the picture and not hidden by furniture.
      `surface`: uint8 [size, size], position in SURFACES of what the centre of the pixel shows.

    Raises:
      DataError: for an unknown split, a negative index or a size below 16.
    """
    checked(split, index, size)
    scene = build(split, index, seed)
    points, shares, valid = keypoints(scene.room, scene.view)
    hidden = blocked(scene.view["eye"][:, None], points, scene.pieces)
    return {
        "image": draw_picture(scene, size, generator(seed, split, "film", index)),
        "keypoints": np.where(valid, shares * size - 0.5, 0).T.astype(np.float32),
        "keypoint_valid": valid,
        "visible": valid & ~hidden,
        "surface": surfaces(look(scene, size)).reshape(size, size).astype(np.uint8),
    }
