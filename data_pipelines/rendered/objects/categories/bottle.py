"""Bottles with a cap and a label in front."""

import numpy as np
from numpy import s_

from data_pipelines.rendered.objects.categories import Shape, on
from data_pipelines.rendered.objects.lofts import X, Y, lathe

COLUMNS, FRONT = 20, 5
RIGHT, LEFT = FRONT - 3, FRONT + 3  # columns of the label's edges
BASE, LABEL_LOW, LABEL_HIGH, SHOULDER, NECK, LIP, CAP, LAST = 3, 4, 7, 8, 11, 13, 14, 18

# `height` and `radius` share one unit, the others are shares of them; `square` is the power of the
# superellipse.
SHAPE = (
    {"height": (0.75, 1.25), "radius": (0.13, 0.25), "belly": (-0.12, 0.1)},
    {"label_low": (0.1, 0.25), "label_high": (0.65, 0.92)},
    {"shoulder": (0.45, 0.7), "slope": (0.06, 0.2), "round": (0.6, 1.6)},
    {"neck": (0.25, 0.55), "lip": (1.0, 1.25)},
    {"cap": (0.03, 0.12), "cap_width": (1.0, 1.3)},
    {"square": lambda rng: rng.choice([2.0, 2.0, 2.6, 4.5]), "flat": (0.7, 1.0)},
)


def build(s: Shape) -> dict[str, np.ndarray]:
    """The one part of a bottle."""
    label = np.linspace(s.label_low * s.shoulder, s.label_high * s.shoulder, 4)
    slope = s.shoulder + s.slope * np.array([0.3, 0.7, 1.0])
    lip, top = 1 - s.cap - 0.01, 1 - s.cap
    shares = np.concatenate(
        [[0, 0, 0, 0.02], label, [s.shoulder], slope, [(slope[-1] + lip) / 2, lip],
         [top, top, 1, 1, 1]]
    )  # fmt: skip
    neck = np.minimum(s.neck, 0.14 / s.radius)
    fall = 1 - (1 - neck) * np.array([0.3, 0.7, 1.0]) ** s.round
    width = neck * s.cap_width
    radii = np.concatenate(
        [[0.02, 0.94, 0.94, 1], np.ones(5), fall, [neck, neck * s.lip],
         [neck * s.lip, width, width, width, 0.01]]
    )  # fmt: skip
    radii[4:8] *= 1 + s.belly * np.sin(np.pi * shares[4:8] / s.shoulder)
    part = lathe(Y, X, 0 * Y, s.height * shares, s.radius * radii, COLUMNS, s.square)
    part[2] *= s.flat + (1 - s.flat) * np.clip(shares - s.shoulder, 0, 0.2)[:, None] / 0.2
    return {"bottle": part}


MATERIALS = {
    "glass": ("paint",),
    "label": ("any", ("bottle", s_[LABEL_LOW:LABEL_HIGH, RIGHT:LEFT])),
    "stripe": ("like", ("bottle", s_[LABEL_LOW + 1, RIGHT:LEFT])),
    "neck": ("like", ("bottle", s_[NECK:LIP])),
    "cap": ("any", ("bottle", s_[CAP:])),
}
KEYPOINTS = {
    "cap_top": ("bottle", LAST, 0),
    "cap_rim": ("bottle", CAP + 1, FRONT),
    "neck": ("bottle", NECK, FRONT),
    "shoulder": ("bottle", SHOULDER, FRONT),
    **on("bottle", LABEL_HIGH, label_top_left=LEFT, label_top_right=RIGHT),
    **on("bottle", LABEL_LOW, label_bottom_left=LEFT, label_bottom_right=RIGHT),
    **on("bottle", BASE, base_left=LEFT, base_right=RIGHT),
}
YAW, PITCH, STANDS = 0, (0, 30), True
