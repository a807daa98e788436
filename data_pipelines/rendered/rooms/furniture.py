"""What stands in a room, as boxes along its walls and ellipsoids; lengths in metres."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine.draws import any_colour
from data_pipelines.rendered.rooms.camera import Room
from data_pipelines.rendered.rooms.materials import Material, cloth, material, painting, wood

WALLS = ("far", "left", "right")
TRIES = 12
GAP = 0.06  # between two things
CAMERA = 0.4, 0.9  # kept free around the camera, and before it
# Least and largest width, depth and height.
CABINETS = {
    "panels": ([0.9, 0.5, 1.75], [2.0, 0.65, 2.25]),
    "drawers": ([0.7, 0.38, 0.65], [1.4, 0.5, 1.0]),
}


class Piece(NamedTuple):
    """A box, or the ellipsoid in it, along the axes of the room."""

    low: np.ndarray  # [3]
    high: np.ndarray  # [3]
    material: Material
    is_round: bool = False


class Layout:
    """A room that fills up: nothing stands in something else or before the camera."""

    def __init__(self, room: Room, eye: np.ndarray):
        self.room = room
        self.pieces: list[Piece] = []
        x, _, z = eye
        low, high = [x - CAMERA[0], 0, z - CAMERA[1]], [x + CAMERA[0], 9, room.depth]
        self.taken = [(np.array(low), np.array(high))]

    def find(
        self, rng: Generator, walls: tuple[str, ...], width: float, up: tuple, out: tuple
    ) -> "Place | None":
        """A free place of a width on one of some walls, or None; it is taken."""
        for _ in range(TRIES):
            wall = walls[rng.integers(len(walls))]
            half = self.room.width / 2
            first, last = (-half, half) if wall == "far" else (0, self.room.depth)
            if last - first - width < 2 * GAP:
                continue
            place = Place(self, wall, rng.uniform(first + GAP, last - width - GAP))
            if place.take((0, width), up, out):
                return place
        return None


class Place(NamedTuple):
    """A wall, and where along it something begins."""

    layout: Layout
    wall: str
    start: float

    def box(self, along: tuple, up: tuple, out: tuple) -> np.ndarray:
        """Corners [2, 3] of a box: along the wall from `start`, up, and out of the wall."""
        (a0, a1), (o0, o1) = np.add(self.start, along), out
        side = self.layout.room.width / 2
        x, z = {
            "far": ((a0, a1), (o0, o1)),
            "left": ((o0 - side, o1 - side), (a0, a1)),
            "right": ((side - o1, side - o0), (a0, a1)),
        }[self.wall]
        return np.array([x, up, z]).T

    def take(self, along: tuple, up: tuple, out: tuple) -> bool:
        """Whether a box is free and inside the room; if so, it no longer is."""
        (low, high), room, taken = self.box(along, up, out), self.layout.room, self.layout.taken
        if (low < room.low - 1e-6).any() or (high > room.high).any():
            return False
        if any((low < b + GAP).all() and (high > a - GAP).all() for a, b in taken):
            return False
        taken.append((low, high))
        return True

    def put(self, along: tuple, up: tuple, out: tuple, what: Material, is_round: bool = False):
        """Puts a box of a material here, or the ellipsoid in it."""
        low, high = self.box(along, up, out)
        self.layout.pieces.append(Piece(low, high, what, is_round))


def _put_bed(rng, layout):
    """A bed with its head at a wall, pillows, and lamps on stands beside it."""
    width, length, height = rng.uniform([0.95, 1.95, 0.36], [1.85, 2.15, 0.56])
    head = rng.uniform(0.85, 1.3)
    walls = ("far", "far", "left", "right")
    place = layout.find(rng, walls, width, (0, head), (0, length))
    if place is None:
        return
    sheet, blanket, frame = (draw(rng) for draw in (cloth, cloth, wood))
    fold = rng.uniform(0.55, 0.8)
    place.put((0, width), (0.08, 0.6 * height), (0, length), frame)
    place.put((0, width), (0, head), (0, 0.06), frame)
    place.put((0.03, width - 0.03), (0.6 * height, height), (0.06, length - 0.02), sheet)
    place.put((0, width), (0.45 * height, height + 0.05), (fold, length + 0.01), blanket)
    pillows = 2 if width > 1.3 else 1
    each, case, up = (width - 0.1) / pillows, cloth(rng), (height - 0.04, height + 0.16)
    for k in range(pillows):
        along = 0.05 + k * each, 0.05 + (k + 1) * each - 0.04
        place.put(along, up, (0.1, 0.52), case, is_round=True)
    _put_stands(rng, layout, place, width)


def _put_stands(rng, layout, bed, bed_width):
    """Night stands on the sides of a bed, with lamps."""
    width, depth, height = rng.uniform([0.36, 0.32, 0.4], [0.52, 0.42, 0.6])
    what, shade = wood(rng, "drawers", pitch=0.2), material(rng, any_colour(rng, 0.6, 0.95) ** 2)
    shade = shade._replace(glow=rng.uniform(0.3, 1.5))
    foot = material(rng, any_colour(rng, 0.1, 0.7) ** 2)
    tall, wide = rng.uniform([0.2, 0.1], [0.32, 0.16])

    def around(half, up):
        """A box around the middle of a stand: along, up, out."""
        return (width / 2 - half, width / 2 + half), up, (depth / 2 - half, depth / 2 + half)

    for start in (bed.start - width - 2 * GAP, bed.start + bed_width + 2 * GAP):
        place = bed._replace(start=start)
        top = height + tall + 0.22
        if rng.uniform() < 0.7 and place.take((0, width), (0, top), (0, depth)):
            place.put((0, width), (0, height), (0, depth), what)
            place.put(*around(0.02, (height, height + tall)), foot)
            place.put(*around(wide, (height + tall - 0.04, top)), shade)


def _put_window(rng, layout):
    """A window, most with curtains; where its light comes from."""
    width, tall, sill = rng.uniform([0.8, 0.95, 0.75], [1.9, 1.4, 1.0])
    tall = min(tall, layout.room.height - sill - 0.2)
    drawn = rng.uniform() < 0.65
    cloth_width = rng.uniform(0.2, 0.4) if drawn else 0
    whole = width + 2 * cloth_width
    place = layout.find(rng, WALLS, whole, (sill - 0.1, sill + tall + 0.1), (0, 0.2))
    if place is None:
        return None
    a, b = cloth_width, cloth_width + width
    frame = material(rng, rng.uniform(0.6, 0.9) * np.ones(3))
    sky = material(rng, np.array([0.75, 0.82, 0.85]) * rng.uniform(0.7, 1.1), "sky", amount=0.7)
    sky = sky._replace(other=np.array([0.5, 0.7, 0.95]), glow=rng.uniform(1.0, 2.6))
    up = sill, sill + tall
    place.put((a, b), up, (0, 0.04), frame)
    place.put((a + 0.06, b - 0.06), (sill + 0.06, up[1] - 0.06), (0, 0.045), sky)
    place.put((a - 0.05, b + 0.05), (sill - 0.04, sill), (0, 0.12), frame)
    for k in range(1, int(rng.integers(1, 4))):
        at = a + width * k / 2 if width < 1.3 else a + width * k / 3
        place.put((at - 0.025, at + 0.025), up, (0, 0.06), frame)
    if drawn:
        colour = any_colour(rng, 0.3, 0.95) ** 2
        folds = material(rng, colour, "stripes", pitch=rng.uniform(0.05, 0.09), amount=0.5)
        folds = folds._replace(other=0.55 * colour)
        low = 0.05 if rng.uniform() < 0.6 else sill - 0.08
        for along in ((0, a + 0.08), (b - 0.08, whole)):
            place.put(along, (low, up[1] + 0.1), (0.06, 0.14), folds)
    low, high = place.box((a, b), up, (0.3, 0.4))
    return (low + high) / 2


def _put_cabinet(rng, layout, pattern):
    """A wardrobe of panels, or a chest of drawers."""
    width, depth, height = rng.uniform(*CABINETS[pattern])
    whole = width if pattern == "panels" else height
    what = wood(rng, pattern, pitch=whole / rng.integers(2, 5), amount=0.7)
    place = layout.find(rng, WALLS, width, (0, height), (0, depth))
    if place is not None:
        place.put((0, width), (0, height), (0, depth), what)


def _put_picture(rng, layout):
    """A framed picture."""
    width, tall, middle = rng.uniform([0.35, 0.3, 1.4], [1.0, 0.75, 1.75])
    up = middle - tall / 2, middle + tall / 2
    place = layout.find(rng, WALLS, width, up, (0, 0.05))
    if place is None:
        return
    frame, rim = wood(rng), rng.uniform(0.03, 0.07)
    place.put((0, width), up, (0, 0.03), frame)
    place.put((rim, width - rim), (up[0] + rim, up[1] - rim), (0, 0.035), painting(rng))


def _put_door(rng, layout):
    """A door."""
    width, tall = rng.uniform([0.75, 1.95], [0.95, 2.1])
    place = layout.find(rng, WALLS, width + 0.16, (0, tall + 0.08), (0, 0.05))
    if place is None:
        return
    frame, leaf = wood(rng), wood(rng)
    knob = material(rng, np.full(3, 0.3))
    place.put((0, width + 0.16), (0, tall + 0.08), (0, 0.02), frame)
    place.put((0.08, width + 0.08), (0.01, tall), (0, 0.035), leaf)
    place.put((width - 0.02, width + 0.02), (1.0, 1.04), (0, 0.09), knob)


def _put_rug(rng, layout):
    """A rug, under whatever stands there."""
    room = layout.room
    half = rng.uniform([0.5, 0.4], [0.35 * room.width, 0.3 * room.depth])
    x, z = rng.uniform(-0.1, 0.1) * room.width, rng.uniform(0.4, 0.6) * room.depth
    low, high = np.array([x - half[0], 0, z - half[1]]), np.array([x + half[0], 0.012, z + half[1]])
    layout.pieces.append(Piece(low, high, cloth(rng)))


CHANCES = (
    (0.75, _put_cabinet, "panels"),
    (0.6, _put_cabinet, "drawers"),
    (0.7, _put_picture),
    (0.4, _put_picture),
    (0.4, _put_door),
    (0.5, _put_rug),
)


def furnish(rng: Generator, room: Room, eye: np.ndarray) -> tuple[list[Piece], np.ndarray | None]:
    """All pieces [n], and where the light of the window comes from [3] or None."""
    layout = Layout(room, eye)
    _put_bed(rng, layout)
    window = _put_window(rng, layout)
    for chance, put, *what in CHANCES:
        if rng.uniform() < chance:
            put(rng, layout, *what)
    return layout.pieces, window
