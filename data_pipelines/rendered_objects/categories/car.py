"""Cars: saloons, hatchbacks, vans and coupes."""

import numpy as np

from data_pipelines.rendered_objects.lofts import CLOSED, X, Z, lathe, mirrored
from data_pipelines.rendering.draws import pick

STYLES = {"saloon": 0.35, "hatch": 0.25, "van": 0.25, "coupe": 0.15}
# Rows of the body: end, inner, tail, tail, trunk, rear glass, again, roof, rear window, pillar,
# pillar, front window, roof, windscreen, again, bonnet, bonnet, nose, nose, inner, end.
INNER, TAIL, REAR_GLASS, ROOF_BACK, ROOF_FRONT, SCREEN, NOSE = 1, 2, 5, 7, 12, 13, 17
# Columns of the left half: seam, floor, sill, sill, side, belt, belt, eaves, eaves, roof, middle.
SILL, SIDE, BELT, EAVES, ROOF = 2, 4, 5, 7, 9
LAST = 20


def draw(rng):
    style = pick(rng, STYLES)
    tall = {"van": (1.65, 2.0), "coupe": (1.2, 1.35)}.get(style, (1.38, 1.6))
    trunk = {"saloon": (0.12, 0.2), "coupe": (0.08, 0.16)}.get(style, (0.0, 0.03))
    rake = {"van": (0.02, 0.07), "hatch": (0.05, 0.13)}.get(style, (0.1, 0.22))
    bonnet = (0.1, 0.24) if style == "van" else (0.2, 0.32)
    return {
        "length": rng.uniform(3.4, 4.2) if style == "hatch" else rng.uniform(4.0, 5.0),
        "width": rng.uniform(0.78, 0.98),
        "height": rng.uniform(*tall),
        "belt": rng.uniform(0.52, 0.64),
        "clearance": rng.uniform(0.2, 0.36),
        "trunk": rng.uniform(*trunk),
        "rake": rng.uniform(*rake),
        "bonnet": rng.uniform(*bonnet),
        "screen": rng.uniform(0.06, 0.17),
        "drop": rng.uniform(0.0, 0.16),
        "tumble": rng.uniform(0.72, 0.9),
        "taper": rng.uniform(0.8, 0.95),
        "wheel": rng.uniform(0.29, 0.4),
        "rim": rng.uniform(0.5, 0.75),
        "front_axle": rng.uniform(0.16, 0.22),
        "rear_axle": rng.uniform(0.17, 0.24),
        "absent": (),
    }


def stations(s):
    """z, half width, belt, roof and half roof of the rows from tail to nose, without the ends."""
    length, high = s["length"], s["height"]
    belt = s["clearance"] + s["belt"] * (high - s["clearance"])
    rear, front = s["trunk"] + 0.02, 1 - s["bonnet"]
    back, fore = rear + s["rake"], front - s["screen"]
    pillar = back + 0.52 * (fore - back)
    share = np.array(
        [0, 0, 0.015, rear, rear, back, back + 0.04, pillar - 0.015, pillar + 0.015, fore - 0.04,
         fore, front, front, front + 0.5 * (1 - front), 0.97, 1, 1]
    )  # fmt: skip
    low_front = belt * (1 - s["drop"] * np.clip((share - front) / (1 - front), 0, 1) ** 1.5)
    belts = np.where(share > front, low_front, belt)
    round_end = np.interp(share, [0, 0.05, 0.85, 1], [0.94, 1, 1, s["taper"]])
    on_roof = (share >= back) & (share <= fore)
    crown = 0.03 + 0.02 * (share > front)
    roofs = np.where(on_roof, high - 0.12 * (share - (back + fore) / 2) ** 2 * high, belts + crown)
    width = s["width"] * round_end
    inset = np.where(on_roof, s["tumble"], 0.94)
    return (share - 0.5) * length, width, belts, roofs, width * inset


