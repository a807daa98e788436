"""Four-legged animals between dog, cat, sheep, horse and cow."""

import numpy as np
from numpy import s_

from data_pipelines.rendered.objects.categories import ALL, SIDES, Shape, degrees, pair
from data_pipelines.rendered.objects.lofts import X, Y, Z, ball, bar, curve, line, mirrored, turned

# Lengths share one unit; `length` is half of the trunk. Shares of others are belly, hoof,
# neck_thick, head_width, snout, snout_thick, ear and ear_wide. The four legs stride in their order.
SHAPE = (
    {"length": (0.36, 0.6), "girth": (0.15, 0.27), "belly": (0.8, 1.15)},
    {"leg": (0.35, 0.8), "thick": (0.045, 0.085), "hoof": (0.8, 1.5)},
    {"stride": ([-0.22] * 4, [0.22] * 4)},
    {"neck": (0.15, 0.5), "neck_rise": degrees(15, 75), "neck_thick": (0.4, 0.7)},
    {"head": (0.16, 0.24), "head_width": (0.55, 0.85)},
    {"snout": (0.5, 1.5), "snout_thick": (0.35, 0.62)},
    {"nod": degrees(0, 40), "look": degrees(-25, 25)},
    {"ear": (0.5, 1.3), "ear_wide": (0.22, 0.42), "ear_up": degrees(-35, 85)},
    {"tail": (0.2, 0.75), "tail_up": degrees(-80, 60), "tail_thick": (0.02, 0.06)},
)


def build(s: Shape) -> dict[str, np.ndarray]:
    """The parts of one animal."""
    front, rear = s.stride.reshape(2, 2)
    return {
        "trunk": _trunk(s),
        **_neck_and_head(s),
        "tail": _tail(s),
        "front_left": mirrored(_leg(s, True, front[0])),
        "front_right": _leg(s, True, front[1]),
        "rear_left": mirrored(_leg(s, False, rear[0])),
        "rear_right": _leg(s, False, rear[1]),
    }


def _trunk(s: Shape):
    share = np.linspace(-1, 1, 11)
    middles = np.stack([0 * share, s.leg + s.girth + 0.04 * share**2, s.length * share], -1)
    knots = [0.45, 0.8, 0.98, s.belly, 1.05, 0.75, 0.4]
    full = s.girth * np.interp(share, [-1, -0.85, -0.6, 0, 0.6, 0.9, 1], knots)
    return bar(middles, 0.82 * full, full, columns=16)


def _neck_and_head(s: Shape):
    start = np.array([0, s.leg + 1.25 * s.girth, 0.82 * s.length])
    ahead, half, size = turned(Z, X, s.look), turned(Z, X, s.look / 2), s.head
    top = start + s.neck * turned(half, Y, s.neck_rise)  # where the head begins
    way = turned(ahead, -Y, s.nod)  # of the snout
    side = np.cross(Y, ahead)
    up = np.cross(way, side)
    root = start - [0, 0.5 * s.girth, 0.25 * s.length]
    path = curve([root, start, top, top + 0.3 * size * way], 8)
    thick = s.neck_thick * np.linspace(1.35 * s.girth, 1.1 * size, 8)
    parts = {"neck": bar(path, 0.75 * thick, thick, columns=12)}
    share = np.array([-0.5, -0.35, 0, 0.3, 0.55, 0.75, 0.92, 1.0])
    knots = [0.4, 0.8, 1, 0.9, s.snout_thick + 0.12, s.snout_thick, 0.6 * s.snout_thick]
    full = np.interp(share, [-0.5, -0.35, 0, 0.3, 0.55, 0.92, 1], knots)
    reach = np.where(share > 0, share * (size * (1 + s.snout)), share * 1.6 * size)
    path = line(line(top, reach, way), 0.25 * size * np.clip(share, 0, 1), np.cross(side, way))
    width, height = size * s.head_width * full, 0.85 * size * full
    parts["head"] = bar(path, width, height, side=side, columns=12)

    def on_head(along, across, high):
        return top + size * (along * way + across * s.head_width * side + high * 0.85 * up)

    width = s.ear_wide * size * np.array([0.8, 1.1, 0.9, 0.5, 0.12])
    for name, sign in SIDES:
        out = turned(sign * side, up, s.ear_up)
        ear = s.ear * size * np.array([-0.15, 0.25, 0.6, 0.85, 1.0])
        path = line(on_head(-0.3, 0.6 * sign, 0.7), ear, out)
        parts[f"ear_{name}"] = bar(path, width, 0.35 * width, side=np.cross(out, way))
    for name, sign in SIDES:
        middle = on_head(0.3 * (1 + s.snout) * 0.6, 0.74 * sign, 0.42)
        parts[f"eye_{name}"] = ball(middle, sign * side, Y, 0.14 * size, 8)
    return parts


def _leg(s: Shape, front, stride):
    x, z = 0.52 * s.girth, (0.72 if front else -0.74) * s.length
    high, bend = s.leg + 0.75 * s.girth, 0.05 if front else -0.07
    swing = stride * s.leg
    knee = [x, 0.55 * s.leg, z + 0.4 * swing - bend * 0.5]
    heel = [x, 0.3 * s.leg, z + 0.7 * swing + bend]
    path = curve([[x, high, z], knee, heel, [x, 0.03, z + swing]], 8)
    path = np.concatenate([path, [[x, 0.0, z + swing + 0.01]]])
    thick = s.thick * np.array([2.2, 1.9, 1.5, 1.1, 1.0, 0.85, 0.8, 0.9 * s.hoof, s.hoof])
    return bar(path, 0.9 * thick, 1.1 * thick)


def _tail(s: Shape):
    root = np.array([0, s.leg + 1.45 * s.girth, -0.95 * s.length])
    way = turned(-Z, Y, s.tail_up)
    tip = root + s.tail * (way - 0.35 * Y * np.cos(s.tail_up))
    path = curve([root + [0, -0.03, 0.08], root, root + 0.5 * s.tail * way, tip], 8)
    thick = s.tail_thick * np.array([1.3, 1.2, 1.0, 0.9, 0.9, 0.9, 0.8, 0.4])
    return bar(path, thick, thick)


MATERIALS = {
    "coat": ("coat",),
    "belly": ("like", ("trunk", s_[:, 3:5])),
    "muzzle": ("like", ("head", s_[7:9])),
    "nose": ("dark", ("head", s_[9:])),
    "ear": ("like", ("ear_*", ALL)),
    "eye": ("black", ("eye_*", ALL)),
    "feet": ("like", ("front_*", s_[8:]), ("rear_*", s_[8:])),
    "tail": ("like", ("tail", s_[6:])),
}
KEYPOINTS = {
    "nose": ("head", 11, 0),
    **pair("ear_{}_tip", "ear_{}", 8, 0, 0),
    "withers": ("trunk", 9, 12),
    "tail_root": ("tail", 5, 2),
    "tail_tip": ("tail", 11, 0),
    **pair("front_{}_foot", "front_{}", 10, 2, 6),
    **pair("rear_{}_foot", "rear_{}", 10, 2, 6),
}
YAW, PITCH, STANDS = 45, (0, 30), True
