"""Renders one room: picture, layout corners, and which surface each pixel shows."""

from typing import Any, NamedTuple

import numpy as np

from data_pipelines.rendered.engine.draws import Drawn, check
from data_pipelines.rendered.engine.film import SAMPLES, developed
from data_pipelines.rendered.rooms.camera import Room, draw_view, generator, keypoints
from data_pipelines.rendered.rooms.furniture import Piece, furnish
from data_pipelines.rendered.rooms.materials import Material, flooring, painted, wall_paint, wood
from data_pipelines.rendered.rooms.tracing import Hits, blocked, trace

SURFACES = ("floor", "ceiling", "far_wall", "left_wall", "right_wall", "furniture")
# Surface of the room's box by axis and side.
SIDES = np.array([[3, 4], [0, 1], [2, 2]])
SKIRTING = 0.09  # metres
FACES = np.array([[2, 1], [0, 2], [0, 1]])  # the axes (u, v) of a face by the axis of its normal
SOFT = 0.08  # metres: how large lamps are, for their shadows
REACH = 2.2  # metres: where the light of a lamp is half as strong


class Interior(NamedTuple):
    """A furnished room before its camera."""

    room: Room
    pieces: list[Piece]
    shell: list  # materials of the SURFACES of the room, and of its skirting
    lights: list[tuple]  # position [3] and colour [3] of each
    view: Drawn


def build(split: str, index: int, seed: int) -> Interior:
    """The scene of a picture."""
    rng = generator(seed, split, "room", index)
    room = Room(rng.uniform(2.8, 5.0), rng.uniform(2.3, 3.0), rng.uniform(3.4, 5.5))
    walls = wall_paint(rng)
    ceiling = walls._replace(colour=np.full(3, rng.uniform(0.55, 0.9)), pattern="plain")
    others = [walls if rng.uniform() < 0.75 else wall_paint(rng) for _ in range(3)]
    shell = [flooring(rng), ceiling, *others, wood(rng)]
    view = draw_view(generator(seed, split, "view", index), room)
    pieces, window = furnish(generator(seed, split, "furniture", index), room, view.camera.eye)
    lights = [(view.lamp, view.lamp_light)]
    if window is not None:
        lights.append((window, view.window_light))
    return Interior(room, pieces, shell, lights, view)


def look(scene: Interior, side: int) -> Hits:
    """What side x side pixels show."""
    camera = scene.view.camera
    return trace(camera.eye[:, None], camera.rays(side), scene.room, scene.pieces)


def _surfaces(hits: Hits):
    """Position in SURFACES of what each ray meets [p]."""
    axis = np.abs(hits.normals).argmax(0)
    side = (hits.normals.sum(0) < 0).astype(int)  # the normal of a high side points down the axis
    return np.where(hits.pieces < 0, SIDES[axis, side], SURFACES.index("furniture"))


def _albedo(scene: Interior, hits: Hits):
    """Colour [3, p] and glow [p] of the points that the rays meet."""
    points = hits.points
    colour, glow = np.zeros(points.shape, np.float32), np.zeros(points.shape[1], np.float32)
    axis, shown = np.abs(hits.normals).argmax(0), _surfaces(hits) + np.maximum(hits.pieces, 0)
    things: list[tuple[Material, Any]] = [(what, scene.room) for what in scene.shell[:-1]]
    things += [(piece.material, piece) for piece in scene.pieces]
    for number, (what, box) in enumerate(things):
        for face in range(3):
            at = np.flatnonzero((shown == number) & (axis == face))
            if len(at):
                plane = FACES[face]
                u, v = points[plane][:, at]
                colour[:, at] = painted(what, u, v, box.low[plane], box.high[plane])
                glow[at] = what.glow
    foot = (hits.pieces < 0) & (axis != 1) & (points[1] < SKIRTING)
    colour[:, foot] = np.asarray(scene.shell[-1].colour, np.float32)[:, None]
    return colour, glow


def _light_of(scene: Interior, hits: Hits, rng):
    """Light on the points that the rays meet [3, p]; furniture throws soft shadows."""
    points, room = hits.points, scene.room
    away = np.minimum(points - room.low[:, None], room.high[:, None] - points)
    # Less light reaches the corners.
    openness = np.prod(1 - 0.3 * np.exp(-np.maximum(away, 0) / 0.25), axis=0) / 0.7
    total = scene.view.ambient[:, None] * openness
    for place, colour in scene.lights:
        toward = place[:, None] - points
        distance = np.linalg.norm(toward, axis=0)
        slope = np.clip((toward * hits.normals).sum(0) / distance, 0, None)
        lamp = place[:, None] + SOFT * rng.standard_normal(points.shape, np.float32)
        seen = ~blocked(points + 0.01 * hits.normals, lamp, scene.pieces)
        strength = 2 * slope * seen / (1 + (distance / REACH) ** 2)
        total = total + colour[:, None] * strength
    return total


def render_room(split: str, index: int, *, size: int = 64, seed: int = 0) -> dict[str, np.ndarray]:
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
    check(split, index, size)
    scene, film = build(split, index, seed), generator(seed, split, "film", index)
    hits = look(scene, SAMPLES * size)
    colour, glow = _albedo(scene, hits)
    light = (colour * (_light_of(scene, hits, film) + glow)).astype(np.float32)
    light *= scene.view.exposure / np.minimum(light, 1.5).mean()
    points, shares, valid = keypoints(scene.room, scene.view.camera)
    hidden = blocked(scene.view.camera.eye[:, None], points, scene.pieces)
    return {
        "image": developed(light, size, scene.view.film, film),
        "keypoints": np.where(valid, shares * size - 0.5, 0).T.astype(np.float32),
        "keypoint_valid": valid,
        "visible": valid & ~hidden,
        "surface": _surfaces(look(scene, size)).reshape(size, size).astype(np.uint8),
    }
