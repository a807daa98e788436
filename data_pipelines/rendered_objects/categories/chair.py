"""Chairs: four legs, a seat, a back between posts, some with arms."""

import numpy as np

from data_pipelines.rendered_objects.lofts import (
    X,
    Y,
    bar,
    capped,
    curve,
    end_scales,
    loft,
    mirrored,
    superellipse,
)


def draw(rng):
    return {
        "width": rng.uniform(0.19, 0.3),
        "depth": rng.uniform(0.19, 0.27),
        "height": rng.uniform(0.36, 0.52),
        "thick": rng.uniform(0.02, 0.075),
        "square": rng.uniform(3.0, 9.0),
        "narrow": rng.uniform(0.75, 1.0),
        "back": rng.uniform(0.3, 0.62),
        "gap": rng.uniform(0.0, 0.22) * (rng.uniform() < 0.65),
        "lean": rng.uniform(0.02, 0.16),
        "hollow": rng.uniform(0.0, 0.07),
        "back_width": rng.uniform(0.8, 1.08),
        "back_thick": rng.uniform(0.012, 0.035),
        "crest": rng.uniform(-0.05, 0.08),
        "leg": rng.uniform(0.015, 0.032),
        "leg_power": rng.choice([2.0, 6.0]),
        "leg_taper": rng.uniform(0.5, 1.0),
        "splay": rng.uniform(0.0, 0.09),
        "arm": rng.uniform(0.14, 0.24),
        "absent": () if rng.uniform() < 0.4 else ("arm_left", "arm_right"),
    }


def seat(s):
    high = s["height"]
    heights = np.array([high - s["thick"], high - 0.3 * s["thick"], high])
    width = s["width"] * np.array([0.96, 1.0, 0.95])
    depth = s["depth"] * np.array([0.96, 1.0, 0.95])
    middles = np.multiply.outer(heights, Y)
    scale = end_scales(3)
    outline = superellipse(16, s["square"])
    part = loft(
        capped(middles),
        capped(np.multiply.outer(width, X)) * scale,
        capped(np.multiply.outer(depth, np.cross(X, Y))) * scale,
        outline,
    )
    part[0] *= 1 - (1 - s["narrow"]) * (0.5 - part[2] / (2 * s["depth"]))  # narrower behind
    return part


def back_line(s, share):
    """Middles of the back at shares of its height above the seat [m, 3]."""
    y = s["height"] + share * s["back"]
    return np.stack(
        [0 * share, y, -0.93 * s["depth"] - s["lean"] * np.maximum(share, 0) ** 1.3], -1
    )


def back(s):
    low = s["gap"] / (s["gap"] + s["back"])
    path = back_line(s, np.linspace(low, 1.0, 7))
    half = s["width"] * s["narrow"] * (1 + (s["back_width"] - 1) * np.linspace(0, 1, 7))
    part = bar(path, half, s["back_thick"], side=X, columns=16, power=6.0)
    bow = (part[0] / s["width"]) ** 2
    part[1] -= s["crest"] * bow * (part[1] - path[0, 1]) / s["back"]
    part[2] += s["hollow"] * (bow - 0.8)
    return part


def post(s):
    path = back_line(s, np.linspace(-0.05, 0.6, 5))
    path[:, 0] = 0.78 * s["width"] * s["narrow"]
    path[:, 2] += 0.3 * s["hollow"] * np.linspace(0, -1, 5)
    return bar(path, 0.8 * s["leg"], 0.6 * s["back_thick"], side=X, power=s["leg_power"])


def leg(s, front):
    x, z = 0.86 * s["width"] * (1 if front else s["narrow"]), 0.84 * s["depth"]
    sign = 1 if front else -1
    foot = [x + 0.6 * s["splay"], 0, sign * (z + s["splay"])]
    path = np.linspace([x, s["height"] - 0.3 * s["thick"], sign * z], foot, 5)
    radius = s["leg"] * np.linspace(1, s["leg_taper"], 5)
    return bar(path, radius, radius, side=X, power=s["leg_power"])


def arm(s):
    x, top = s["width"] + 0.01, s["height"] + s["arm"]
    behind = back_line(s, np.array([s["arm"] / s["back"]]))[0, 2]
    knots = [
        [x, top, behind],
        [x, top + 0.01, 0],
        [x, top, 0.62 * s["depth"]],
        [x, top - 0.04, 0.78 * s["depth"]],
        [x - 0.01, s["height"] - 0.01, 0.72 * s["depth"]],
    ]
    return bar(curve(knots, 10), 1.1 * s["leg"], 0.8 * s["leg"], side=X, power=s["leg_power"])


def build(s):
    front, rear, upright, rest = leg(s, True), leg(s, False), post(s), arm(s)
    return {
        "seat": seat(s),
        "back": back(s),
        "front_left": mirrored(front),
        "front_right": front,
        "rear_left": mirrored(rear),
        "rear_right": rear,
        "post_left": mirrored(upright),
        "post_right": upright,
        "arm_left": mirrored(rest),
        "arm_right": rest,
    }


def cells():
    frame = [("frame", 0, 99, 0, 99)]
    legs = ("front_left", "front_right", "rear_left", "rear_right", "post_left", "post_right")
    back = [("back", 0, 99, 0, 99)]
    arms = [("arm", 0, 99, 0, 99)]
    return {part: frame for part in legs} | {"back": back, "arm_left": arms, "arm_right": arms}


MATERIALS = {"seat": "paint", "frame": "any", "back": "like", "arm": "like"}
KEYPOINTS = {
    "back_top_left": ("back", 8, 6),
    "back_top_right": ("back", 8, 2),
    "seat_front_left": ("seat", 4, 6),
    "seat_front_right": ("seat", 4, 2),
    "seat_rear_left": ("seat", 4, 10),
    "seat_rear_right": ("seat", 4, 14),
    "front_left_foot": ("front_left", 6, 2),
    "front_right_foot": ("front_right", 6, 6),
    "rear_left_foot": ("rear_left", 6, 2),
    "rear_right_foot": ("rear_right", 6, 6),
}
YAW, PITCH, STANDS = 30, (0, 30), True
