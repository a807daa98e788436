"""Linear fields that deform the mean head: shape, expression, beard."""

import numpy as np

from data_pipelines.rendered_faces.grids import EYE_X, MOUTH_X, MOUTH_Y, bump


def soft_sign(x):
    return x / np.sqrt(x * x + 0.2)


def pull(p, cx, cy, sx, sy, dx=0.0, dy=0.0, dz=0.0):
    """A Gaussian pull of the front by (dx outwards, dy, dz)."""
    x, y, z = p.T
    weight = bump(x, y, cx, cy, sx, sy) * np.clip((z + 3) / 4, 0, 1)
    return weight[:, None] * np.stack([dx * soft_sign(x), 0 * x + dy, 0 * x + dz], -1)


def stretch(p, cx, cy, sx, sy, kx, ky):
    """Scales the surroundings of (cx, cy): kx across, ky along y."""
    x, y, z = p.T
    weight = bump(x, y, cx, cy, sx, sy) * (z > 0)
    dx = kx * (np.abs(x) - cx) * np.sign(x) if cx else kx * x
    return weight[:, None] * np.stack([dx, ky * (y - cy), 0 * x], -1)


def tilt(p, cx, cy, sx, sy):
    """Raises the outer side of (cx, cy) and lowers the inner one."""
    x, y, z = p.T
    weight = bump(x, y, cx, cy, sx, sy) * (z > 0)
    return weight[:, None] * np.stack([0 * x, np.abs(x) - cx, 0 * x], -1)


def jaw_drop(p):
    """Opens the mouth by 1 cm: the lower lip, the chin and the jaw go down."""
    x, y, z = p.T
    lip = np.sqrt(np.clip(1 - (x / MOUTH_X) ** 2, 0, 1))
    below = np.clip((MOUTH_Y + 0.1 - y) / 0.2, 0, 1)
    share = np.clip((MOUTH_Y - 0.1 - y) / 2.6, 0, 1)
    front = np.clip((z + 1) / 8, 0, 1) ** 1.5
    down = (below * lip * (1 - share) + 0.85 * share * (y < MOUTH_Y)) * front
    upper = (1 - below) * lip * 0.12 * np.exp(-0.5 * ((y - MOUTH_Y) / 0.8) ** 2) * (z > 0)
    return np.stack([-0.06 * x * share, upper - down, -0.25 * down], -1)


def mouth_close(p):
    """Closes the gap that the mean head has between its lips."""
    x, y, z = p.T
    gap = np.clip(0.2 - np.abs(y - MOUTH_Y), 0, 0.1) / 0.1
    return np.stack(
        [0 * x, -0.09 * np.sign(y - MOUTH_Y) * gap * (z > 0) * (np.abs(x) < 3.5), 0 * x], -1
    )


