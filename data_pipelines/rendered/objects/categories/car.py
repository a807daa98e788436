"""Cars: saloons, hatchbacks, vans and coupes."""

import numpy as np
from numpy import s_
from numpy.random import Generator

from data_pipelines.rendered.engine.draws import pick
from data_pipelines.rendered.objects.categories import Shape, both, on, pair
from data_pipelines.rendered.objects.lofts import CLOSED, X, Z, lathe

CHANCES = {"saloon": 0.35, "hatch": 0.25, "van": 0.25, "coupe": 0.15}
STYLES = {
    "saloon": {"trunk": (0.12, 0.2)},
    "hatch": {"length": (3.4, 4.2), "rake": (0.05, 0.13)},
    "van": {"height": (1.65, 2.0), "rake": (0.02, 0.07), "bonnet": (0.1, 0.24)},
    "coupe": {"height": (1.2, 1.35), "trunk": (0.08, 0.16)},
}
# Rows of the body: end, inner, tail, tail, trunk, rear glass, again, roof, rear window, pillar,
# pillar, front window, roof, windscreen, again, bonnet, bonnet, nose, nose, inner, end.
INNER, TAIL, REAR_GLASS, ROOF_FRONT, NOSE = 1, 2, 5, 12, 17
# Columns of the left half: seam, floor, sill, sill, side, belt, belt, eaves, eaves, roof, middle.
SIDE, BELT, EAVES, ROOF = 4, 5, 7, 9
LAST = 20

# Metres, half of the width; trunk, rake, bonnet, screen and axles are shares of the length, belt,
# drop, tumble, taper and rim of others.
SHAPE = (
    {"length": (4.0, 5.0), "width": (0.78, 0.98), "height": (1.38, 1.6)},
    {"belt": (0.52, 0.64), "clearance": (0.2, 0.36)},
    {"trunk": (0.0, 0.03), "rake": (0.1, 0.22), "bonnet": (0.2, 0.32), "screen": (0.06, 0.17)},
    {"drop": (0.0, 0.16), "tumble": (0.72, 0.9), "taper": (0.8, 0.95)},
    {"wheel": (0.29, 0.4), "rim": (0.5, 0.75)},
    {"front_axle": (0.16, 0.22), "rear_axle": (0.17, 0.24)},
)


def kind(rng: Generator) -> dict[str, tuple]:
    """Ranges of one of the styles."""
    return STYLES[pick(rng, CHANCES)]


def build(s: Shape) -> dict[str, np.ndarray]:
    """The parts of one car."""
    front = _wheel(s, (0.5 - s.front_axle) * s.length)
    rear = _wheel(s, (s.rear_axle - 0.5) * s.length)
    return {"body": _body(s), **both("front", front), **both("rear", rear)}


def _stations(s: Shape):
    """z, half width, belt, roof and half roof of the rows from tail to nose, without the ends."""
    length, high = s.length, s.height
    belt = s.clearance + s.belt * (high - s.clearance)
    rear, front = s.trunk + 0.02, 1 - s.bonnet
    back, fore = rear + s.rake, front - s.screen
    pillar = back + 0.52 * (fore - back)
    share = np.array(
        [0, 0, 0.015, rear, rear, back, back + 0.04, pillar - 0.015, pillar + 0.015, fore - 0.04,
         fore, front, front, front + 0.5 * (1 - front), 0.97, 1, 1]
    )  # fmt: skip
    low_front = belt * (1 - s.drop * np.clip((share - front) / (1 - front), 0, 1) ** 1.5)
    belts = np.where(share > front, low_front, belt)
    round_end = np.interp(share, [0, 0.05, 0.85, 1], [0.94, 1, 1, s.taper])
    on_roof = (share >= back) & (share <= fore)
    crown = 0.03 + 0.02 * (share > front)
    roofs = np.where(on_roof, high - 0.12 * (share - (back + fore) / 2) ** 2 * high, belts + crown)
    width = s.width * round_end
    inset = np.where(on_roof, s.tumble, 0.94)
    return (share - 0.5) * length, width, belts, roofs, width * inset


