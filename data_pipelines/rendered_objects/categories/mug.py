"""Mugs and cups with one handle."""

import numpy as np

from data_pipelines.rendered_objects.lofts import X, Y, Z, bar, curve, lathe

# Share of the height of the rows of the outer wall; the rim; the rows of the inner wall.
OUTER, INNER = np.array([0.0, 0.0, 0.03, 0.2, 0.4, 0.6, 0.8, 1.0]), np.array([1.0, 0.85, 0.7])
RIM, HANDLE, FRONT, LEFT, BACK = 9, 0, 4, 8, 12


def draw(rng):
    return {
        "height": rng.uniform(0.55, 1.25),
        "base": rng.uniform(0.26, 0.42),
        "top": rng.uniform(0.36, 0.5),
        "bulge": rng.uniform(-0.06, 0.12),
        "wall": rng.uniform(0.02, 0.05),
        "drink": rng.uniform(0.3, 0.85),
        "foot": rng.uniform(0.8, 0.98),
        "reach": rng.uniform(0.16, 0.36),
        "attach": [rng.uniform(0.68, 0.9), rng.uniform(0.12, 0.34)],
        "ear": rng.uniform(0.55, 1.1),
        "thick": rng.uniform(0.025, 0.05),
        "wide": rng.uniform(0.04, 0.08),
        "absent": (),
    }


def radius(s, share):
    return s["base"] + (s["top"] - s["base"]) * share + s["bulge"] * np.sin(np.pi * share)


def body(s):
    inner = 1 - (1 - INNER) / 0.3 * (1 - s["drink"])
    shares = np.concatenate([OUTER[:1], OUTER, [1.015], inner, inner[-1:], inner[-1:]])
    radii = radius(s, np.minimum(shares, 1))
    radii[0], radii[-1] = 0.01, 0.01
    radii[1:3] *= s["foot"]
    radii[10:-1] -= s["wall"]
    radii[9] -= s["wall"] / 2
    return lathe(Y, X, 0 * Y, s["height"] * shares, radii)


def handle(s):
    (high, low), reach = s["attach"], s["reach"]
    top, bottom = (np.array([radius(s, t) - 0.03, t * s["height"], 0]) for t in (high, low))
    out = reach + 0.03
    knots = [
        top,
        top + [0.7 * out, 0.02, 0],
        0.6 * top + 0.4 * bottom + [out, 0, 0],
        0.15 * top + 0.85 * bottom + [s["ear"] * 0.8 * out, 0, 0],
        bottom,
    ]
    return bar(curve(knots, 13), s["wide"], s["thick"], side=Z)


def build(s):
    return {"body": body(s), "handle": handle(s)}


def cells():
    return {
        "body": [
            ("band", 3, 4, 0, 99),
            ("band", 7, 9, 0, 99),
            ("decal", 4, 7, FRONT - 2, FRONT + 2),
            ("inside", RIM, 12, 0, 99),
            ("drink", 12, 99, 0, 99),
        ],
        "handle": [("handle", 0, 99, 0, 99)],
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
