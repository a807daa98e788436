"""The mean head in centimetres, as grids of vertices, and the linear fields that deform it.

Axes of the head: x to the image's right, y up, z towards the camera; the origin lies between the
ears at the height of the eyes.  A vertex of the mean head is its own canonical coordinate: the
same canonical coordinate is the same anatomical point on every face.
"""

import functools
from typing import NamedTuple

import numpy as np

EYE_X, MOUTH_Y, MOUTH_X = 3.15, -7.0, 2.6
SKIN, EAR, NECK, TORSO = range(4)


class Grid(NamedTuple):
    """A rectangular patch of vertices: `rows` x `columns`, stored from `start`."""

    start: int
    rows: int
    columns: int

    @property
    def stop(self):
        return self.start + self.rows * self.columns

    def triangles(self):
        """Vertex indices [2 (rows - 1)(columns - 1), 3]."""
        index = self.start + np.arange(self.rows * self.columns).reshape(self.rows, self.columns)
        a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
        faces = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], 2)
        return faces.reshape(-1, 3)


class Head(NamedTuple):
    """Vertices [n, 3] and fields [k, n, 3] in centimetres; grids by name; faces and materials."""

    vertices: np.ndarray
    fields: np.ndarray
    field_names: tuple
    grids: dict
    angles: np.ndarray  # (u in degrees, v in centimetres) of each vertex of head and hair
    solid: np.ndarray  # triangles of everything that is opaque
    material: np.ndarray  # of each solid triangle
    hair: np.ndarray  # triangles of the hair shell
    points68: tuple  # vertex indices [68, 3], weights [68, 3]
    keypoints: tuple  # vertex indices [5, 3], weights [5, 3]


def bump(x, y, cx, cy, sx, sy):
    """A Gaussian of |x| and y, mirrored at the middle of the face."""
    return np.exp(-0.5 * (((np.abs(x) - cx) / sx) ** 2 + ((y - cy) / sy) ** 2))


def profile(v, knots, values, smooth=0.45):
    """A curve through `values` at `knots` (ascending), smoothed by a Gaussian of `smooth` cm."""
    fine = np.arange(-60.0, 20.0, 0.05)
    curve = np.interp(fine, knots, values)
    reach = np.arange(-40, 41) * 0.05
    kernel = np.exp(-0.5 * (reach / smooth) ** 2)
    curve = np.convolve(np.pad(curve, 40, mode='edge'), kernel / kernel.sum(), mode='valid')
    return np.interp(v, fine, curve)


def cap(v, power):
    """1 up to v = 4, closing to 0 at the crown, v = 12."""
    t = np.clip((v - 4) / 8, 0, 1)
    return np.sqrt(np.maximum(1 - t**power, 0))


def skull(u, v):
    """The head without nose, eyes and mouth at angle u (radians) and front height v (cm)."""
    width = profile(
        v,
        [-11.5, -10, -8, -6, -4, -2, 0, 2, 4],
        [5.5, 6.0, 6.45, 6.75, 6.95, 7.15, 7.3, 7.5, 7.6],
    )
    front = profile(
        v,
        [-12, -11.3, -10.6, -9.6, -8.4, -7, -5.8, -4.6, -3, -1, 0.5, 1.8, 3, 4],
        [7.2, 8.3, 9.0, 9.25, 8.85, 9.15, 9.25, 8.9, 8.8, 8.65, 8.7, 9.4, 9.45, 9.4],
        0.35,
    )
    back = profile(v, [-11.5, -8, -5, -2, 1, 4], [4.5, 6.0, 7.2, 8.6, 9.5, 9.9])
    x = width * cap(v, 2.4) * np.sin(u)
    depth = np.where(np.cos(u) > 0, front * cap(v, 2.7), back * cap(v, 2.3))
    rise = profile(v, [-11.5, -9, -6, -3, -0.5], [5.6, 3.9, 1.9, 0.5, 0.0])
    y = v + rise * np.clip(1 - np.cos(u), 0, 1.0) * (v < 0)
    return np.stack([x, y, depth * np.cos(u)], -1)


