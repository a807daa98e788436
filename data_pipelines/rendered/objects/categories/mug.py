"""Mugs and cups with one handle."""

import numpy as np
from numpy import s_

from data_pipelines.rendered.objects.categories import ALL, Shape, on
from data_pipelines.rendered.objects.lofts import X, Y, Z, bar, curve, lathe

# Share of the height of the rows of the outer wall; the rim; the rows of the inner wall.
OUTER, INNER = np.array([0.0, 0.0, 0.03, 0.2, 0.4, 0.6, 0.8, 1.0]), np.array([1.0, 0.85, 0.7])
RIM, HANDLE, FRONT, LEFT, BACK = 9, 0, 4, 8, 12

# Lengths share one unit; drink, foot, ear and the places of the handle are shares.
SHAPE = (
    {"height": (0.55, 1.25), "base": (0.26, 0.42), "top": (0.36, 0.5)},
    {"bulge": (-0.06, 0.12), "wall": (0.02, 0.05)},
    {"drink": (0.3, 0.85), "foot": (0.8, 0.98)},
    {"reach": (0.16, 0.36), "attach_high": (0.68, 0.9), "attach_low": (0.12, 0.34)},
    {"ear": (0.55, 1.1), "thick": (0.025, 0.05), "wide": (0.04, 0.08)},
)


def build(s: Shape) -> dict[str, np.ndarray]:
    """The parts of one mug."""

    def radius(share):
        return s.base + (s.top - s.base) * share + s.bulge * np.sin(np.pi * share)

    inner = 1 - (1 - INNER) / 0.3 * (1 - s.drink)
    shares = np.concatenate([OUTER[:1], OUTER, [1.015], inner, inner[-1:], inner[-1:]])
    radii = radius(np.minimum(shares, 1))
    radii[0], radii[-1] = 0.01, 0.01
    radii[1:3] *= s.foot
    radii[10:-1] -= s.wall
    radii[9] -= s.wall / 2
    ends, out = (s.attach_high, s.attach_low), s.reach + 0.03
    top, bottom = (np.array([radius(t) - 0.03, t * s.height, 0]) for t in ends)
    upper, middle = top + [0.7 * out, 0.02, 0], 0.6 * top + 0.4 * bottom + [out, 0, 0]
    lower = 0.15 * top + 0.85 * bottom + [s.ear * 0.8 * out, 0, 0]
    path = curve([top, upper, middle, lower, bottom], 13)
    return {
        "body": lathe(Y, X, 0 * Y, s.height * shares, radii),
        "handle": bar(path, s.wide, s.thick, side=Z),
    }


MATERIALS = {
    "paint": ("paint",),
    "band": ("like", ("body", 3), ("body", s_[7:9])),
    "decal": ("any", ("body", s_[4:7, FRONT - 2 : FRONT + 2])),
    "inside": ("like", ("body", s_[RIM:12])),
    "drink": ("any", ("body", s_[12:])),
    "handle": ("like", ("handle", ALL)),
}
KEYPOINTS = {
    **on("body", RIM, rim_front=FRONT, rim_left=LEFT, rim_back=BACK, rim_handle=HANDLE),
    **on("body", 3, base_front=FRONT, base_left=FRONT + 2, base_handle=HANDLE),
    "handle_top": ("handle", 5, 2),
    "handle_middle": ("handle", 8, 2),
    "handle_bottom": ("handle", 11, 2),
}
YAW, PITCH, STANDS = -25, (0, 30), True