def _body(s: Shape):
    z, width, belt, roof, top = _stations(s)
    floor = np.full_like(z, s.clearance)
    floor[[0, 1, -1, -2]] += 0.08
    side = floor + 0.55 * (belt - floor)
    half = [
        (0 * z, floor), (0.9 * width, floor), (0.97 * width, floor + 0.03),
        (0.97 * width, floor + 0.03), (width, side), (0.98 * width, belt), (0.96 * width, belt),
        (top, roof), (0.98 * top, roof), (0.84 * top, roof + 0.02), (0 * top, roof + 0.03),
    ]  # fmt: skip
    x, y = (np.stack(v, 1) for v in zip(*half, strict=True))
    x, y = np.concatenate([-x, x[:, -2::-1]], 1), np.concatenate([y, y[:, -2::-1]], 1)
    rings = np.stack([x, y, np.broadcast_to(z[:, None], x.shape)])
    ends = [_end(rings[:, :1], -1), rings, _end(rings[:, -1:], 1)[:, ::-1]]
    return np.concatenate(ends, axis=1)


def _end(ring, sign):
    """Two rings that close the tail or the nose, bulging a little."""
    middle = (ring[:, :, :1] + ring[:, :, 10:11]) / 2
    bulge = np.array([0, 0, sign * 0.05])[:, None, None]
    return np.concatenate([middle + k * (ring - middle) + bulge for k in (CLOSED, 0.62)], axis=1)


def _wheel(s: Shape, z):
    """A right wheel with the dark arch behind it."""
    r, rim = s.wheel, s.rim
    out = np.array([-0.15, 0.025, 0.025, 0.025, 0.05, 0.06, 0.06, 0.03, 0.03, 0.05, 0.05])
    radii = r * np.array([CLOSED, 1.22, 1.22, 1, 1, 0.9, rim, rim, 0.3, 0.22, CLOSED])
    part = lathe(X, Z, [s.width, r, z], out, radii, 14)
    part[1, :3] = np.maximum(part[1, :3], s.clearance + 0.02)
    return part


def _each_side(rows, left, right):
    """Cells of the body between two columns, and their mirror image."""
    return ("body", s_[rows, left:right]), ("body", s_[rows, LAST - right : LAST - left])


MATERIALS = {
    "paint": ("paint",),
    "glass": (
        "glass",
        *_each_side(8, BELT + 1, BELT + 2),
        *_each_side(s_[10:12], BELT + 1, BELT + 2),
        ("body", s_[REAR_GLASS + 1, ROOF : LAST - ROOF]),
        ("body", s_[ROOF_FRONT, ROOF : LAST - ROOF]),
    ),
    "head_lamp": ("light", *_each_side(NOSE + 1, SIDE, SIDE + 1)),
    "tail_lamp": ("any", *_each_side(INNER, SIDE, SIDE + 1)),
    "trim": (
        "trim",
        *_each_side(s_[TAIL : TAIL + 2], 1, SIDE),
        *_each_side(s_[NOSE - 1 : NOSE + 1], 1, SIDE),
        ("body", s_[NOSE + 2 :]),
    ),
    "plate": ("any", ("body", 0)),
    "arch": ("black", ("front_*", s_[:3]), ("rear_*", s_[:3])),
    "tyre": ("dark", ("front_*", s_[3:6]), ("rear_*", s_[3:6])),
    "rim": ("metal", ("front_*", s_[6:]), ("rear_*", s_[6:])),
}
KEYPOINTS = {
    **pair("front_{}_hub", "front_{}", 10, 0, 0),
    **pair("rear_{}_hub", "rear_{}", 10, 0, 0),
    **on("body", NOSE, head_lamp_left=BELT, head_lamp_right=LAST - BELT),
    **on("body", TAIL + 1, tail_lamp_left=BELT, tail_lamp_right=LAST - BELT),
    **on("body", ROOF_FRONT, windscreen_top_left=EAVES, windscreen_top_right=LAST - EAVES),
}
YAW, PITCH, STANDS = 40, (0, 30), True