def features(p):
    """Adds nose, eye sockets, eyeballs, lips and chin to points of the front."""
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    ridge = np.interp(y, [-4.95, -4.5, -3.85, -2.5, -0.8, 0.7, 1.8], [0, 1.5, 2.5, 1.75, 0.9, 0.25, 0])
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


def head_angles():
    """u (radians) of the columns and v (cm) of the rows of the head's grid, jaw row first to -11.5."""
    side = np.concatenate([np.arange(3, 36, 3), np.arange(40, 64, 5), [70, 78, 86, 95, 105, 118, 135, 155, 180]])
    u = np.radians(np.concatenate([-side[::-1], [0], side]))
    top = 4 + 8 * np.sin(np.radians([90, 82, 72, 60, 48, 37, 27, 18, 9, 0]))
    middle = [3.4, 2.8, 2.3, 1.9, 1.5, 1.1, 0.8, 0.5, 0.25, 0, -0.25, -0.5, -0.8, -1.2, -1.7, -2.2, -2.7]
    nose = [-3.1, -3.5, -3.85, -4.15, -4.45, -4.7, -4.9, -5.15, -5.5]
    mouth = [-5.85, -6.1, -6.35, -6.6, -6.8, -6.9, -7.1, -7.2, -7.4, -7.65, -7.95, -8.25]
    chin = [-8.7, -9.2, -9.7, -10.2, -10.7, -11.1, -11.5]
    return u, np.concatenate([top, middle, nose, mouth, chin])


def head_grid():
    u, v = head_angles()
    uu, vv = np.meshgrid(u, v)
    points = features(skull(uu, vv))
    rim = points[-1]
    under = [rim * [k, 1, k] + [0, 0.1 + 2.2 * (1 - k), -0.6 * (1 - k)] for k in (0.93, 0.75, 0.4)]
    low = [v[-1] - k for k in (0.3, 1.0, 2.0)]
    angles = np.stack([np.degrees(uu), vv], -1)
    more = np.stack(np.broadcast_arrays(np.degrees(u)[None], np.array(low)[:, None]), -1)
    return np.concatenate([points, under]), np.concatenate([angles, more])


def ear_grid(side):
    """A shell of 9 x 7 vertices behind the cheek; side is -1 or 1."""
    t, s = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(0, 1, 7), indexing='ij')
    y = -1.3 - 3.1 * t
    reach = np.sqrt(np.clip(1 - (np.abs(t) * 0.98) ** 2.4, 0, 1)) * (1 - 0.28 * np.clip(t, 0, 1))
    back = 2.7 * reach * s
    out = 1.25 * s * reach + 0.35 * np.sin(np.pi * np.clip(s * 1.5 - 0.5, 0, 1)) * reach
    x = 6.75 + out - 0.12 * t
    z = -0.4 - back * 0.85 - 0.35 * t
    grid = np.stack([side * x, y, z], -1)
    return grid[:, ::side]


def neck_grid():
    """Neck, shoulders and chest: 16 rows x 25 columns; rows from 9 on are clothes."""
    v = np.array([-4.5, -7, -9.5, -12, -13.8, -15, -16.2, -17, -17.8, -18.7, -19.8, -21.5, -24, -28, -34, -50])
    knots = [-34, -28, -24, -21.5, -19.8, -18.7, -17.8, -17, -16.2, -15, -13.8, -12, -9.5, -4]
    width = np.interp(v, knots, [23, 22, 21, 19, 16, 13.3, 11.2, 9.6, 8.3, 7.0, 6.2, 5.8, 5.6, 5.6])
    depth = np.interp(v, knots, [10, 10, 9.5, 8.8, 8.0, 7.4, 7.0, 6.7, 6.4, 6.0, 5.7, 5.5, 5.4, 5.4])
    front = np.interp(v, knots, [1, 1, 0.5, 0, -0.8, -1.2, -1.6, -1.9, -2.1, -2.4, -2.6, -2.6, -2.5, -2.3])
    u = np.radians(np.linspace(-180, 180, 25))
    x = width[:, None] * np.sin(u)
    z = front[:, None] + depth[:, None] * np.cos(u)
    drop = np.clip(-16 - v, 0, 3)[:, None] * 0.35 * (1 - np.cos(u)) * -0.0
    return np.stack([x, v[:, None] + drop, z], -1)


