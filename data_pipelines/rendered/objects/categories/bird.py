"""Birds between duck, goose, pigeon and crow, standing or swimming."""

from collections.abc import Callable

import numpy as np
from numpy import s_
from numpy.random import Generator

from data_pipelines.rendered.objects.categories import ALL, SIDES, Shape, both, degrees, pair
from data_pipelines.rendered.objects.lofts import X, Y, Z, ball, bar, curve, line, turned

LEGS = ("leg_left", "leg_right", "foot_left", "foot_right")

# Lengths share one unit; `length` is half of the trunk; neck_thick, wing and wing_high are shares.
SHAPE = (
    {"length": (0.34, 0.5), "girth": (0.17, 0.25), "posture": degrees(0, 45)},
    {"neck": (0.06, 0.45), "neck_lean": degrees(-5, 40), "neck_thick": (0.4, 0.65)},
    {"head": (0.11, 0.16), "look": degrees(-30, 30)},
    {"beak": (0.1, 0.24), "beak_wide": (0.03, 0.075), "beak_high": (0.03, 0.055)},
    {"beak_dip": degrees(0, 25)},
    {"wing": (0.85, 1.25), "wing_high": (0.5, 0.75)},
    {"tail": (0.12, 0.35), "tail_up": degrees(-15, 40), "tail_wide": (0.06, 0.14)},
    {"leg": (0.08, 0.32), "foot": (0.1, 0.18)},
)


def kind(rng: Generator) -> dict[str, Callable]:
    """Birds that swim lie level and show no legs."""
    swims = {"posture": degrees(-5, 15), "absent": lambda rng: LEGS}
    return swims if rng.uniform() < 0.45 else {}


def build(s: Shape) -> dict[str, np.ndarray]:
    """The parts of one bird."""
    along = turned(Z, Y, s.posture)  # to the breast
    up = np.cross(along, X)
    middle = (s.leg + 0.8 * s.girth + 0.5 * s.length * np.sin(s.posture)) * Y
    share = np.array([-1, -0.92, -0.75, -0.5, -0.2, 0.1, 0.4, 0.65, 0.85, 0.96, 1])
    full = np.sqrt(np.clip(1 - np.abs(share) ** 2.4, 0.015, 1)) * (1 - 0.25 * np.clip(-share, 0, 1))
    path, x = line(middle, s.length * share, along), 0.42 * s.girth
    leg = np.linspace([x, s.leg + 0.45 * s.girth, 0], [x, 0.015, 0.02], 5)
    foot = np.linspace([x, 0.012, -0.03], [1.15 * x, 0.01, s.foot], 5)
    wide = s.foot * np.array([0.15, 0.2, 0.32, 0.45, 0.42])
    return {
        "trunk": bar(path, 0.92 * s.girth * full, s.girth * full, columns=16),
        **_neck_and_head(s, middle, along, up),
        **both("wing", _wing(s, middle, along, up)),
        "tail": _tail(s, middle, along),
        **both("leg", bar(leg, 0.02, 0.02)),
        **both("foot", bar(foot, wide, 0.012)),
    }


def _neck_and_head(s: Shape, middle, along, up):
    root = middle + 0.72 * s.length * along + 0.3 * s.girth * up
    top = root + (s.neck + 0.6 * s.girth) * turned(Y, Z, s.neck_lean)
    ahead, size = turned(Z, X, s.look), s.head
    side = np.cross(Y, ahead)
    bend = 0.5 * (root + top) + 0.06 * Z - 0.1 * s.neck * Z
    path = curve([middle + 0.4 * s.length * along, root, bend, top], 9)
    knots = [1, 1, 0.6 + 0.4 * s.neck_thick, 1]
    slim = np.interp(np.linspace(0, 1, 9), [0, 0.3, 0.6, 1], knots)
    thick = np.linspace(0.75 * s.girth, 0.85 * size, 9) * slim
    parts = {"neck": bar(path, 0.85 * thick, thick, columns=12)}
    share = np.array([-1, -0.9, -0.6, -0.2, 0.2, 0.6, 0.9, 1.0])
    full = size * np.sqrt(np.clip(1 - share**2, 0.02, 1))
    path = line(top, 1.15 * size * share, ahead) + 0.2 * size * Y
    parts["head"] = bar(path, 0.85 * full, full, side=side, columns=12)
    way, share = turned(ahead, -Y, s.beak_dip), np.linspace(0, 1, 6)
    path = line(top + 0.85 * size * ahead + 0.1 * size * Y, share * (s.beak + 0.2 * size), way)
    wide = np.interp(share, [0, 0.5, 0.85, 1], [0.9, 0.95, 0.9, 0.5]) * s.beak_wide
    high = s.beak_high * np.linspace(1, 0.25, 6)
    parts["beak"] = bar(path, wide, high, side=side, columns=10)
    for name, sign in SIDES:
        eye = top + size * (0.45 * ahead + 0.68 * sign * side + 0.4 * Y)
        parts[f"eye_{name}"] = ball(eye, sign * side, Y, 0.19 * size)
    return parts


def _wing(s: Shape, middle, along, up):
    share = np.linspace(0, 1, 9)
    reach = 0.62 - 1.45 * share * s.wing
    out = 0.95 * np.sqrt(np.clip(1 - 0.7 * reach**2, 0.1, 1))
    path = line(middle, s.length * reach, along)
    path = line(path, s.girth * (0.3 + 0.15 * share), up)
    path = line(path, s.girth * out * (0.9 - 0.35 * share), X)
    high = np.interp(share, [0, 0.2, 0.5, 0.8, 1], [0.35, 0.95, 1, 0.6, 0.12])
    high = high * s.wing_high * s.girth
    return bar(path, 0.16 * s.girth * np.sqrt(high / high.max()), high, columns=12)


def _tail(s: Shape, middle, along):
    way = turned(-Z, Y, s.tail_up + s.posture * 0.6)
    root = middle - 0.72 * s.length * along
    path = line(root, np.linspace(0, s.tail + 0.25 * s.length, 6), way)
    wide = s.tail_wide * np.array([0.6, 0.9, 1.1, 1.2, 1.2, 0.9])
    return bar(path, wide, 0.3 * wide, columns=12)


MATERIALS = {
    "coat": ("coat",),
    "breast": ("like", ("trunk", s_[7:]), ("trunk", s_[:, 2:6])),
    "neck": ("like", ("neck", s_[2:8])),
    "head": ("like", ("neck", s_[8:]), ("head", ALL)),
    "beak": ("any", ("beak", ALL)),
    "eye": ("black", ("eye_*", ALL)),
    "wing": ("like", ("wing_*", ALL)),
    "wing_end": ("like", ("wing_*", s_[7:]), ("tail", s_[4:])),
    "feet": ("any", ("leg_*", ALL), ("foot_*", ALL)),
}
KEYPOINTS = {
    "beak_tip": ("beak", 9, 0),
    **pair("eye_{}", "eye_{}", 6, 0, 0),
    "crown": ("head", 5, 9),
    "breast": ("trunk", 10, 4),
    "tail_tip": ("tail", 7, 3),
    **pair("wing_tip_{}", "wing_{}", 12, 0, 0),
    **pair("foot_{}", "foot_{}", 7, 2, 6),
}
YAW, PITCH, STANDS = 45, (0, 30), True
