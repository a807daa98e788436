"""Motorbikes: touring, sports, choppers, scooters without a body."""

import numpy as np
from numpy import s_

from data_pipelines.rendered.objects.categories import ALL, Shape, both, degrees
from data_pipelines.rendered.objects.lofts import X, Y, Z, bar, curve, lathe, line, turned

SPOKES = 3

# Metres; the fender is half an angle in radians.
SHAPE = (
    {"wheel": (0.27, 0.36), "tyre": (0.045, 0.08), "base": (1.15, 1.6)},
    {"rake": degrees(18, 42), "fork": (0.52, 0.68)},
    {"bars": (0.26, 0.42), "rise": (0.0, 0.2), "back": (0.02, 0.18), "lamp": (0.065, 0.11)},
    {"tank_wide": (0.11, 0.17), "tank_high": (0.09, 0.16)},
    {"seat": (0.58, 0.78), "seat_wide": (0.1, 0.17), "hump": (-0.03, 0.14)},
    {"overhang": (-0.05, 0.25), "engine": (0.1, 0.17)},
    {"pipe": (0.025, 0.055), "pipe_rise": (-0.02, 0.22), "fender": (0.6, 1.15)},
)


def build(s: Shape) -> dict[str, np.ndarray]:
    """The parts of one motorbike."""
    front = np.array([0, s.wheel, s.base / 2])  # hub
    rear = np.array([0, s.wheel, -s.base / 2])
    head = front + s.fork * turned(Y, -Z, s.rake)  # of the steering
    foot = head - 0.05 * Y - 0.06 * Z
    return {
        **_wheels(s, front, rear),
        **_steering(s, front, head),
        **_tank_and_seat(s, foot, rear),
        **_engine(s, foot),
        **_arms_and_pipe(s, rear),
    }


def _wheels(s: Shape, front, rear):
    hubs, turn = {"front": front, "rear": rear}, np.linspace(0, 2 * np.pi, 10)
    parts, radii = {}, s.wheel - s.tyre + s.tyre * np.sin(turn)
    for (name, hub), wide in zip(hubs.items(), (0.9, 1.25), strict=True):
        parts[f"{name}_tyre"] = lathe(X, Z, hub, -wide * s.tyre * np.cos(turn), radii, 20)
    out = 0.075 * np.array([-1, -1, -1, -0.3, -0.3, 0.3, 0.3, 1, 1, 1])
    radii = np.array([0.001, 0.025, 0.025, 0.025, 0.075, 0.075, 0.025, 0.025, 0.025, 0.001])
    parts |= {f"{name}_axle": lathe(X, Z, hub, out, radii, 10) for name, hub in hubs.items()}
    for name, hub in hubs.items():
        for number in range(SPOKES):
            angle = np.pi * (number + 0.5) / SPOKES
            way = (s.wheel - 1.2 * s.tyre) * turned(Y, Z, angle)
            path = np.linspace(hub - way, hub + way, 4)
            parts[f"{name}_spoke_{number}"] = bar(path, 0.015, 0.02, columns=6)
    begins = np.pi / 2 - s.fender, np.pi / 3  # of the arc over a wheel, from the front over the top
    for (name, hub), begin in zip(hubs.items(), begins, strict=True):
        turn = np.linspace(begin, np.pi / 2 + s.fender, 8)
        ring = np.multiply.outer(np.sin(turn), Y) + np.multiply.outer(np.cos(turn), Z)
        path = hub + 1.06 * s.wheel * ring
        parts[f"{name}_fender"] = bar(path, 1.3 * s.tyre, 0.012)
    return parts


def _steering(s: Shape, front, head):
    x = (s.tyre + 0.035) * X
    fork = bar(np.linspace(front + x, head + 0.6 * x, 6), 0.022, 0.022)
    wide, up, back = s.bars, s.rise * Y, s.back * Z
    bend, reach = head + 0.25 * wide * X + 0.6 * up, head + 0.6 * wide * X + up - 0.3 * back
    half = [head + 0.04 * Y, bend, reach, head + wide * X + up - back]
    knots = [p * [-1, 1, 1] for p in half[:0:-1]] + half
    out = s.lamp * np.array([-0.6, -0.6, -0.3, 0.3, 0.7, 0.7, 0.85])
    radii = s.lamp * np.array([0.01, 0.3, 0.8, 1, 1, 1, 0.01])
    return {
        **both("fork", fork),
        "bars": bar(curve(knots, 13), 0.02, 0.02, side=Y),
        "lamp": lathe(Z, X, head + 0.1 * Z - 0.04 * Y, out, radii, 12),
    }