FIELDS = {
    "width": lambda p: p * [1, 0, 0],
    "height": lambda p: p * [0, 1, 0],
    "depth": lambda p: p * [0, 0, 1],
    "jaw_width": lambda p: pull(p, 5, -8.5, 2.6, 3, dx=1),
    "chin_length": lambda p: pull(p, 0, -11.5, 4, 2.2, dy=-1),
    "chin_out": lambda p: pull(p, 0, -10.2, 2, 1.6, dz=1),
    "chin_width": lambda p: pull(p, 2.2, -11, 1.5, 1.5, dx=1),
    "cheek_width": lambda p: pull(p, 6.3, -3, 2.2, 2.8, dx=1),
    "cheekbone": lambda p: pull(p, 4.6, -2.2, 1.4, 1.2, dx=0.4, dz=1),
    "cheek_full": lambda p: pull(p, 4.4, -6, 1.8, 2, dx=0.6, dz=0.9),
    "temples": lambda p: pull(p, 7, 4, 2.6, 3, dx=1),
    "forehead": lambda p: pull(p, 0, 9, 9, 3.5, dy=1),
    "brow_ridge": lambda p: pull(p, 2.2, 1.8, 2.2, 0.7, dz=1),
    "eye_spacing": lambda p: pull(p, EYE_X, 0, 1.7, 1.6, dx=1),
    "eye_height": lambda p: pull(p, EYE_X, 0, 2, 1.2, dy=1),
    "eye_depth": lambda p: pull(p, EYE_X, 0, 1.5, 1.0, dz=1),
    "eye_size": lambda p: stretch(p, EYE_X, 0, 1.5, 1.0, 0.7, 1.0),
    "eye_open": lambda p: stretch(p, EYE_X, 0, 1.5, 0.75, 0, 1.0),
    "eye_tilt": lambda p: tilt(p, EYE_X, 0, 1.5, 1.0),
    "brow_height": lambda p: pull(p, 3, 2.1, 2.2, 0.8, dy=1),
    "brow_inner": lambda p: pull(p, 1.3, 2.0, 0.9, 0.7, dx=-0.3, dy=1),
    "brow_tilt": lambda p: tilt(p, 3.2, 2.1, 1.6, 0.7),
    "nose_length": lambda p: pull(p, 0, -3.7, 1.6, 1.3, dy=-1),
    "nose_out": lambda p: pull(p, 0, -3.7, 1.0, 1.3, dz=1),
    "nose_width": lambda p: pull(p, 1.3, -4.1, 0.8, 0.9, dx=1),
    "nose_bridge": lambda p: pull(p, 0, -0.6, 0.8, 1.5, dz=1),
    "nose_hook": lambda p: pull(p, 0, -2.0, 0.8, 0.8, dz=1),
    "nose_tip": lambda p: pull(p, 0, -3.9, 0.9, 0.7, dy=1, dz=0.3),
    "mouth_height": lambda p: pull(p, 0, -7, 3, 1.4, dy=1),
    "mouth_width": lambda p: pull(p, MOUTH_X, -7, 1.4, 1.2, dx=1),
    "lip_full": lambda p: (
        stretch(p, 0, MOUTH_Y, 2.4, 0.9, 0, 1.0) + pull(p, 0, -7, 1.8, 0.7, dz=0.4)
    ),
    "lip_out": lambda p: pull(p, 0, -7, 1.8, 0.9, dz=1),
    "jaw_drop": jaw_drop,
    "mouth_close": mouth_close,
    "smile": lambda p: (
        pull(p, MOUTH_X + 0.2, -7, 1.2, 1.1, dx=0.75, dy=0.75, dz=-0.35)
        + pull(p, 4.2, -4.0, 1.3, 1.2, dx=0.2, dy=0.5, dz=0.45)
        + pull(p, 0, -6.4, 2.5, 0.5, dy=0.15)
    ),
    "pucker": lambda p: pull(p, MOUTH_X, -7, 1.3, 1.0, dx=-1.0) + pull(p, 0, -7, 1.2, 0.9, dz=0.6),
    "beard": lambda p: pull(p, 0, -11.2, 5.5, 2.6, dx=0.15, dy=-0.8, dz=0.7),
    # These three act on ears and neck alone: see ear_fields and neck_field.
    "ear_out": lambda p: 0 * p,
    "ear_size": lambda p: 0 * p,
    "neck": lambda p: 0 * p,
}


def ear_fields(p):
    """Fields of one ear: standing off, size."""
    out = np.clip((np.abs(p[:, 0]) - 6.75) / 1.5, 0, 1.3)
    off = np.stack([np.sign(p[:, 0]) * out, 0 * out, 0.5 * out], -1)
    return off, (p - [0, -1.3, -0.8]) * [0, 1, 1]


def neck_field(p):
    """Widens the neck by a ratio, nothing below the shoulders."""
    return (p - [0, 0, -2.4]) * [1, 0, 1] * np.clip((p[:, 1:2] + 19) / 5, 0, 1)