def hair_grid():
    """The hair shell: the skull, then a curtain down to v = -26, at zero thickness."""
    side = np.array([0, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70, 78, 86, 95, 105, 118, 135, 157, 180.0])
    u = np.radians(np.concatenate([-side[:0:-1], side]))
    top = 4 + 8 * np.sin(np.radians([90, 80, 68, 56, 45, 35, 26, 17, 8, 0]))
    v = np.concatenate([top, [3, 2, 1, 0, -1.5, -3, -4.5, -6, -8, -10, -12.5, -15, -18, -22, -26]])
    uu, vv = np.meshgrid(u, v)
    points = skull(uu, np.maximum(vv, -1.0))
    low = np.clip(-1.0 - vv, 0, None)
    spread = np.stack([1 + 0.006 * low, np.ones_like(low), 1 - 0.012 * low], -1)
    points = points * spread - low[..., None] * np.array([0, 1, 0])
    return points, np.stack([np.degrees(uu), vv], -1)


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
    return np.stack([0 * x, -0.09 * np.sign(y - MOUTH_Y) * gap * (z > 0) * (np.abs(x) < 3.5), 0 * x], -1)


FIELDS = {
    'width': lambda p: p * [1, 0, 0],
    'height': lambda p: p * [0, 1, 0],
    'depth': lambda p: p * [0, 0, 1],
    'jaw_width': lambda p: pull(p, 5, -8.5, 2.6, 3, dx=1),
    'chin_length': lambda p: pull(p, 0, -11.5, 4, 2.2, dy=-1),
    'chin_out': lambda p: pull(p, 0, -10.2, 2, 1.6, dz=1),
    'chin_width': lambda p: pull(p, 2.2, -11, 1.5, 1.5, dx=1),
    'cheek_width': lambda p: pull(p, 6.3, -3, 2.2, 2.8, dx=1),
    'cheekbone': lambda p: pull(p, 4.6, -2.2, 1.4, 1.2, dx=0.4, dz=1),
    'cheek_full': lambda p: pull(p, 4.4, -6, 1.8, 2, dx=0.6, dz=0.9),
    'temples': lambda p: pull(p, 7, 4, 2.6, 3, dx=1),
    'forehead': lambda p: pull(p, 0, 9, 9, 3.5, dy=1),
    'brow_ridge': lambda p: pull(p, 2.2, 1.8, 2.2, 0.7, dz=1),
    'eye_spacing': lambda p: pull(p, EYE_X, 0, 1.7, 1.6, dx=1),
    'eye_height': lambda p: pull(p, EYE_X, 0, 2, 1.2, dy=1),
    'eye_depth': lambda p: pull(p, EYE_X, 0, 1.5, 1.0, dz=1),
    'eye_size': lambda p: stretch(p, EYE_X, 0, 1.5, 1.0, 0.7, 1.0),
    'eye_open': lambda p: stretch(p, EYE_X, 0, 1.5, 0.75, 0, 1.0),
    'eye_tilt': lambda p: tilt(p, EYE_X, 0, 1.5, 1.0),
    'brow_height': lambda p: pull(p, 3, 2.1, 2.2, 0.8, dy=1),
    'brow_inner': lambda p: pull(p, 1.3, 2.0, 0.9, 0.7, dx=-0.3, dy=1),
    'brow_tilt': lambda p: tilt(p, 3.2, 2.1, 1.6, 0.7),
    'nose_length': lambda p: pull(p, 0, -3.7, 1.6, 1.3, dy=-1),
    'nose_out': lambda p: pull(p, 0, -3.7, 1.0, 1.3, dz=1),
    'nose_width': lambda p: pull(p, 1.3, -4.1, 0.8, 0.9, dx=1),
    'nose_bridge': lambda p: pull(p, 0, -0.6, 0.8, 1.5, dz=1),
    'nose_hook': lambda p: pull(p, 0, -2.0, 0.8, 0.8, dz=1),
    'nose_tip': lambda p: pull(p, 0, -3.9, 0.9, 0.7, dy=1, dz=0.3),
    'mouth_height': lambda p: pull(p, 0, -7, 3, 1.4, dy=1),
    'mouth_width': lambda p: pull(p, MOUTH_X, -7, 1.4, 1.2, dx=1),
    'lip_full': lambda p: stretch(p, 0, MOUTH_Y, 2.4, 0.9, 0, 1.0) + pull(p, 0, -7, 1.8, 0.7, dz=0.4),
    'lip_out': lambda p: pull(p, 0, -7, 1.8, 0.9, dz=1),
    'jaw_drop': jaw_drop,
    'mouth_close': mouth_close,
    'smile': lambda p: pull(p, MOUTH_X + 0.2, -7, 1.2, 1.1, dx=1.0, dy=0.75, dz=-0.35)
    + pull(p, 4.2, -4.0, 1.3, 1.2, dx=0.2, dy=0.5, dz=0.45)
    + pull(p, 0, -6.4, 2.5, 0.5, dy=0.15),
    'pucker': lambda p: pull(p, MOUTH_X, -7, 1.3, 1.0, dx=-1.0) + pull(p, 0, -7, 1.2, 0.9, dz=0.6),
    'beard': lambda p: pull(p, 0, -11.2, 5.5, 2.6, dx=0.15, dy=-0.8, dz=0.7),
    'ear_out': lambda p: p * 0,
    'ear_size': lambda p: p * 0,
}


