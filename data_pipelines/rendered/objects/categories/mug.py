"""Mugs and cups with one handle."""

from dataclasses import dataclass

import numpy as np

from data_pipelines.rendered.engine.draws import uniform
from data_pipelines.rendered.objects.categories import Drawn
from data_pipelines.rendered.objects.lofts import X, Y, Z, bar, curve, lathe

# Share of the height of the rows of the outer wall; the rim; the rows of the inner wall.
OUTER, INNER = np.array([0.0, 0.0, 0.03, 0.2, 0.4, 0.6, 0.8, 1.0]), np.array([1.0, 0.85, 0.7])
RIM, HANDLE, FRONT, LEFT, BACK = 9, 0, 4, 8, 12


@dataclass(frozen=True)
class Shape(Drawn):
    """Lengths share one unit; `drink`, `foot`, `ear` and the places of the handle are shares."""

    height: float = uniform(0.55, 1.25)
    base: float = uniform(0.26, 0.42)
    top: float = uniform(0.36, 0.5)
    bulge: float = uniform(-0.06, 0.12)
    wall: float = uniform(0.02, 0.05)
    drink: float = uniform(0.3, 0.85)
    foot: float = uniform(0.8, 0.98)
    reach: float = uniform(0.16, 0.36)
    attach_high: float = uniform(0.68, 0.9)
    attach_low: float = uniform(0.12, 0.34)
    ear: float = uniform(0.55, 1.1)
    thick: float = uniform(0.025, 0.05)
    wide: float = uniform(0.04, 0.08)


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


CELLS = {
    "body": [
        ("band", 3, 4),
        ("band", 7, 9),
        ("decal", 4, 7, FRONT - 2, FRONT + 2),
        ("inside", RIM, 12),
        ("drink", 12),
    ],
    "handle": [("handle",)],
}
MATERIALS = {
    "paint": "paint", "band": "like", "decal": "any", "inside": "like", "drink": "any",
    "handle": "like",
}  # fmt: skip
KEYPOINTS = {
    "rim_front": ("body", RIM, FRONT),
    "rim_left": ("body", RIM, LEFT),
    "rim_back": ("body", RIM, BACK),
    "rim_handle": ("body", RIM, HANDLE),
    "base_front": ("body", 3, FRONT),
    "base_left": ("body", 3, FRONT + 2),
    "base_handle": ("body", 3, HANDLE),
    "handle_top": ("handle", 5, 2),
    "handle_middle": ("handle", 8, 2),
    "handle_bottom": ("handle", 11, 2),
}
YAW, PITCH, STANDS = -25, (0, 30), True
