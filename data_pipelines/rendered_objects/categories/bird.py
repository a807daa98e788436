"""Birds between duck, goose, pigeon and crow, standing or swimming."""

import numpy as np

from data_pipelines.rendered_objects.lofts import X, Y, Z, ball, bar, curve, mirrored

LEGS = ("leg_left", "leg_right", "foot_left", "foot_right")


def draw(rng):
    swims = rng.uniform() < 0.45
    return {
        "length": rng.uniform(0.34, 0.5),  # half of the trunk
        "girth": rng.uniform(0.17, 0.25),
        "posture": np.radians(rng.uniform(-5, 15) if swims else rng.uniform(0, 45)),
        "neck": rng.uniform(0.06, 0.45),
        "neck_lean": np.radians(rng.uniform(-5, 40)),
        "neck_thick": rng.uniform(0.4, 0.65),
        "head": rng.uniform(0.11, 0.16),
        "look": np.radians(rng.uniform(-30, 30)),
        "beak": rng.uniform(0.1, 0.24),
        "beak_wide": rng.uniform(0.03, 0.075),
        "beak_high": rng.uniform(0.03, 0.055),
        "beak_dip": np.radians(rng.uniform(0, 25)),
        "wing": rng.uniform(0.85, 1.25),
        "wing_high": rng.uniform(0.5, 0.75),
        "tail": rng.uniform(0.12, 0.35),
        "tail_up": np.radians(rng.uniform(-15, 40)),
        "tail_wide": rng.uniform(0.06, 0.14),
        "leg": rng.uniform(0.08, 0.32),
        "foot": rng.uniform(0.1, 0.18),
        "absent": LEGS if swims else (),
    }


def trunk_frame(s):
    """Middle of the trunk, the way to the breast, the way up."""
    along = np.cos(s["posture"]) * Z + np.sin(s["posture"]) * Y
    high = s["leg"] + 0.8 * s["girth"] + 0.5 * s["length"] * np.sin(s["posture"])
    return high * Y, along, np.cross(along, X)


def trunk(s):
    middle, along, _ = trunk_frame(s)
    share = np.array([-1, -0.92, -0.75, -0.5, -0.2, 0.1, 0.4, 0.65, 0.85, 0.96, 1])
    full = np.sqrt(np.clip(1 - np.abs(share) ** 2.4, 0.015, 1)) * (1 - 0.25 * np.clip(-share, 0, 1))
    path = middle + np.multiply.outer(s["length"] * share, along)
    return bar(path, 0.92 * s["girth"] * full, s["girth"] * full, side=X, columns=16)


def head_frame(s):
    """Root of the neck, middle of the head, the way of the beak, the side."""
    middle, along, up = trunk_frame(s)
    root = middle + 0.72 * s["length"] * along + 0.3 * s["girth"] * up
    lean, turn = s["neck_lean"], s["look"]
    top = root + (s["neck"] + 0.6 * s["girth"]) * (np.cos(lean) * Y + np.sin(lean) * Z)
    ahead = np.sin(turn) * X + np.cos(turn) * Z
    return root, top, ahead, np.cross(Y, ahead)


def neck(s):
    root, top, _, _ = head_frame(s)
    middle, along, _ = trunk_frame(s)
    start = middle + 0.4 * s["length"] * along
    bend = 0.5 * (root + top) + 0.06 * Z - 0.1 * s["neck"] * Z
    thick = np.linspace(0.75 * s["girth"], 0.85 * s["head"], 9) * np.interp(
        np.linspace(0, 1, 9), [0, 0.3, 0.6, 1], [1, 1, 0.6 + 0.4 * s["neck_thick"], 1]
    )
    return bar(curve([start, root, bend, top], 9), 0.85 * thick, thick, side=X, columns=12)


def head(s):
    _, top, ahead, side = head_frame(s)
    share = np.array([-1, -0.9, -0.6, -0.2, 0.2, 0.6, 0.9, 1.0])
    full = s["head"] * np.sqrt(np.clip(1 - share**2, 0.02, 1))
    path = top + np.multiply.outer(1.15 * s["head"] * share, ahead) + 0.2 * s["head"] * Y
    return bar(path, 0.85 * full, full, side=side, columns=12)


def beak(s):
    _, top, ahead, side = head_frame(s)
    way = np.cos(s["beak_dip"]) * ahead - np.sin(s["beak_dip"]) * Y
    share = np.linspace(0, 1, 6)
    path = top + 0.85 * s["head"] * ahead + 0.1 * s["head"] * Y
    path = path + np.multiply.outer(share * (s["beak"] + 0.2 * s["head"]), way)
    wide = np.interp(share, [0, 0.5, 0.85, 1], [0.9, 0.95, 0.9, 0.5]) * s["beak_wide"]
    high = s["beak_high"] * np.linspace(1, 0.25, 6)
    return bar(path, wide, high, side=side, columns=10)


