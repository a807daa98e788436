"""The box of a room, its camera and lamps as they are drawn, and where its corners are seen."""

import functools
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine.draws import Drawn, draw_film, stream_of
from data_pipelines.rendered.engine.film import looking

# (seed, split, stream, index) -> the random numbers of one stream of one picture.
generator = functools.partial(stream_of, ("room", "furniture", "view", "light", "film"))
WARM = np.array([1, 0.2, -1])  # from neutral to yellow
NEAREST = 0.05  # metres
# The sides that meet the far wall in the corners: of x (left, right) and of y (floor, ceiling).
CORNERS = {
    "floor_left": (0, 0), "floor_right": (1, 0), "ceiling_left": (0, 1), "ceiling_right": (1, 1)
}  # fmt: skip
KEYPOINT_NAMES = (*CORNERS, *(f"{name}_end" for name in CORNERS))


class Room(NamedTuple):
    """A box in metres: x from -width / 2 to width / 2, y up from the floor, z from the far wall."""

    width: float
    height: float
    depth: float

    @property
    def low(self) -> np.ndarray:
        """The corner of smallest coordinates [3]."""
        return np.array([-self.width / 2, 0, 0])

    @property
    def high(self) -> np.ndarray:
        """The corner of largest coordinates [3]."""
        return np.array([self.width / 2, self.height, self.depth])


class Camera(Drawn):
    """A camera that looks along -z when yaw, pitch and roll, in radians, are 0."""

    @property
    def matrix(self) -> np.ndarray:
        """From the axes of the room to those of the camera [3, 3]."""
        return looking(self.yaw, self.pitch, self.roll)

    def rays(self, side: int) -> np.ndarray:
        """Directions [3, side * side] of the pixels of a picture, one metre along the axis."""
        share = (np.arange(side) + 0.5) / side - 0.5
        x, y = np.meshgrid(share, -share)
        flat = np.stack([x.ravel(), y.ravel()]) / self.focal
        return self.matrix.T @ np.concatenate([flat, np.full((1, side * side), -1)])

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points [3, n] of the room in shares of the picture [2, n], y down."""
        x, y, z = self.matrix @ (points - self.eye[:, None])
        away = np.maximum(-z, NEAREST)
        return np.stack([0.5 + self.focal * x / away, 0.5 - self.focal * y / away])


def draw_view(rng: Generator, room: Room) -> Drawn:
    """A camera in the nearer part of the room that looks at the far wall, and the light.

    Lengths are metres, light is linear [3].
    """
    share = np.array([rng.uniform(-0.3, 0.3), 0, rng.uniform(0.78, 0.96)])
    toward = -0.5 * share[0] + rng.normal(0, 0.16)
    return Drawn(
        camera=Camera(
            eye=share * room.high * [2, 0, 1] + [0, rng.uniform(1.15, 1.75), 0],
            yaw=float(np.clip(toward, -0.4, 0.4)),
            pitch=float(np.clip(rng.normal(-0.06, 0.07), -0.22, 0.1)),
            roll=rng.normal(0, 0.02),
            focal=0.5 / np.tan(np.radians(rng.uniform(64, 92)) / 2),
        ),
        lamp=room.high * [0, 1, rng.uniform(0.35, 0.65)] - [0, rng.uniform(0.25, 0.5), 0],
        lamp_light=rng.uniform(0.1, 1.0) * (1 + rng.uniform(-0.05, 0.2) * WARM),
        window_light=rng.uniform(0.2, 1.4) * (1 + rng.uniform(-0.2, 0.1) * WARM),
        ambient=rng.uniform(0.3, 0.7) * (1 + rng.normal(0, 0.05, 3)),
        exposure=rng.uniform(0.14, 0.34),  # mean light of the picture
        film=draw_film(rng),
    )


def keypoints(room: Room, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The layout: points of the room [3, 8], shares of the picture [2, 8] and which are in it [8].

    Four corners of the far wall, then the points where the edges that begin there leave the
    picture on their way to the camera.
    """
    sides = np.stack([room.low, room.high])
    corners = np.array([[sides[x, 0], sides[y, 1], 0.0] for x, y in CORNERS.values()]).T
    found = [visible_part(corner, camera, room.depth) for corner in corners.T]
    starts, ends, there = (np.array(values) for values in zip(*found, strict=True))
    nearer = corners + np.array([[0], [0], [1]]) * ends
    points = np.concatenate([corners, nearer], axis=1)
    valid = np.concatenate([there & (starts == 0), there])
    return points, camera.project(points), valid


def visible_part(corner: np.ndarray, camera: Camera, depth: float) -> tuple[float, float, bool]:
    """From where to where the edge from a corner [3] towards the camera is in the picture."""
    matrix = camera.matrix
    begin, along = matrix @ (corner - camera.eye), matrix @ np.array([0, 0, 1.0])
    # Half spaces a + b t >= 0: before the camera, and inside the four borders.
    f, first, last = camera.focal, 0.0, depth
    sides = [[0, 0, -1], [f, 0, -0.5], [-f, 0, -0.5], [0, f, -0.5], [0, -f, -0.5]]
    for side, least in zip(np.array(sides), (NEAREST, 0, 0, 0, 0), strict=True):
        a, b = side @ begin - least, side @ along
        if b > 0:
            first = max(first, -a / b)
        elif b < 0:
            last = min(last, -a / b)
        elif a < 0:
            return 0.0, 0.0, False
    return (first, last, True) if first < last else (0.0, 0.0, False)
