"""Linear fields that deform the mean head: shape, expression, beard."""

import numpy as np

from data_pipelines.rendered.faces.grids import EYE_X, MOUTH_X, MOUTH_Y, bump


def _pull(p, cx, cy, sx, sy, dx=0.0, dy=0.0, dz=0.0):
    """A Gaussian pull of the front by (dx outwards, dy, dz)."""
    x, y, z = p.T
    weight = bump(x, y, cx, cy, sx, sy) * np.clip((z + 3) / 4, 0, 1)
    out = dx * (x / np.sqrt(x * x + 0.2))
    return weight[:, None] * np.stack([out, 0 * x + dy, 0 * x + dz], -1)


def _stretch(p, cx, cy, sx, sy, kx=0.0, ky=0.0, tilt=0.0):
    """Scales the surroundings of (cx, cy) by kx and ky; a tilt raises their outer side."""
    x, y, z = p.T
    weight = bump(x, y, cx, cy, sx, sy) * (z > 0)
    out = np.abs(x) - cx
    dx = kx * out * np.sign(x) if cx else kx * x
    return weight[:, None] * np.stack([dx, ky * (y - cy) + tilt * out, 0 * x], -1)


def _jaw_drop(p):
    """Opens the mouth by 1 cm: the lower lip, the chin and the jaw go down."""
    x, y, z = p.T
    lip = np.sqrt(np.clip(1 - (x / MOUTH_X) ** 2, 0, 1))
    below = np.clip((MOUTH_Y + 0.1 - y) / 0.2, 0, 1)
    share = np.clip((MOUTH_Y - 0.1 - y) / 2.6, 0, 1)
    front = np.clip((z + 1) / 8, 0, 1) ** 1.5
    down = (below * lip * (1 - share) + 0.85 * share * (y < MOUTH_Y)) * front
    upper = (1 - below) * lip * 0.12 * np.exp(-0.5 * ((y - MOUTH_Y) / 0.8) ** 2) * (z > 0)
    return np.stack([-0.06 * x * share, upper - down, -0.25 * down], -1)


def _mouth_close(p):
    """Closes the gap that the mean head has between its lips."""
    x, y, z = p.T
    gap = np.clip(0.2 - np.abs(y - MOUTH_Y), 0, 0.1) / 0.1
    up = -0.09 * np.sign(y - MOUTH_Y) * gap * (z > 0) * (np.abs(x) < 3.5)
    return np.stack([0 * x, up, 0 * x], -1)


def _ear_out(p):
    """An ear stands off."""
    out = np.clip((np.abs(p[:, 0]) - 6.75) / 1.5, 0, 1.3)
    return np.stack([np.sign(p[:, 0]) * out, 0 * out, 0.5 * out], -1)


def _neck(p):
    """Widens the neck by a ratio, nothing below the shoulders."""
    return (p - [0, 0, -2.4]) * [1, 0, 1] * np.clip((p[:, 1:2] + 19) / 5, 0, 1)


