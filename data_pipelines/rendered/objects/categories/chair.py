"""Chairs: four legs, a seat, a back between posts, some with arms."""

import numpy as np

from data_pipelines.rendered.objects.categories import ALL, Shape, both, on, pair
from data_pipelines.rendered.objects.lofts import Y, bar, curve, line

ARMS = ("arm_left", "arm_right")

# Metres; narrow, back_width and leg_taper are shares, square and leg_power exponents.
SHAPE = (
    {"width": (0.19, 0.3), "depth": (0.19, 0.27), "height": (0.36, 0.52), "thick": (0.02, 0.075)},
    {"square": (3.0, 9.0), "narrow": (0.75, 1.0)},
    {"back": (0.3, 0.62), "gap": lambda rng: rng.uniform(0.0, 0.22) * (rng.uniform() < 0.65)},
    {"lean": (0.02, 0.16), "hollow": (0.0, 0.07)},
    {"back_width": (0.8, 1.08), "back_thick": (0.012, 0.035), "crest": (-0.05, 0.08)},
    {"leg": (0.015, 0.032), "leg_power": lambda rng: rng.choice([2.0, 6.0])},
    {"leg_taper": (0.5, 1.0), "splay": (0.0, 0.09)},
    {"arm": (0.14, 0.24), "absent": lambda rng: () if rng.uniform() < 0.4 else ARMS},
)


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
    size = np.array([0.96, 1.0, 0.95])
    path = line(0 * Y, heights, Y)
    part = bar(path, s.width * size, s.depth * size, columns=16, power=s.square)
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
    part = bar(path, half, s.back_thick, columns=16, power=6.0)
    bow = (part[0] / s.width) ** 2
    part[1] -= s.crest * bow * (part[1] - path[0, 1]) / s.back
    part[2] += s.hollow * (bow - 0.8)
    return part


def _post(s: Shape):
    path = _back_line(s, np.linspace(-0.05, 0.6, 5))
    path[:, 0] = 0.78 * s.width * s.narrow
    path[:, 2] += 0.3 * s.hollow * np.linspace(0, -1, 5)
    return bar(path, 0.8 * s.leg, 0.6 * s.back_thick, power=s.leg_power)


def _leg(s: Shape, width, sign):
    x, z = 0.86 * width, 0.84 * s.depth
    foot = [x + 0.6 * s.splay, 0, sign * (z + s.splay)]
    path = np.linspace([x, s.height - 0.3 * s.thick, sign * z], foot, 5)
    radius = s.leg * np.linspace(1, s.leg_taper, 5)
    return bar(path, radius, radius, power=s.leg_power)


def _arm(s: Shape):
    x, top, z = s.width + 0.01, s.height + s.arm, s.depth
    behind = _back_line(s, np.array([s.arm / s.back]))[0, 2]
    front = [[x, top - 0.04, 0.78 * z], [x - 0.01, s.height - 0.01, 0.72 * z]]
    path = curve([[x, top, behind], [x, top + 0.01, 0], [x, top, 0.62 * z], *front], 10)
    return bar(path, 1.1 * s.leg, 0.8 * s.leg, power=s.leg_power)


MATERIALS = {
    "seat": ("paint",),
    "frame": ("any", ("front_*", ALL), ("rear_*", ALL), ("post_*", ALL)),
    "back": ("like", ("back", ALL)),
    "arm": ("like", ("arm_*", ALL)),
}
KEYPOINTS = {
    **on("back", 8, back_top_left=6, back_top_right=2),
    **on("seat", 4, seat_front_left=6, seat_front_right=2, seat_rear_left=10, seat_rear_right=14),
    **pair("front_{}_foot", "front_{}", 6, 2, 6),
    **pair("rear_{}_foot", "rear_{}", 6, 2, 6),
}
YAW, PITCH, STANDS = 30, (0, 30), True
