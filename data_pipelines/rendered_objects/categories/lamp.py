"""Desk lamps: a base, two arms, a shade."""

import numpy as np

from data_pipelines.rendered_objects.lofts import CLOSED, X, Y, Z, ball, bar, lathe

RIM, RIGHT, FRONT, LEFT, BACK = 7, 0, 4, 8, 12


def draw(rng):
    return {
        "base": rng.uniform(0.13, 0.25),
        "base_height": rng.uniform(0.02, 0.09),
        "dome": rng.uniform(0.3, 0.95),
        "foot": rng.uniform(-0.5, 0.3),
        "lower": rng.uniform(0.3, 0.6),
        "lean": np.radians(rng.uniform(-12, 38)),
        "upper": rng.uniform(0.22, 0.5),
        "rise": np.radians(rng.uniform(-5, 65)),
        "thick": rng.uniform(0.014, 0.03),
        "joint": rng.uniform(1.3, 2.2),
        "shade": rng.uniform(0.17, 0.32),
        "neck": rng.uniform(0.25, 0.75),
        "mouth": rng.uniform(0.11, 0.22),
        "bell": rng.uniform(-0.35, 0.35),
        "dip": np.radians(rng.uniform(30, 95)),
        "aside": np.radians(rng.uniform(-15, 30)),
        "absent": (),
    }


def joints(s):
    """Foot, elbow, end of the upper arm."""
    foot = np.array([s["foot"] * s["base"], s["base_height"], 0])
    elbow = foot + s["lower"] * (np.cos(s["lean"]) * Y - np.sin(s["lean"]) * X)
    return foot, elbow, elbow + s["upper"] * (np.sin(s["rise"]) * Y + np.cos(s["rise"]) * X)


def base(s):
    shares = np.array([0, 0, 0, 0.35, 0.75, 1, 1, 1])
    radii = s["base"] * np.array([CLOSED, 1, 1, 1, 0.97, s["dome"], s["dome"], CLOSED])
    return lathe(Y, X, 0 * Y, s["base_height"] * shares, radii)


def arm(start, end, thick):
    return bar(np.linspace(start, end, 6), thick, thick, side=Z)


def shade_frame(s):
    """Apex, way to the mouth, and the side away from the foot."""
    _, _, end = joints(s)
    level = np.cos(s["aside"]) * X + np.sin(s["aside"]) * Z
    way = np.cos(s["dip"]) * level - np.sin(s["dip"]) * Y
    side = np.sin(s["dip"]) * level + np.cos(s["dip"]) * Y
    return end - 0.25 * s["shade"] * way, way, side


def shade(s):
    """Out from the apex, round the rim, and in again."""
    apex, way, side = shade_frame(s)
    outer, inner = np.array([0, 0, 0, 0.25, 0.5, 0.75, 1]), np.array([1, 1, 0.6, 0.25, 0.2, 0.2])
    shares = np.concatenate([outer, inner])
    radii = s["mouth"] * (s["neck"] + (1 - s["neck"]) * shares)
    radii *= 1 + s["bell"] * np.sin(np.pi * shares)
    radii[len(outer) + 1 :] *= 0.93
    radii[0] = radii[-1] = 0.003
    return lathe(way, side, apex, s["shade"] * shares, radii)


def bulb(s):
    apex, way, side = shade_frame(s)
    return ball(apex + 0.7 * s["shade"] * way, way, side, 0.4 * s["mouth"], 8)


def build(s):
    foot, elbow, end = joints(s)
    return {
        "base": base(s),
        "lower": arm(foot - 0.01 * Y, elbow, s["thick"]),
        "elbow": ball(elbow, Z, Y, s["joint"] * s["thick"]),
        "upper": arm(elbow, end, 0.9 * s["thick"]),
        "shade": shade(s),
        "bulb": bulb(s),
    }


def cells():
    return {
        "lower": [("arm", 0, 99, 0, 99)],
        "upper": [("arm", 0, 99, 0, 99)],
        "elbow": [("joint", 0, 99, 0, 99)],
        "shade": [("shade", 0, RIM, 0, 99), ("inside", RIM, 99, 0, 99)],
        "bulb": [("bulb", 0, 99, 0, 99)],
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
