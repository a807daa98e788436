"""The mean head in centimetres, as rectangular grids of points.

Axes: x to the image's right, y up, z towards the camera; the origin lies between the ears at the
height of the eyes.
"""

import numpy as np

EYE_X, MOUTH_X, MOUTH_Y = 3.15, 2.45, -7.0


def bump(x: np.ndarray, y: np.ndarray, cx: float, cy: float, sx: float, sy: float) -> np.ndarray:
    """A Gaussian of |x| and y, mirrored at the middle of the face."""
    return np.exp(-0.5 * (((np.abs(x) - cx) / sx) ** 2 + ((y - cy) / sy) ** 2))


def _profile(v, knots, values, smooth=0.45):
    """A curve through `values` at `knots` (ascending), smoothed by a Gaussian of `smooth` cm."""
    fine = np.arange(-60.0, 20.0, 0.05)
    curve = np.interp(fine, knots, values)
    reach = np.arange(-40, 41) * 0.05
    kernel = np.exp(-0.5 * (reach / smooth) ** 2)
    curve = np.convolve(np.pad(curve, 40, mode="edge"), kernel / kernel.sum(), mode="valid")
    return np.interp(v, fine, curve)


def _cap(v, power):
    """1 up to v = 4, closing to 0 at the crown, v = 12."""
    t = np.clip((v - 4) / 8, 0, 1)
    return np.sqrt(np.maximum(1 - t**power, 0))


def _skull(u, v):
    """The head without nose, eyes and mouth at angle u (radians) and front height v (cm)."""
    width = _profile(
        v, [-11.5, -10, -8, -6, -4, -2, 0, 2, 4], [5.5, 6.0, 6.45, 6.75, 6.95, 7.15, 7.3, 7.5, 7.6]
    )
    front = _profile(
        v,
        [-12, -11.3, -10.6, -9.6, -8.4, -7, -5.8, -4.6, -3, -1, 0.5, 1.8, 3, 4],
        [7.2, 8.3, 9.0, 9.25, 8.85, 9.15, 9.25, 8.9, 8.8, 8.65, 8.7, 9.4, 9.45, 9.4],
        0.35,
    )
    back = _profile(v, [-11.5, -8, -5, -2, 1, 4], [4.5, 6.0, 7.2, 8.6, 9.5, 9.9])
    x = width * _cap(v, 2.4) * np.sin(u)
    depth = np.where(np.cos(u) > 0, front * _cap(v, 2.7), back * _cap(v, 2.3))
    rise = _profile(v, [-11.5, -9, -6, -3, -0.5], [5.6, 3.9, 1.9, 0.5, 0.0])
    y = v + rise * np.clip(1 - np.cos(u), 0, 1.0) * (v < 0)
    return np.stack([x, y, depth * np.cos(u)], -1)


def _features(p):
    """Adds nose, eye sockets, eyeballs, lips and chin to points of the front."""
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    knots = [-4.95, -4.5, -3.85, -2.5, -0.8, 0.7, 1.8]
    ridge = np.interp(y, knots, [0, 1.5, 2.5, 1.75, 0.9, 0.25, 0])
    across = np.interp(y, [-4.8, -3.9, -2.5, 0, 1.5], [0.85, 0.8, 0.66, 0.6, 0.9])
    dz = ridge * np.exp(-0.5 * (np.abs(x) / across) ** 2.2)
    dz += 0.85 * bump(x, y, 1.3, -4.1, 0.5, 0.5)
    dz -= 0.95 * bump(x, y, 2.75, 0.15, 1.5, 0.95)
    dz += 0.70 * bump(x, y, EYE_X, -0.05, 0.95, 0.6)
    dz += 0.25 * bump(x, y, 2.6, 2.0, 1.9, 0.6)
    dz += 0.30 * bump(x, y, 4.6, -2.4, 1.3, 1.1)
    dz += 0.38 * np.exp(-0.5 * (x / 1.6) ** 2) * np.exp(-0.5 * ((y + 6.45) / 0.3) ** 2)
    dz += 0.42 * np.exp(-0.5 * (x / 1.5) ** 2) * np.exp(-0.5 * ((y + 7.6) / 0.36) ** 2)
    dz -= 0.30 * np.exp(-0.5 * (x / 2.2) ** 2) * np.exp(-0.5 * ((y - MOUTH_Y) / 0.16) ** 2)
    dz -= 0.12 * np.exp(-0.5 * (x / 0.3) ** 2) * np.exp(-0.5 * ((y + 5.5) / 0.4) ** 2)
    dz += 0.25 * np.exp(-0.5 * (x / 1.4) ** 2) * np.exp(-0.5 * ((y + 9.8) / 0.8) ** 2)
    front = np.clip(z / 2, 0, 1)
    return np.stack([x, y, z + front * dz], -1)