def ear_fields(p, start, stop):
    ear = p[start:stop]
    out = np.clip((np.abs(ear[:, 0]) - 6.75) / 1.5, 0, 1.3)
    fields = np.zeros((2, *p.shape))
    fields[0, start:stop, 0] = np.sign(ear[:, 0]) * out
    fields[0, start:stop, 2] = 0.5 * out
    fields[1, start:stop] = (ear - [0, -1.3, -0.8]) * [0, 1, 1]
    return fields


def points68_canonical():
    """(x, y) of the 51 inner points of the iBUG layout on the mean head, seen from the front."""
    brow = np.array([[4.9, 1.75], [4.2, 2.3], [3.3, 2.5], [2.3, 2.35], [1.35, 1.95]])
    bridge = np.array([[0, 0.3], [0, -1.1], [0, -2.5], [0, -3.85]])
    base = np.array([[-1.25, -4.6], [-0.65, -4.75], [0, -4.85], [0.65, -4.75], [1.25, -4.6]])
    eye = np.array([[1.42, -0.05], [0.55, 0.52], [-0.45, 0.5], [-1.35, -0.12], [-0.5, -0.42], [0.5, -0.45]])
    outer = np.array(
        [[-2.6, -7], [-1.7, -6.35], [-0.6, -6.02], [0, -6.15], [0.6, -6.02], [1.7, -6.35], [2.6, -7],
         [1.7, -7.75], [0.8, -8.08], [0, -8.13], [-0.8, -8.08], [-1.7, -7.75]]
    )
    inner = np.array(
        [[-2.25, -7], [-0.9, -6.9], [0, -6.9], [0.9, -6.9], [2.25, -7], [0.9, -7.1], [0, -7.1], [-0.9, -7.1]]
    )
    flip = np.array([-1, 1])
    left_eye = eye * flip + [-EYE_X, 0]
    right_eye = (eye + [EYE_X, 0])[[3, 2, 1, 0, 5, 4]]
    return np.concatenate([brow * flip, brow[::-1], bridge, base, left_eye, right_eye, outer, inner])


def locate(points, plane, triangles):
    """The triangle of `plane` [n, 2] around each point, as vertex indices and weights [m, 3]."""
    a, b, c = (plane[triangles[:, k]] for k in range(3))
    det = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    det = np.where(np.abs(det) < 1e-9, np.nan, det)
    d = points[:, None] - a
    s = (d[..., 0] * (c - a)[:, 1] - d[..., 1] * (c - a)[:, 0]) / det
    t = (d[..., 1] * (b - a)[:, 0] - d[..., 0] * (b - a)[:, 1]) / det
    weights = np.stack([1 - s - t, s, t], -1)
    best = np.argmax(np.nan_to_num(weights.min(-1), nan=-1e9), axis=1)
    rows = np.arange(len(points))
    return triangles[best], np.clip(weights[rows, best], 0, 1)