# How much people differ, in centimetres (ratios for width, height, depth and the stretches; 0 where
# the picture decides), and how a field of 1 moves points [n, 3].
FIELDS = {
    "width": (0.04, lambda p: p * [1, 0, 0]),
    "height": (0.045, lambda p: p * [0, 1, 0]),
    "depth": (0.04, lambda p: p * [0, 0, 1]),
    "jaw_width": (0.5, lambda p: _pull(p, 5, -8.5, 2.6, 3, dx=1)),
    "chin_length": (0.5, lambda p: _pull(p, 0, -11.5, 4, 2.2, dy=-1)),
    "chin_out": (0.4, lambda p: _pull(p, 0, -10.2, 2, 1.6, dz=1)),
    "chin_width": (0.35, lambda p: _pull(p, 2.2, -11, 1.5, 1.5, dx=1)),
    "cheek_width": (0.35, lambda p: _pull(p, 6.3, -3, 2.2, 2.8, dx=1)),
    "cheekbone": (0.3, lambda p: _pull(p, 4.6, -2.2, 1.4, 1.2, dx=0.4, dz=1)),
    "cheek_full": (0.35, lambda p: _pull(p, 4.4, -6, 1.8, 2, dx=0.6, dz=0.9)),
    "temples": (0.3, lambda p: _pull(p, 7, 4, 2.6, 3, dx=1)),
    "forehead": (0.5, lambda p: _pull(p, 0, 9, 9, 3.5, dy=1)),
    "brow_ridge": (0.2, lambda p: _pull(p, 2.2, 1.8, 2.2, 0.7, dz=1)),
    "eye_spacing": (0.18, lambda p: _pull(p, EYE_X, 0, 1.7, 1.6, dx=1)),
    "eye_height": (0.15, lambda p: _pull(p, EYE_X, 0, 2, 1.2, dy=1)),
    "eye_depth": (0.15, lambda p: _pull(p, EYE_X, 0, 1.5, 1.0, dz=1)),
    "eye_size": (0.1, lambda p: _stretch(p, EYE_X, 0, 1.5, 1.0, kx=0.7, ky=1)),
    "eye_open": (0, lambda p: _stretch(p, EYE_X, 0, 1.5, 0.75, ky=1)),
    "eye_tilt": (0.07, lambda p: _stretch(p, EYE_X, 0, 1.5, 1.0, tilt=1)),
    "brow_height": (0.15, lambda p: _pull(p, 3, 2.1, 2.2, 0.8, dy=1)),
    "brow_inner": (0.1, lambda p: _pull(p, 1.3, 2.0, 0.9, 0.7, dx=-0.3, dy=1)),
    "brow_tilt": (0.06, lambda p: _stretch(p, 3.2, 2.1, 1.6, 0.7, tilt=1)),
    "nose_length": (0.3, lambda p: _pull(p, 0, -3.7, 1.6, 1.3, dy=-1)),
    "nose_out": (0.35, lambda p: _pull(p, 0, -3.7, 1.0, 1.3, dz=1)),
    "nose_width": (0.2, lambda p: _pull(p, 1.3, -4.1, 0.8, 0.9, dx=1)),
    "nose_bridge": (0.2, lambda p: _pull(p, 0, -0.6, 0.8, 1.5, dz=1)),
    "nose_hook": (0.18, lambda p: _pull(p, 0, -2.0, 0.8, 0.8, dz=1)),
    "nose_tip": (0.18, lambda p: _pull(p, 0, -3.9, 0.9, 0.7, dy=1, dz=0.3)),
    "mouth_height": (0.2, lambda p: _pull(p, 0, -7, 3, 1.4, dy=1)),
    "mouth_width": (0.22, lambda p: _pull(p, MOUTH_X, -7, 1.4, 1.2, dx=1)),
    "lip_full": (
        0.17,
        lambda p: _stretch(p, 0, MOUTH_Y, 2.4, 0.9, ky=1) + _pull(p, 0, -7, 1.8, 0.7, dz=0.4),
    ),
    "lip_out": (0.15, lambda p: _pull(p, 0, -7, 1.8, 0.9, dz=1)),
    "jaw_drop": (0, _jaw_drop),
    "mouth_close": (0, _mouth_close),
    "smile": (
        0,
        lambda p: (
            _pull(p, MOUTH_X + 0.2, -7, 1.2, 1.1, dx=0.75, dy=0.75, dz=-0.35)
            + _pull(p, 4.2, -4.0, 1.3, 1.2, dx=0.2, dy=0.5, dz=0.45)
            + _pull(p, 0, -6.4, 2.5, 0.5, dy=0.15)
        ),
    ),
    "pucker": (
        0,
        lambda p: _pull(p, MOUTH_X, -7, 1.3, 1.0, dx=-1.0) + _pull(p, 0, -7, 1.2, 0.9, dz=0.6),
    ),
    "beard": (0, lambda p: _pull(p, 0, -11.2, 5.5, 2.6, dx=0.15, dy=-0.8, dz=0.7)),
    "ear_out": (0.35, _ear_out),
    "ear_size": (0.1, lambda p: (p - [0, -1.3, -0.8]) * [0, 1, 1]),
    "neck": (0.06, _neck),
}


def acts_on(field: str, part: str) -> bool:
    """Whether a field moves the vertices of a part: some move ears or the neck alone."""
    ears = not field.startswith("ear_") or part.startswith("ear_")
    return ears and (field == "neck") == (part == "neck")