def body(s):
    z, width, belt, roof, top = stations(s)
    floor = np.full_like(z, s["clearance"])
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
    ends = [end(rings[:, :1], -1), rings, end(rings[:, -1:], 1)[:, ::-1]]
    return np.concatenate(ends, axis=1)


def end(ring, sign):
    """Two rings that close the tail or the nose, bulging a little."""
    middle = (ring[:, :, :1] + ring[:, :, 10:11]) / 2
    bulge = np.array([0, 0, sign * 0.05])[:, None, None]
    return np.concatenate([middle + k * (ring - middle) + bulge for k in (CLOSED, 0.62)], axis=1)


def wheel(s, z):
    """A right wheel with the dark arch behind it."""
    r, rim = s["wheel"], s["rim"]
    out = np.array([-0.15, 0.025, 0.025, 0.025, 0.05, 0.06, 0.06, 0.03, 0.03, 0.05, 0.05])
    radii = r * np.array([CLOSED, 1.22, 1.22, 1, 1, 0.9, rim, rim, 0.3, 0.22, CLOSED])
    part = lathe(X, Z, [s["width"], r, z], out, radii, 14)
    part[1, :3] = np.maximum(part[1, :3], s["clearance"] + 0.02)
    return part


def build(s):
    length = s["length"]
    front = wheel(s, (0.5 - s["front_axle"]) * length)
    rear = wheel(s, (s["rear_axle"] - 0.5) * length)
    return {
        "body": body(s),
        "front_left": mirrored(front),
        "front_right": front,
        "rear_left": mirrored(rear),
        "rear_right": rear,
    }


def cells():
    """Material, rows and columns of the cells that are not the first material."""
    right = {"side": LAST - BELT - 2, "lamp": LAST - BELT}
    wheels = [("arch", 0, 3, 0, 99), ("tyre", 3, 6, 0, 99), ("rim", 6, 99, 0, 99)]
    windows = [
        ("glass", row, row + n, column, column + 1)
        for row, n in ((8, 1), (10, 2))
        for column in (BELT + 1, right["side"])
    ]
    roof = [("glass", r, r + 1, ROOF, LAST - ROOF) for r in (REAR_GLASS + 1, ROOF_FRONT)]
    lamps = [
        (name, row, row + 1, column, column + 1)
        for name, row in (("tail_lamp", INNER), ("head_lamp", NOSE + 1))
        for column in (SIDE, right["lamp"])
    ]
    bumpers = [
        ("trim", row, row + 2, a, b)
        for row in (TAIL, NOSE - 1)
        for a, b in ((1, SIDE), (LAST - SIDE, LAST - 1))
    ]
    grille = [("trim", NOSE + 2, 99, 0, 99), ("plate", 0, 1, 0, 99)]
    around = ("front_left", "front_right", "rear_left", "rear_right")
    return {"body": windows + roof + lamps + bumpers + grille} | {w: wheels for w in around}


MATERIALS = {
    "paint": "paint", "glass": "glass", "head_lamp": "light", "tail_lamp": "any", "trim": "trim",
    "plate": "any", "arch": "black", "tyre": "dark", "rim": "metal",
}  # fmt: skip
KEYPOINTS = {
    "front_left_hub": ("front_left", 10, 0),
    "front_right_hub": ("front_right", 10, 0),
    "rear_left_hub": ("rear_left", 10, 0),
    "rear_right_hub": ("rear_right", 10, 0),
    "head_lamp_left": ("body", NOSE, BELT),
    "head_lamp_right": ("body", NOSE, LAST - BELT),
    "tail_lamp_left": ("body", TAIL + 1, BELT),
    "tail_lamp_right": ("body", TAIL + 1, LAST - BELT),
    "windscreen_top_left": ("body", ROOF_FRONT, EAVES),
    "windscreen_top_right": ("body", ROOF_FRONT, LAST - EAVES),
}
YAW, PITCH, STANDS = 40, (0, 30), True
