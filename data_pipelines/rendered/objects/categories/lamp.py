"""Desk lamps: a base, two arms, a shade."""

import numpy as np
from numpy import s_

from data_pipelines.rendered.objects.categories import ALL, Shape, degrees, on
from data_pipelines.rendered.objects.lofts import CLOSED, X, Y, Z, ball, bar, lathe, turned

RIM, RIGHT, FRONT, LEFT = 7, 0, 4, 8

# Lengths share one unit; dome, foot, joint, neck and bell are shares.
SHAPE = (
    {"base": (0.13, 0.25), "base_height": (0.02, 0.09), "dome": (0.3, 0.95), "foot": (-0.5, 0.3)},
    {"lower": (0.3, 0.6), "lean": degrees(-12, 38)},
    {"upper": (0.22, 0.5), "rise": degrees(-5, 65)},
    {"thick": (0.014, 0.03), "joint": (1.3, 2.2)},
    {"shade": (0.17, 0.32), "neck": (0.25, 0.75), "mouth": (0.11, 0.22), "bell": (-0.35, 0.35)},
    {"dip": degrees(30, 95), "aside": degrees(-15, 30)},
)


def build(s: Shape) -> dict[str, np.ndarray]:
    """The parts of one lamp."""
    shares = np.array([0, 0, 0, 0.35, 0.75, 1, 1, 1])
    radii = s.base * np.array([CLOSED, 1, 1, 1, 0.97, s.dome, s.dome, CLOSED])
    foot = np.array([s.foot * s.base, s.base_height, 0])
    elbow = foot + s.lower * turned(Y, -X, s.lean)
    end = elbow + s.upper * turned(X, Y, s.rise)
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
    level = turned(X, Z, s.aside)
    way, side = turned(level, -Y, s.dip), turned(Y, level, s.dip)  # to the mouth, off the foot
    apex = end - 0.25 * s.shade * way
    outer, inner = np.array([0, 0, 0, 0.25, 0.5, 0.75, 1]), np.array([1, 1, 0.6, 0.25, 0.2, 0.2])
    shares = np.concatenate([outer, inner])
    radii = s.mouth * (s.neck + (1 - s.neck) * shares)
    radii *= 1 + s.bell * np.sin(np.pi * shares)
    radii[len(outer) + 1 :] *= 0.93
    radii[0] = radii[-1] = 0.003
    bulb = ball(apex + 0.7 * s.shade * way, way, side, 0.4 * s.mouth, 8)
    return {"shade": lathe(way, side, apex, s.shade * shares, radii), "bulb": bulb}


MATERIALS = {
    "base": ("paint",),
    "arm": ("metal", ("lower", ALL), ("upper", ALL)),
    "joint": ("any", ("elbow", ALL)),
    "shade": ("like", ("shade", s_[:RIM])),
    "inside": ("light", ("shade", s_[RIM:])),
    "bulb": ("light", ("bulb", ALL)),
}
KEYPOINTS = {
    **on("base", 3, base_front=FRONT, base_left=LEFT, base_right=RIGHT),
    "foot": ("lower", 2, 0),
    "elbow": ("elbow", 6, 0),
    "shade_apex": ("shade", 0, 0),
    **on("shade", RIM, rim_far=0, rim_near=8, rim_front=12, rim_back=4),
}
YAW, PITCH, STANDS = -10, (0, 30), True