def _tank_and_seat(s: Shape, foot, rear):
    dent = np.array([0, s.seat, -0.08 * s.base])  # before the seat
    share = np.linspace(0, 1, 9)
    full = np.interp(share, [0, 0.15, 0.45, 0.8, 1], [0.45, 0.85, 1, 0.75, 0.4])
    path = line(foot, share, dent + 0.02 * Y - foot)
    high = s.tank_high * full
    tank = bar(path, s.tank_wide * full, high, columns=12, power=2.6)
    end, share = np.array([0, s.seat + s.hump, rear[2] - s.overhang]), np.linspace(0, 1, 8)
    path = curve([dent + 0.06 * Z, 0.5 * (dent + end) - 0.35 * (end - dent) * Y, end], 8)
    wide = s.seat_wide * np.interp(share, [0, 0.4, 0.85, 1], [0.7, 1, 0.9, 0.6])
    return {"tank": tank, "seat": bar(path, wide, 0.05, columns=12, power=3.0)}


def _engine(s: Shape, foot):
    size = s.engine
    path = line(np.array([0, 0.92 * s.wheel, 0.02]), np.linspace(-1, 1, 6) * 1.5 * size, Z)
    engine = bar(path, 0.85 * size, 1.05 * size, columns=12, power=5.0)
    base = np.array([0, 0.95 * s.wheel, 0.05])
    path = np.linspace(base, base + 1.9 * size * (0.93 * Y + 0.3 * Z), 9)
    ribs = 1 + 0.12 * np.array([0, 0, -1, 1, -1, 1, -1, 1, 0])
    cylinder = bar(path, 0.75 * size * ribs, 0.8 * size * ribs, power=4.0)
    low, ahead = s.wheel * Y, (0.04 + 2 * size) * Z
    tube = curve([foot, 0.9 * low + ahead, 0.5 * low + 0.05 * Z], 8)
    down_tube = bar(tube, 0.03, 0.025)
    return {"engine": engine, "cylinder": cylinder, "down_tube": down_tube}


def _arms_and_pipe(s: Shape, rear):
    x = (s.tyre + 0.03) * X
    arm = bar(np.linspace([0.05, 0.85 * s.wheel, 0], rear + x, 5), 0.02, 0.035)
    out, low = 0.9 * s.engine + 0.06, 0.5 * s.wheel
    begin = [[0.04, 1.5 * s.wheel, 0.1 + s.engine], [0.09, s.wheel, 0.1 + 2 * s.engine]]
    end = [out + 0.02, low + s.pipe_rise, rear[2] - 0.1]
    path = curve([*begin, [out, low, 0.05], [out, low + 0.02, 0.4 * rear[2]], end], 14)
    thick = s.pipe * np.interp(np.linspace(0, 1, 14), [0, 0.5, 0.65, 1], [0.6, 0.6, 1, 1.1])
    return {**both("arm", arm), "pipe": bar(path, thick, thick, columns=10)}


MATERIALS = {
    "paint": ("paint",),
    "tyre": ("dark", ("*_tyre", ALL)),
    "rim": ("metal", ("*_axle", ALL), ("*_spoke_*", ALL)),
    "frame": ("trim", ("fork_*", ALL), ("arm_*", ALL), ("down_tube", ALL), ("bars", ALL)),
    "engine": ("metal", ("engine", ALL), ("cylinder", ALL)),
    "seat": ("trim", ("seat", ALL)),
    "metal": ("metal", ("pipe", ALL), ("lamp", ALL)),
    "grip": ("dark", ("bars", s_[:4]), ("bars", s_[12:])),
    "light": ("light", ("lamp", s_[4:]), ("rear_fender", s_[10:])),
}
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
