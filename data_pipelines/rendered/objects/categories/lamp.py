"""Desk lamps: a base, two arms, a shade."""

from dataclasses import dataclass

import numpy as np

from data_pipelines.rendered.engine.draws import degrees, uniform
from data_pipelines.rendered.objects.categories import Drawn
from data_pipelines.rendered.objects.lofts import CLOSED, X, Y, Z, ball, bar, lathe

RIM, RIGHT, FRONT, LEFT, BACK = 7, 0, 4, 8, 12


@dataclass(frozen=True)
class Shape(Drawn):
    """Lengths share one unit, angles in radians; `dome`, `foot`, `joint` and `neck` are shares."""

    base: float = uniform(0.13, 0.25)
    base_height: float = uniform(0.02, 0.09)
    dome: float = uniform(0.3, 0.95)
    foot: float = uniform(-0.5, 0.3)
    lower: float = uniform(0.3, 0.6)
    lean: float = degrees(-12, 38)
    upper: float = uniform(0.22, 0.5)
    rise: float = degrees(-5, 65)
    thick: float = uniform(0.014, 0.03)
    joint: float = uniform(1.3, 2.2)
    shade: float = uniform(0.17, 0.32)
    neck: float = uniform(0.25, 0.75)
    mouth: float = uniform(0.11, 0.22)
    bell: float = uniform(-0.35, 0.35)  # share of the radius
    dip: float = degrees(30, 95)
    aside: float = degrees(-15, 30)


def build(s: Shape) -> dict[str, np.ndarray]:
    """The parts of one lamp."""
    shares = np.array([0, 0, 0, 0.35, 0.75, 1, 1, 1])
    radii = s.base * np.array([CLOSED, 1, 1, 1, 0.97, s.dome, s.dome, CLOSED])
    foot = np.array([s.foot * s.base, s.base_height, 0])
    elbow = foot + s.lower * (np.cos(s.lean) * Y - np.sin(s.lean) * X)
    end = elbow + s.upper * (np.sin(s.rise) * Y + np.cos(s.rise) * X)
    thick = 0.9 * s.thick
    return {
        "base": lathe(Y, X, 0 * Y, s.base_height * shares, radii),
        "lower": bar(np.linspace(foot - 0.01 * Y, elbow, 6), s.thick, s.thick, side=Z),
        "elbow": ball(elbow, Z, Y, s.joint * s.thick),
        "upper": bar(np.linspace(elbow, end, 6), thick, thick, side=Z),
        **_shade_and_bulb(s, end),
    }


def _shade_and_bulb(s: Shape, end):
    """The shade goes out from the apex, round the rim, and in again."""
    level = np.cos(s.aside) * X + np.sin(s.aside) * Z
    way = np.cos(s.dip) * level - np.sin(s.dip) * Y  # to the mouth
    side = np.sin(s.dip) * level + np.cos(s.dip) * Y  # away from the foot
    apex = end - 0.25 * s.shade * way
    outer, inner = np.array([0, 0, 0, 0.25, 0.5, 0.75, 1]), np.array([1, 1, 0.6, 0.25, 0.2, 0.2])
    shares = np.concatenate([outer, inner])
    radii = s.mouth * (s.neck + (1 - s.neck) * shares)
    radii *= 1 + s.bell * np.sin(np.pi * shares)
    radii[len(outer) + 1 :] *= 0.93
    radii[0] = radii[-1] = 0.003
    bulb = ball(apex + 0.7 * s.shade * way, way, side, 0.4 * s.mouth, 8)
    return {"shade": lathe(way, side, apex, s.shade * shares, radii), "bulb": bulb}


CELLS = {
    "lower": [("arm",)],
    "upper": [("arm",)],
    "elbow": [("joint",)],
    "shade": [("shade", 0, RIM), ("inside", RIM)],
    "bulb": [("bulb",)],
}
MATERIALS = {
    "base": "paint", "arm": "metal", "joint": "any", "shade": "like", "inside": "light",
    "bulb": "light",
}  # fmt: skip
KEYPOINTS = {
    "base_front": ("base", 3, FRONT),
    "base_left": ("base", 3, LEFT),
    "base_right": ("base", 3, RIGHT),
    "foot": ("lower", 2, 0),
    "elbow": ("elbow", 6, 0),
    "shade_apex": ("shade", 0, 0),
    "rim_far": ("shade", RIM, 0),
    "rim_near": ("shade", RIM, 8),
    "rim_front": ("shade", RIM, 12),
    "rim_back": ("shade", RIM, 4),
}
YAW, PITCH, STANDS = -10, (0, 30), True
