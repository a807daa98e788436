"""Chairs: four legs, a seat, a back between posts, some with arms."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine.draws import sampled, uniform
from data_pipelines.rendered.objects.categories import Drawn, both
from data_pipelines.rendered.objects.lofts import (
    X,
    Y,
    bar,
    capped,
    curve,
    end_scales,
    loft,
    superellipse,
)

ARMS = ("arm_left", "arm_right")


@dataclass(frozen=True)
class Shape(Drawn):
    """Metres; `narrow`, `back_width`, `leg_taper` are shares, `square`, `leg_power` exponents."""

    width: float = uniform(0.19, 0.3)
    depth: float = uniform(0.19, 0.27)
    height: float = uniform(0.36, 0.52)
    thick: float = uniform(0.02, 0.075)
    square: float = uniform(3.0, 9.0)
    narrow: float = uniform(0.75, 1.0)
    back: float = uniform(0.3, 0.62)
    gap: float = sampled(lambda rng: rng.uniform(0.0, 0.22) * (rng.uniform() < 0.65))
    lean: float = uniform(0.02, 0.16)
    hollow: float = uniform(0.0, 0.07)
    back_width: float = uniform(0.8, 1.08)
    back_thick: float = uniform(0.012, 0.035)
    crest: float = uniform(-0.05, 0.08)
    leg: float = uniform(0.015, 0.032)
    leg_power: float = sampled(Generator.choice, [2.0, 6.0])
    leg_taper: float = uniform(0.5, 1.0)
    splay: float = uniform(0.0, 0.09)
    arm: float = uniform(0.14, 0.24)
    absent: tuple[str, ...] = sampled(lambda rng: () if rng.uniform() < 0.4 else ARMS)


def build(s: Shape) -> dict[str, np.ndarray]:
    """The parts of one chair."""
    return {
        "seat": _seat(s),
        "back": _back(s),
        **both("front", _leg(s, s.width, 1)),
        **both("rear", _leg(s, s.width * s.narrow, -1)),
        **both("post", _post(s)),
        **both("arm", _arm(s)),
    }


def _seat(s: Shape):
    heights = np.array([s.height - s.thick, s.height - 0.3 * s.thick, s.height])
    size, scale = np.array([0.96, 1.0, 0.95]), end_scales(3)
    across = capped(np.multiply.outer(s.width * size, X)) * scale
    ahead = capped(np.multiply.outer(s.depth * size, np.cross(X, Y))) * scale
    middles = capped(np.multiply.outer(heights, Y))
    part = loft(middles, across, ahead, superellipse(16, s.square))
    part[0] *= 1 - (1 - s.narrow) * (0.5 - part[2] / (2 * s.depth))  # narrower behind
    return part


def _back_line(s: Shape, share):
    """Middles of the back at shares of its height above the seat [m, 3]."""
    y = s.height + share * s.back
    z = -0.93 * s.depth - s.lean * np.maximum(share, 0) ** 1.3
    return np.stack([0 * share, y, z], -1)


def _back(s: Shape):
    low = s.gap / (s.gap + s.back)
    path = _back_line(s, np.linspace(low, 1.0, 7))
    half = s.width * s.narrow * (1 + (s.back_width - 1) * np.linspace(0, 1, 7))
    part = bar(path, half, s.back_thick, side=X, columns=16, power=6.0)
    bow = (part[0] / s.width) ** 2
    part[1] -= s.crest * bow * (part[1] - path[0, 1]) / s.back
    part[2] += s.hollow * (bow - 0.8)
    return part


def _post(s: Shape):
    path = _back_line(s, np.linspace(-0.05, 0.6, 5))
    path[:, 0] = 0.78 * s.width * s.narrow
    path[:, 2] += 0.3 * s.hollow * np.linspace(0, -1, 5)
    return bar(path, 0.8 * s.leg, 0.6 * s.back_thick, side=X, power=s.leg_power)


def _leg(s: Shape, width, sign):
    x, z = 0.86 * width, 0.84 * s.depth
    foot = [x + 0.6 * s.splay, 0, sign * (z + s.splay)]
    path = np.linspace([x, s.height - 0.3 * s.thick, sign * z], foot, 5)
    radius = s.leg * np.linspace(1, s.leg_taper, 5)
    return bar(path, radius, radius, side=X, power=s.leg_power)


def _arm(s: Shape):
    x, top, z = s.width + 0.01, s.height + s.arm, s.depth
    behind = _back_line(s, np.array([s.arm / s.back]))[0, 2]
    front = [[x, top - 0.04, 0.78 * z], [x - 0.01, s.height - 0.01, 0.72 * z]]
    path = curve([[x, top, behind], [x, top + 0.01, 0], [x, top, 0.62 * z], *front], 10)
    return bar(path, 1.1 * s.leg, 0.8 * s.leg, side=X, power=s.leg_power)


FRAME = tuple(f"{name}_{side}" for name in ("front", "rear", "post") for side in ("left", "right"))
CELLS = {
    "back": [("back",)],
    **dict.fromkeys(FRAME, [("frame",)]),
    **dict.fromkeys(ARMS, [("arm",)]),
}
MATERIALS = {"seat": "paint", "frame": "any", "back": "like", "arm": "like"}
KEYPOINTS = {
    "back_top_left": ("back", 8, 6),
    "back_top_right": ("back", 8, 2),
    "seat_front_left": ("seat", 4, 6),
    "seat_front_right": ("seat", 4, 2),
    "seat_rear_left": ("seat", 4, 10),
    "seat_rear_right": ("seat", 4, 14),
    "front_left_foot": ("front_left", 6, 2),
    "front_right_foot": ("front_right", 6, 6),
    "rear_left_foot": ("rear_left", 6, 2),
    "rear_right_foot": ("rear_right", 6, 6),
}
YAW, PITCH, STANDS = 30, (0, 30), True