@functools.cache
def mean_head() -> Head:
    """The mean head with its fields; computed once per process."""
    head, angles = head_grid()
    hair, hair_angles = hair_grid()
    parts = {'head': head, 'ear_left': ear_grid(-1), 'ear_right': ear_grid(1), 'hair': hair, 'neck': neck_grid()}
    grids, blocks, start = {}, [], 0
    for name, part in parts.items():
        grids[name] = Grid(start, *part.shape[:2])
        start = grids[name].stop
        blocks.append(part.reshape(-1, 3))
    vertices = np.concatenate(blocks)
    all_angles = np.zeros((len(vertices), 2))
    all_angles[: grids['head'].stop] = angles.reshape(-1, 2)
    all_angles[grids['hair'].start : grids['hair'].stop] = hair_angles.reshape(-1, 2)
    fields = np.stack([field(vertices) for field in FIELDS.values()])
    fields[-2:] = ear_fields(vertices, grids['ear_left'].start, grids['ear_right'].stop)
    fields[:, grids['neck'].start :] = 0
    faces = {name: grid.triangles() for name, grid in grids.items()}
    neck_rows = np.repeat(np.arange(grids['neck'].rows - 1), 2 * (grids['neck'].columns - 1))
    solid = np.concatenate([faces['head'], faces['ear_left'], faces['ear_right'], faces['neck']])
    ears = len(faces['ear_left']) * 2
    material = np.concatenate(
        [np.full(len(faces['head']), SKIN), np.full(ears, EAR), np.where(neck_rows < 8, NECK, TORSO)]
    )
    rows = np.repeat(np.arange(grids['head'].rows - 1), 2 * (grids['head'].columns - 1))
    above_chin = rows < grids['head'].rows - 4
    front = faces['head'][above_chin & (vertices[faces['head'], 2].mean(1) > 4)]
    index, weights = locate(points68_canonical(), vertices[:, :2], front)
    jaw_u = np.array([-88, -84, -79, -73, -64, -52, -37, -19, 0, 19, 37, 52, 64, 73, 79, 84, 88.0])
    jaw_v = np.array([-0.5, -3.2, -5.8, -8.6, -10.6, -11.1, -11.2, -11.3, -11.35])
    jaw = np.stack([jaw_u, np.concatenate([jaw_v, jaw_v[-2::-1]])], -1)
    jaw_index, jaw_weights = locate(jaw, all_angles, faces['head'])
    points68 = np.concatenate([jaw_index, index]), np.concatenate([jaw_weights, weights])
    five = np.array([[-EYE_X, 0], [EYE_X, 0], [0, -3.85], [-MOUTH_X, MOUTH_Y], [MOUTH_X, MOUTH_Y]])
    return Head(
        vertices, fields, tuple(FIELDS), grids, all_angles, solid, material, faces['hair'],
        points68, locate(five, vertices[:, :2], front),
    )


def grid_normals(points, grids):
    """Outward normals [n, 3] of every grid, by central differences."""
    normals = np.empty_like(points)
    for grid in grids.values():
        p = points[grid.start : grid.stop].reshape(grid.rows, grid.columns, 3)
        along = np.empty_like(p)
        along[:, 1:-1], along[:, 0], along[:, -1] = p[:, 2:] - p[:, :-2], p[:, 1] - p[:, 0], p[:, -1] - p[:, -2]
        down = np.empty_like(p)
        down[1:-1], down[0], down[-1] = p[2:] - p[:-2], p[1] - p[0], p[-1] - p[-2]
        n = np.stack(
            [
                down[..., 1] * along[..., 2] - down[..., 2] * along[..., 1],
                down[..., 2] * along[..., 0] - down[..., 0] * along[..., 2],
                down[..., 0] * along[..., 1] - down[..., 1] * along[..., 0],
            ],
            -1,
        )
        n /= np.sqrt((n * n).sum(-1, keepdims=True)) + 1e-9
        normals[grid.start : grid.stop] = n.reshape(-1, 3)
    return normals
