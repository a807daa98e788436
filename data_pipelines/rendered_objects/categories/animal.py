"""Four-legged animals between dog, cat, sheep, horse and cow."""

import numpy as np

from data_pipelines.rendered_objects.lofts import X, Y, ball, bar, curve, mirrored


def draw(rng):
    return {
        "length": rng.uniform(0.36, 0.6),  # half of the trunk
        "girth": rng.uniform(0.15, 0.27),
        "belly": rng.uniform(0.8, 1.15),
        "leg": rng.uniform(0.35, 0.8),
        "thick": rng.uniform(0.045, 0.085),
        "hoof": rng.uniform(0.8, 1.5),
        "stride": rng.uniform(-0.22, 0.22, 4),
        "neck": rng.uniform(0.15, 0.5),
        "neck_rise": np.radians(rng.uniform(15, 75)),
        "neck_thick": rng.uniform(0.4, 0.7),
        "head": rng.uniform(0.16, 0.24),
        "head_width": rng.uniform(0.55, 0.85),
        "snout": rng.uniform(0.5, 1.5),
        "snout_thick": rng.uniform(0.35, 0.62),
        "nod": np.radians(rng.uniform(0, 40)),
        "look": np.radians(rng.uniform(-25, 25)),
        "ear": rng.uniform(0.5, 1.3),
        "ear_wide": rng.uniform(0.22, 0.42),
        "ear_up": np.radians(rng.uniform(-35, 85)),
        "tail": rng.uniform(0.2, 0.75),
        "tail_up": np.radians(rng.uniform(-80, 60)),
        "tail_thick": rng.uniform(0.02, 0.06),
        "absent": (),
    }


def trunk(s):
    share = np.linspace(-1, 1, 11)
    middles = np.stack(
        [0 * share, s["leg"] + s["girth"] + 0.04 * share**2, s["length"] * share], -1
    )
    full = np.interp(
        share, [-1, -0.85, -0.6, 0, 0.6, 0.9, 1], [0.45, 0.8, 0.98, s["belly"], 1.05, 0.75, 0.4]
    )
    part = bar(middles, 0.82 * s["girth"] * full, s["girth"] * full, side=X, columns=16)
    return part


def head_frame(s):
    """Where the neck leaves the trunk, where the head begins, and the way of the snout."""
    start = np.array([0, s["leg"] + 1.25 * s["girth"], 0.82 * s["length"]])
    rise, turn = s["neck_rise"], s["look"]
    ahead = np.array([np.sin(turn), 0, np.cos(turn)])
    half = np.array([np.sin(turn / 2), 0, np.cos(turn / 2)])
    top = start + s["neck"] * (np.sin(rise) * Y + np.cos(rise) * half)
    way = np.cos(s["nod"]) * ahead - np.sin(s["nod"]) * Y
    return start, top, way, np.cross(Y, ahead)


def neck(s):
    start, top, way, side = head_frame(s)
    path = curve(
        [
            start - [0, 0.5 * s["girth"], 0.25 * s["length"]],
            start,
            top,
            top + 0.3 * s["head"] * way,
        ],
        8,
    )
    thick = s["neck_thick"] * np.linspace(1.35 * s["girth"], 1.1 * s["head"], 8)
    return bar(path, 0.75 * thick, thick, side=X, columns=12)


def head(s):
    _, top, way, side = head_frame(s)
    size, reach = s["head"], s["head"] * (1 + s["snout"])
    share = np.array([-0.5, -0.35, 0, 0.3, 0.55, 0.75, 0.92, 1.0])
    t = np.where(share > 0, share * reach, share * 1.6 * size)
    full = np.interp(
        share,
        [-0.5, -0.35, 0, 0.3, 0.55, 0.92, 1],
        [0.4, 0.8, 1, 0.9, s["snout_thick"] + 0.12, s["snout_thick"], 0.6 * s["snout_thick"]],
    )
    droop = np.cross(side, way)
    path = (
        top
        + np.multiply.outer(t, way)
        + np.multiply.outer(0.25 * size * np.clip(share, 0, 1), droop)
    )
    return bar(path, size * s["head_width"] * full, 0.85 * size * full, side=side, columns=12)


def on_head(s, along, side_share, up_share):
    _, top, way, side = head_frame(s)
    rise = np.cross(way, side)
    size = s["head"]
    return top + size * (along * way + side_share * s["head_width"] * side + up_share * 0.85 * rise)


