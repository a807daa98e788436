"""Motorbikes: touring, sports, choppers, scooters without a body."""

import numpy as np

from data_pipelines.rendered_objects.lofts import X, Y, Z, bar, curve, lathe, mirrored

SPOKES = 3


def draw(rng):
    return {
        "wheel": rng.uniform(0.27, 0.36),
        "tyre": rng.uniform(0.045, 0.08),
        "base": rng.uniform(1.15, 1.6),
        "rake": np.radians(rng.uniform(18, 42)),
        "fork": rng.uniform(0.52, 0.68),
        "bars": rng.uniform(0.26, 0.42),
        "rise": rng.uniform(0.0, 0.2),
        "back": rng.uniform(0.02, 0.18),
        "lamp": rng.uniform(0.065, 0.11),
        "tank": [rng.uniform(0.11, 0.17), rng.uniform(0.09, 0.16)],
        "seat": rng.uniform(0.58, 0.78),
        "seat_wide": rng.uniform(0.1, 0.17),
        "hump": rng.uniform(-0.03, 0.14),
        "overhang": rng.uniform(-0.05, 0.25),
        "engine": rng.uniform(0.1, 0.17),
        "pipe": rng.uniform(0.025, 0.055),
        "pipe_rise": rng.uniform(-0.02, 0.22),
        "fender": rng.uniform(0.6, 1.15),  # half angle
        "absent": (),
    }


def places(s):
    """Front hub, rear hub, steering head."""
    front = np.array([0, s["wheel"], s["base"] / 2])
    rear = np.array([0, s["wheel"], -s["base"] / 2])
    return front, rear, front + s["fork"] * (np.cos(s["rake"]) * Y - np.sin(s["rake"]) * Z)


def tyre(s, hub, wide):
    turn = np.linspace(0, 2 * np.pi, 10)
    outer = s["wheel"] - s["tyre"]
    return lathe(X, Z, hub, -wide * s["tyre"] * np.cos(turn), outer + s["tyre"] * np.sin(turn), 20)


def spoke(s, hub, number):
    angle = np.pi * (number + 0.5) / SPOKES
    way = (s["wheel"] - 1.2 * s["tyre"]) * (np.cos(angle) * Y + np.sin(angle) * Z)
    return bar(np.linspace(hub - way, hub + way, 4), 0.015, 0.02, side=X, columns=6)


def axle(s, hub):
    half = 0.075 * np.array([-1, -1, -1, -0.3, -0.3, 0.3, 0.3, 1, 1, 1])
    radii = np.array([0.001, 0.025, 0.025, 0.025, 0.075, 0.075, 0.025, 0.025, 0.025, 0.001])
    return lathe(X, Z, hub, half, radii, 10)


def fender(s, hub, start, end):
    """An arc over a wheel; angles from the front over the top."""
    turn = np.linspace(start, end, 8)
    ring = np.multiply.outer(np.sin(turn), Y) + np.multiply.outer(np.cos(turn), Z)
    return bar(hub + 1.06 * s["wheel"] * ring, 1.3 * s["tyre"], 0.012, side=X)


def fork(s):
    front, _, head = places(s)
    x = (s["tyre"] + 0.035) * X
    return bar(np.linspace(front + x, head + 0.6 * x, 6), 0.022, 0.022, side=X)


def bars(s):
    _, _, head = places(s)
    wide, up, back = s["bars"], s["rise"] * Y, s["back"] * Z
    half = [
        head + 0.04 * Y,
        head + 0.25 * wide * X + 0.6 * up,
        head + 0.6 * wide * X + up - 0.3 * back,
        head + wide * X + up - back,
    ]
    knots = [p * [-1, 1, 1] for p in half[:0:-1]] + half
    return bar(curve(knots, 13), 0.02, 0.02, side=Y)


def lamp(s):
    _, _, head = places(s)
    r = s["lamp"]
    out = r * np.array([-0.6, -0.6, -0.3, 0.3, 0.7, 0.7, 0.85])
    radii = r * np.array([0.01, 0.3, 0.8, 1, 1, 1, 0.01])
    return lathe(Z, X, head + 0.1 * Z - 0.04 * Y, out, radii, 12)


def top_line(s):
    """The steering head's foot, the dent before the seat, the end of the seat."""
    _, rear, head = places(s)
    begin = head - 0.05 * Y - 0.06 * Z
    dent = np.array([0, s["seat"], -0.08 * s["base"]])
    return begin, dent, np.array([0, s["seat"] + s["hump"], rear[2] - s["overhang"]])


def tank(s):
    begin, dent, _ = top_line(s)
    share = np.linspace(0, 1, 9)
    full = np.interp(share, [0, 0.15, 0.45, 0.8, 1], [0.45, 0.85, 1, 0.75, 0.4])
    path = begin + np.multiply.outer(share, dent + 0.02 * Y - begin)
    wide, high = s["tank"]
    return bar(path, wide * full, high * full, side=X, columns=12, power=2.6)


def seat(s):
    _, dent, end = top_line(s)
    share = np.linspace(0, 1, 8)
    middle = 0.5 * (dent + end) - 0.35 * (end - dent) * Y
    path = curve([dent + 0.06 * Z, middle, end], 8)
    wide = s["seat_wide"] * np.interp(share, [0, 0.4, 0.85, 1], [0.7, 1, 0.9, 0.6])
    return bar(path, wide, 0.05, side=X, columns=12, power=3.0)


