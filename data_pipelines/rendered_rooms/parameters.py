"""What is drawn at random for each picture: the room's box, its camera and lamps."""

from typing import NamedTuple

import numpy as np

from data_pipelines.rendering.draws import SPLITS, draw_film, seeded, single

STREAMS = ("room", "furniture", "view", "light", "film")


class Room(NamedTuple):
    """A box in metres: x from -width / 2 to width / 2, y up from the floor, z from the far wall."""

    width: float
    height: float
    depth: float

    @property
    def low(self):
        return np.array([-self.width / 2, 0, 0])

    @property
    def high(self):
        return np.array([self.width / 2, self.height, self.depth])


def generator(seed, split, stream, index):
    """The random numbers of one stream of one picture."""
    return seeded(seed, SPLITS.index(split), STREAMS.index(stream), index)


def draw_room(rng):
    """Width, height and depth."""
    return Room(
        float(rng.uniform(2.8, 5.0)), float(rng.uniform(2.3, 3.0)), float(rng.uniform(3.4, 5.5))
    )


def draw_view(rng, room):
    """Camera, lamps and film of one picture; angles in radians, lengths in metres.

    The camera stands in the nearer part of the room and looks at the far wall.
    """
    share = np.array([rng.uniform(-0.3, 0.3), 0, rng.uniform(0.78, 0.96)])
    toward = -0.5 * share[0] + rng.normal(0, 0.16)
    return single(
        {
            "eye": share * room.high * [2, 0, 1] + [0, rng.uniform(1.15, 1.75), 0],
            "yaw": float(np.clip(toward, -0.4, 0.4)),
            "pitch": float(np.clip(rng.normal(-0.06, 0.07), -0.22, 0.1)),
            "roll": float(rng.normal(0, 0.02)),
            "focal": 0.5 / np.tan(np.radians(rng.uniform(64, 92)) / 2),  # shares of the picture
            "lamp": room.high * [0, 1, rng.uniform(0.35, 0.65)] - [0, rng.uniform(0.25, 0.5), 0],
            "lamp_light": rng.uniform(0.1, 1.0) * (1 + rng.uniform(-0.05, 0.2) * warm()),
            "window_light": rng.uniform(0.2, 1.4) * (1 + rng.uniform(-0.2, 0.1) * warm()),
            "ambient": rng.uniform(0.3, 0.7) * (1 + rng.normal(0, 0.05, 3)),
            "exposure": float(rng.uniform(0.14, 0.34)),  # mean light of the picture
        }
        | draw_film(rng)
    )


def warm():
    """From neutral to yellow."""
    return np.array([1, 0.2, -1])
