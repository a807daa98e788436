"""What is drawn at random for each picture: the room's box, its camera and lamps."""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine.draws import Film, Single, drawn, stream_of
from data_pipelines.rendered.engine.film import looking

# (seed, split, stream, index) -> the random numbers of one stream of one picture.
generator = functools.partial(stream_of, ("room", "furniture", "view", "light", "film"))
WARM = np.array([1, 0.2, -1])  # from neutral to yellow


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


@dataclass(frozen=True)
class Camera(Single):
    """A camera that looks along -z when its angles, in radians, are 0."""

    eye: np.ndarray  # metres [3]
    yaw: float
    pitch: float
    roll: float
    focal: float  # shares of the picture

    @property
    def matrix(self) -> np.ndarray:
        """From the axes of the room to those of the camera [3, 3]."""
        return looking(self.yaw, self.pitch, self.roll)


@dataclass(frozen=True)
class View(Single):
    """Camera, lamps and film of one picture; colours are linear light [3]."""

    camera: Camera
    lamp: np.ndarray  # where it hangs, metres [3]
    lamp_light: np.ndarray
    window_light: np.ndarray
    ambient: np.ndarray
    exposure: float  # mean light of the picture
    film: Film


def draw_room(rng: Generator) -> Room:
    """Width, height and depth."""
    return Room(rng.uniform(2.8, 5.0), rng.uniform(2.3, 3.0), rng.uniform(3.4, 5.5))


def draw_view(rng: Generator, room: Room) -> View:
    """A camera in the nearer part of the room that looks at the far wall, and the light."""
    share = np.array([rng.uniform(-0.3, 0.3), 0, rng.uniform(0.78, 0.96)])
    toward = -0.5 * share[0] + rng.normal(0, 0.16)
    return View(
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
        exposure=rng.uniform(0.14, 0.34),
        film=drawn(rng, Film),
    )
