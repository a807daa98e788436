"""Bottles with a cap and a label in front."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine.draws import sampled, uniform
from data_pipelines.rendered.objects.categories import Drawn
from data_pipelines.rendered.objects.lofts import X, Y, lathe

COLUMNS, FRONT = 20, 5
LABEL = FRONT - 3, FRONT + 3  # columns
BASE, LABEL_LOW, LABEL_HIGH, SHOULDER, NECK, LIP, CAP, LAST = 3, 4, 7, 8, 11, 13, 14, 18


@dataclass(frozen=True)
class Shape(Drawn):
    """`height` and `radius` share one unit; the others are shares of them."""

    height: float = uniform(0.75, 1.25)
    radius: float = uniform(0.13, 0.25)
    belly: float = uniform(-0.12, 0.1)
    label_low: float = uniform(0.1, 0.25)  # share of the shoulder
    label_high: float = uniform(0.65, 0.92)
    shoulder: float = uniform(0.45, 0.7)
    slope: float = uniform(0.06, 0.2)
    round: float = uniform(0.6, 1.6)
    neck: float = uniform(0.25, 0.55)
    lip: float = uniform(1.0, 1.25)
    cap: float = uniform(0.03, 0.12)
    cap_width: float = uniform(1.0, 1.3)
    square: float = sampled(Generator.choice, [2.0, 2.0, 2.6, 4.5])  # power of the superellipse
    flat: float = uniform(0.7, 1.0)


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


CELLS = {
    "bottle": [
        ("label", LABEL_LOW, LABEL_HIGH, *LABEL),
        ("stripe", LABEL_LOW + 1, LABEL_LOW + 2, *LABEL),
        ("neck", NECK, LIP),
        ("cap", CAP),
    ]
}
MATERIALS = {"glass": "paint", "label": "any", "stripe": "like", "neck": "like", "cap": "any"}
KEYPOINTS = {
    "cap_top": ("bottle", LAST, 0),
    "cap_rim": ("bottle", CAP + 1, FRONT),
    "neck": ("bottle", NECK, FRONT),
    "shoulder": ("bottle", SHOULDER, FRONT),
    "label_top_left": ("bottle", LABEL_HIGH, LABEL[1]),
    "label_top_right": ("bottle", LABEL_HIGH, LABEL[0]),
    "label_bottom_left": ("bottle", LABEL_LOW, LABEL[1]),
    "label_bottom_right": ("bottle", LABEL_LOW, LABEL[0]),
    "base_left": ("bottle", BASE, LABEL[1]),
    "base_right": ("bottle", BASE, LABEL[0]),
}
YAW, PITCH, STANDS = 0, (0, 30), True