def eye(s, sign):
    _, top, ahead, side = head_frame(s)
    middle = top + s["head"] * (0.45 * ahead + 0.68 * sign * side + 0.4 * Y)
    return ball(middle, sign * side, Y, 0.19 * s["head"])


def wing(s):
    middle, along, up = trunk_frame(s)
    share = np.linspace(0, 1, 9)
    reach = 0.62 - 1.45 * share * s["wing"]
    out = 0.95 * np.sqrt(np.clip(1 - 0.7 * reach**2, 0.1, 1))
    path = (
        middle
        + np.multiply.outer(s["length"] * reach, along)
        + np.multiply.outer(s["girth"] * (0.3 + 0.15 * share), up)
        + np.multiply.outer(s["girth"] * out * (0.9 - 0.35 * share), X)
    )
    high = np.interp(share, [0, 0.2, 0.5, 0.8, 1], [0.35, 0.95, 1, 0.6, 0.12])
    high = high * s["wing_high"] * s["girth"]
    return bar(path, 0.16 * s["girth"] * np.sqrt(high / high.max()), high, side=X, columns=12)


def tail(s):
    middle, along, _ = trunk_frame(s)
    angle = s["tail_up"] + s["posture"] * 0.6
    way = np.sin(angle) * Y - np.cos(angle) * Z
    root = middle - 0.72 * s["length"] * along
    path = root + np.multiply.outer(np.linspace(0, s["tail"] + 0.25 * s["length"], 6), way)
    wide = s["tail_wide"] * np.array([0.6, 0.9, 1.1, 1.2, 1.2, 0.9])
    return bar(path, wide, 0.3 * wide, side=X, columns=12)


def leg(s):
    x = 0.42 * s["girth"]
    path = np.linspace([x, s["leg"] + 0.45 * s["girth"], 0], [x, 0.015, 0.02], 5)
    return bar(path, 0.02, 0.02, side=X)


def foot(s):
    x = 0.42 * s["girth"]
    path = np.linspace([x, 0.012, -0.03], [1.15 * x, 0.01, s["foot"]], 5)
    return bar(path, s["foot"] * np.array([0.15, 0.2, 0.32, 0.45, 0.42]), 0.012, side=X)


def build(s):
    side, limb, paw = wing(s), leg(s), foot(s)
    return {
        "trunk": trunk(s),
        "neck": neck(s),
        "head": head(s),
        "beak": beak(s),
        "eye_left": eye(s, -1),
        "eye_right": eye(s, 1),
        "wing_left": mirrored(side),
        "wing_right": side,
        "tail": tail(s),
        "leg_left": mirrored(limb),
        "leg_right": limb,
        "foot_left": mirrored(paw),
        "foot_right": paw,
    }


def cells():
    wings = [("wing", 0, 99, 0, 99), ("wing_end", 7, 99, 0, 99)]
    eyes, feet = [("eye", 0, 99, 0, 99)], [("feet", 0, 99, 0, 99)]
    return {
        "trunk": [("breast", 7, 99, 0, 99), ("breast", 0, 99, 2, 6)],
        "neck": [("neck", 2, 8, 0, 99), ("head", 8, 99, 0, 99)],
        "head": [("head", 0, 99, 0, 99)],
        "beak": [("beak", 0, 99, 0, 99)],
        "eye_left": eyes,
        "eye_right": eyes,
        "wing_left": wings,
        "wing_right": wings,
        "tail": [("wing_end", 4, 99, 0, 99)],
    } | dict.fromkeys(LEGS, feet)


MATERIALS = {
    "coat": "coat", "breast": "like", "neck": "like", "head": "like", "beak": "any", "eye": "black",
    "wing": "like", "wing_end": "like", "feet": "any",
}  # fmt: skip
KEYPOINTS = {
    "beak_tip": ("beak", 9, 0),
    "eye_left": ("eye_left", 6, 0),
    "eye_right": ("eye_right", 6, 0),
    "crown": ("head", 5, 9),
    "breast": ("trunk", 10, 4),
    "tail_tip": ("tail", 7, 3),
    "wing_tip_left": ("wing_left", 12, 0),
    "wing_tip_right": ("wing_right", 12, 0),
    "foot_left": ("foot_left", 7, 2),
    "foot_right": ("foot_right", 7, 6),
}
YAW, PITCH, STANDS = 45, (0, 30), True