# Angles of the head's columns in degrees and front heights of its rows, finest at the face.
HEAD_COLUMNS = np.array(
    [3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 40, 45, 50, 55, 60, 70, 78, 86, 95, 105, 118, 135,
     155, 180]
)  # fmt: skip
HEAD_ROWS = np.array(
    [3.4, 2.8, 2.3, 1.9, 1.5, 1.1, 0.8, 0.5, 0.25, 0, -0.25, -0.5, -0.8, -1.2, -1.7, -2.2, -2.7,
     -3.1, -3.5, -3.85, -4.15, -4.45, -4.7, -4.9, -5.15, -5.5,
     -5.85, -6.1, -6.35, -6.6, -6.8, -6.9, -7.1, -7.2, -7.4, -7.65, -7.95, -8.25,
     -8.7, -9.2, -9.7, -10.2, -10.7, -11.1, -11.5]
)  # fmt: skip
CROWN_ROWS = 4 + 8 * np.sin(np.radians([90, 82, 72, 60, 48, 37, 27, 18, 9, 0]))


def head_grid() -> tuple[np.ndarray, np.ndarray]:
    """Points from the crown to the jaw and below, and their angles u (degrees) and v (cm)."""
    u = np.radians(np.concatenate([-HEAD_COLUMNS[::-1], [0], HEAD_COLUMNS]))
    v = np.concatenate([CROWN_ROWS, HEAD_ROWS])
    uu, vv = np.meshgrid(u, v)
    points = _features(_skull(uu, vv))
    rim = points[-1]
    under = [rim * [k, 1, k] + [0, 0.1 + 2.2 * (1 - k), -0.6 * (1 - k)] for k in (0.93, 0.75, 0.4)]
    low = [v[-1] - k for k in (0.3, 1.0, 2.0)]
    angles = np.stack([np.degrees(uu), vv], -1)
    more = np.stack(np.broadcast_arrays(np.degrees(u)[None], np.array(low)[:, None]), -1)
    return np.concatenate([points, under]), np.concatenate([angles, more])


def ear_grid(side: int) -> np.ndarray:
    """A shell of 9 x 7 vertices behind the cheek; side is -1 or 1."""
    t, s = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(0, 1, 7), indexing="ij")
    y = -1.3 - 3.1 * t
    reach = np.sqrt(np.clip(1 - (np.abs(t) * 0.98) ** 2.4, 0, 1)) * (1 - 0.28 * np.clip(t, 0, 1))
    back = 2.7 * reach * s
    out = 1.25 * s * reach + 0.35 * np.sin(np.pi * np.clip(s * 1.5 - 0.5, 0, 1)) * reach
    x = 6.75 + out - 0.12 * t
    z = -0.4 - back * 0.85 - 0.35 * t
    grid = np.stack([side * x, y, z], -1)
    return grid[:, ::side]


# Neck, shoulders and chest: height, half width, half depth and middle z of each row.
NECK = np.array(
    [[-4.5, 5.2, 5.2, -2.3], [-7, 5.2, 5.2, -2.4], [-9.5, 5.2, 5.2, -2.5], [-12, 5.4, 5.3, -2.6],
     [-13.8, 5.9, 5.5, -2.6], [-15, 6.8, 5.9, -2.4], [-16.2, 8.2, 6.4, -2.1], [-17, 9.6, 6.7, -1.9],
     [-17.8, 11.2, 7, -1.6], [-18.7, 13.3, 7.4, -1.2], [-19.8, 16, 8, -0.8], [-21.5, 19, 8.8, 0],
     [-24, 21, 9.5, 0.5], [-28, 22, 10, 1], [-34, 23, 10, 1], [-50, 23, 10, 1]]
)  # fmt: skip


def neck_grid() -> np.ndarray:
    """Neck, shoulders and chest: 16 rows x 25 columns."""
    u = np.radians(np.linspace(-180, 180, 25))
    y, width, depth, middle = NECK.T[:, :, None]
    return np.stack(np.broadcast_arrays(width * np.sin(u), y, middle + depth * np.cos(u)), -1)


HAIR_COLUMNS = np.array(
    [0, 7, 14, 21, 28, 35, 42, 49, 55, 60, 64, 68, 74, 80, 88, 96, 106, 118, 135, 157, 180]
)
HAIR_ROWS = np.array([3, 2, 1, 0, -1.5, -3, -4.5, -6, -8, -10, -12.5, -15, -18, -22, -26])


def hair_grid() -> tuple[np.ndarray, np.ndarray]:
    """The hair shell at no thickness: the skull, then a curtain down to v = -26."""
    u = np.radians(np.concatenate([-HAIR_COLUMNS[:0:-1], HAIR_COLUMNS]))
    v = np.concatenate([CROWN_ROWS, HAIR_ROWS])
    uu, vv = np.meshgrid(u, v)
    low = np.clip(-1.0 - vv, 0, None)
    x, y, z = np.moveaxis(_skull(uu, np.maximum(vv, -1.0)), -1, 0)
    points = np.stack([x * (1 + 0.14 * np.tanh(low / 7)), y - low, z * (1 - 0.012 * low)], -1)
    return points, np.stack([np.degrees(uu), vv], -1)