def ear(s, sign):
    _, _, way, side = head_frame(s)
    out = np.cos(s["ear_up"]) * sign * side + np.sin(s["ear_up"]) * np.cross(way, side)
    root = on_head(s, -0.3, 0.6 * sign, 0.7)
    path = root + np.multiply.outer(
        s["ear"] * s["head"] * np.array([-0.15, 0.25, 0.6, 0.85, 1.0]), out
    )
    width = s["ear_wide"] * s["head"] * np.array([0.8, 1.1, 0.9, 0.5, 0.12])
    return bar(path, width, 0.35 * width, side=np.cross(out, way), columns=8)


def eye(s, sign):
    _, _, way, side = head_frame(s)
    middle = on_head(s, 0.3 * (1 + s["snout"]) * 0.6, 0.74 * sign, 0.42)
    return ball(middle, sign * side, Y, 0.14 * s["head"], 8)


def leg(s, front, stride):
    x, z = 0.52 * s["girth"], (0.72 if front else -0.74) * s["length"]
    high, bend = s["leg"] + 0.75 * s["girth"], 0.05 if front else -0.07
    swing = stride * s["leg"]
    knots = [
        [x, high, z],
        [x, 0.55 * s["leg"], z + 0.4 * swing - bend * 0.5],
        [x, 0.3 * s["leg"], z + 0.7 * swing + bend],
        [x, 0.03, z + swing],
    ]
    path = np.concatenate([curve(knots, 8), [[x, 0.0, z + swing + 0.01]]])
    thick = s["thick"] * np.array([2.2, 1.9, 1.5, 1.1, 1.0, 0.85, 0.8, 0.9 * s["hoof"], s["hoof"]])
    return bar(path, 0.9 * thick, 1.1 * thick, side=X, columns=8)


def tail(s):
    root = np.array([0, s["leg"] + 1.45 * s["girth"], -0.95 * s["length"]])
    way = np.array([0, np.sin(s["tail_up"]), -np.cos(s["tail_up"])])
    knots = [
        root + [0, -0.03, 0.08],
        root,
        root + 0.5 * s["tail"] * way,
        root + s["tail"] * (way - 0.35 * Y * np.cos(s["tail_up"])),
    ]
    thick = s["tail_thick"] * np.array([1.3, 1.2, 1.0, 0.9, 0.9, 0.9, 0.8, 0.4])
    return bar(curve(knots, 8), thick, thick, side=X, columns=8)


def build(s):
    legs = {
        f"{end}_{name}": part
        for end, front, strides in (
            ("front", True, s["stride"][:2]),
            ("rear", False, s["stride"][2:]),
        )
        for name, part in (
            ("left", mirrored(leg(s, front, strides[0]))),
            ("right", leg(s, front, strides[1])),
        )
    }
    return {
        "trunk": trunk(s),
        "neck": neck(s),
        "head": head(s),
        "ear_left": ear(s, -1),
        "ear_right": ear(s, 1),
        "eye_left": eye(s, -1),
        "eye_right": eye(s, 1),
        "tail": tail(s),
        **legs,
    }


def cells():
    feet = [("feet", 8, 99, 0, 99)]
    eyes = [("eye", 0, 99, 0, 99)]
    return {
        "trunk": [("belly", 0, 99, 3, 5)],
        "head": [("muzzle", 7, 9, 0, 99), ("nose", 9, 99, 0, 99)],
        "ear_left": [("ear", 0, 99, 0, 99)],
        "ear_right": [("ear", 0, 99, 0, 99)],
        "eye_left": eyes,
        "eye_right": eyes,
        "tail": [("tail", 6, 99, 0, 99)],
    } | {f"{a}_{b}": feet for a in ("front", "rear") for b in ("left", "right")}


MATERIALS = {
    "coat": "coat", "belly": "like", "muzzle": "like", "nose": "dark", "ear": "like",
    "eye": "black", "feet": "like", "tail": "like",
}  # fmt: skip
KEYPOINTS = {
    "nose": ("head", 11, 0),
    "ear_left_tip": ("ear_left", 8, 0),
    "ear_right_tip": ("ear_right", 8, 0),
    "withers": ("trunk", 9, 12),
    "tail_root": ("tail", 5, 2),
    "tail_tip": ("tail", 11, 0),
    "front_left_foot": ("front_left", 10, 2),
    "front_right_foot": ("front_right", 10, 6),
    "rear_left_foot": ("rear_left", 10, 2),
    "rear_right_foot": ("rear_right", 10, 6),
}
YAW, PITCH, STANDS = 45, (0, 30), True