def engine(s):
    size = s["engine"]
    middle = np.array([0, 0.92 * s["wheel"], 0.02])
    path = middle + np.multiply.outer(np.linspace(-1, 1, 6) * 1.5 * size, Z)
    return bar(path, 0.85 * size, 1.05 * size, side=X, columns=12, power=5.0)


def cylinder(s):
    size = s["engine"]
    foot = np.array([0, 0.95 * s["wheel"], 0.05])
    head = foot + 1.9 * size * (0.93 * Y + 0.3 * Z)
    ribs = 1 + 0.12 * np.array([0, 0, -1, 1, -1, 1, -1, 1, 0])
    return bar(np.linspace(foot, head, 9), 0.75 * size * ribs, 0.8 * size * ribs, side=X, power=4.0)


def down_tube(s):
    begin, _, _ = top_line(s)
    low, ahead = s["wheel"] * Y, (0.04 + 2 * s["engine"]) * Z
    return bar(curve([begin, 0.9 * low + ahead, 0.5 * low + 0.05 * Z], 8), 0.03, 0.025, side=X)


def rear_frame(s):
    _, rear, _ = places(s)
    x = (s["tyre"] + 0.03) * X
    return bar(np.linspace([0.05, 0.85 * s["wheel"], 0], rear + x, 5), 0.02, 0.035, side=X)


def pipe(s):
    _, rear, _ = places(s)
    x, low = 0.9 * s["engine"] + 0.06, 0.5 * s["wheel"]
    knots = [[0.04, 1.5 * s["wheel"], 0.1 + s["engine"]], [0.09, s["wheel"], 0.1 + 2 * s["engine"]],
             [x, low, 0.05], [x, low + 0.02, 0.4 * rear[2]],
             [x + 0.02, low + s["pipe_rise"], rear[2] - 0.1]]  # fmt: skip
    thick = s["pipe"] * np.interp(np.linspace(0, 1, 14), [0, 0.5, 0.65, 1], [0.6, 0.6, 1, 1.1])
    return bar(curve(knots, 14), thick, thick, side=X, columns=10)


def build(s):
    front, rear, _ = places(s)
    leg, arm = fork(s), rear_frame(s)
    hubs = {"front": front, "rear": rear}
    return {
        "front_tyre": tyre(s, front, 0.9),
        "rear_tyre": tyre(s, rear, 1.25),
        **{f"{n}_axle": axle(s, hub) for n, hub in hubs.items()},
        **{f"{n}_spoke_{i}": spoke(s, h, i) for n, h in hubs.items() for i in range(SPOKES)},
        "front_fender": fender(s, front, np.pi / 2 - s["fender"], np.pi / 2 + s["fender"]),
        "rear_fender": fender(s, rear, np.pi / 3, np.pi / 2 + s["fender"]),
        "fork_left": mirrored(leg),
        "fork_right": leg,
        "bars": bars(s),
        "lamp": lamp(s),
        "tank": tank(s),
        "seat": seat(s),
        "engine": engine(s),
        "cylinder": cylinder(s),
        "down_tube": down_tube(s),
        "arm_left": mirrored(arm),
        "arm_right": arm,
        "pipe": pipe(s),
    }


def cells():
    def all_of(material, *parts):
        return {part: [(material, 0, 99, 0, 99)] for part in parts}

    spokes = [f"{end}_spoke_{i}" for end in ("front", "rear") for i in range(SPOKES)]
    frame = ("fork_left", "fork_right", "down_tube", "arm_left", "arm_right")
    return (
        all_of("tyre", "front_tyre", "rear_tyre")
        | all_of("rim", "front_axle", "rear_axle", *spokes)
        | all_of("frame", *frame)
        | all_of("engine", "engine", "cylinder")
        | all_of("seat", "seat")
        | all_of("metal", "pipe")
        | {"bars": [("frame", 0, 99, 0, 99), ("grip", 0, 4, 0, 99), ("grip", 12, 99, 0, 99)]}
        | {"lamp": [("metal", 0, 99, 0, 99), ("light", 4, 99, 0, 99)]}
        | {"rear_fender": [("light", 10, 99, 0, 99)]}
    )


MATERIALS = {
    "paint": "paint", "tyre": "dark", "rim": "metal", "frame": "trim", "engine": "metal",
    "seat": "trim", "metal": "metal", "grip": "dark", "light": "light",
}  # fmt: skip
KEYPOINTS = {
    "front_hub": ("front_axle", 9, 0),
    "rear_hub": ("rear_axle", 9, 0),
    "grip_left": ("bars", 0, 0),
    "grip_right": ("bars", 16, 0),
    "head_lamp": ("lamp", 6, 0),
    "tank": ("tank", 5, 3),
    "seat_dent": ("seat", 3, 3),
    "seat_end": ("seat", 9, 3),
    "pipe_end": ("pipe", 17, 0),
    "engine": ("engine", 7, 0),
}
YAW, PITCH, STANDS = -50, (0, 30), True
