"""The mean head with its deformation fields, faces and landmarks, computed once per process.

A vertex of the mean head is its own canonical coordinate: the same canonical coordinate is the
same anatomical point on every face.
"""

import functools
from typing import NamedTuple

import numpy as np

from data_pipelines.rendered.engine.raster import Grid, stacked
from data_pipelines.rendered.faces import grids as shapes
from data_pipelines.rendered.faces.fields import FIELDS, acts_on
from data_pipelines.rendered.faces.grids import EYE_X, MOUTH_X, MOUTH_Y

SKIN, EAR, NECK = range(3)
UNDER_CHIN_ROWS = 4


class Located(NamedTuple):
    """Points on triangles."""

    corners: np.ndarray  # vertex indices [3, m]
    weights: np.ndarray  # barycentric [3, m]

    def on(self, points: np.ndarray) -> np.ndarray:
        """Where they lie on vertices [3, n]: [3, m]."""
        return (points[:, self.corners] * self.weights).sum(1)


class Head(NamedTuple):
    """The mean head; lengths in centimetres, components first, float32."""

    vertices: np.ndarray  # [3, n]
    fields: np.ndarray  # [k, 3 n], in the order of FIELDS
    grids: dict[str, Grid]
    angles: np.ndarray  # of head and hair [2, n]: u in degrees, front height v in cm
    solid: np.ndarray  # triangles of everything opaque [t, 3]
    material: np.ndarray  # SKIN, EAR or NECK of each [t]
    hair: np.ndarray  # triangles of the hair shell
    points68: Located
    keypoints: Located


def _inner_points():
    """(x, y) of points 17 to 67 of the iBUG layout, seen from the front [51, 2]."""
    brow = np.array([[4.9, 1.75], [4.2, 2.3], [3.3, 2.5], [2.3, 2.35], [1.35, 1.95]])
    bridge = [[0, 0.3], [0, -1.1], [0, -2.5], [0, -3.85]]
    base = [[-1.25, -4.6], [-0.65, -4.75], [0, -4.85], [0.65, -4.75], [1.25, -4.6]]
    eye = np.array(
        [[1.42, -0.05], [0.55, 0.52], [-0.45, 0.5], [-1.35, -0.12], [-0.5, -0.42], [0.5, -0.45]]
    )
    upper = np.array([[-MOUTH_X, MOUTH_Y], [-1.6, -6.35], [-0.6, -6.02], [0, -6.15]])
    lower = np.array([[1.6, -7.75], [0.8, -8.08], [0, -8.13]])
    inner = np.array([[-2.1, MOUTH_Y], [-0.9, -6.9], [0, -6.9], [0, -7.1], [0.9, -7.1]])
    mirror = np.array([-1, 1])
    lips = np.concatenate([upper, (upper * mirror)[2::-1], lower, (lower * mirror)[1::-1]])
    return np.concatenate(
        [
            brow * mirror, brow[::-1], bridge, base,
            eye * mirror - [EYE_X, 0], (eye + [EYE_X, 0])[[3, 2, 1, 0, 5, 4]],
            lips, inner[:3], (inner * mirror)[[1, 0]], inner[[4, 3]], (inner * mirror)[[4]],
        ]
    )  # fmt: skip


def _jaw_points():
    """(u, v) of points 0 to 16 [17, 2]."""
    u = np.array([-88, -84, -79, -73, -64, -52, -37, -19, 0])
    v = np.array([-0.5, -3.2, -5.8, -8.6, -10.6, -11.1, -11.2, -11.3, -11.35])
    half = np.stack([u, v], -1)
    return np.concatenate([half, half[-2::-1] * [-1, 1]])


def _locate(points, plane, triangles) -> Located:
    """The triangle around each of the points [m, 2] where the vertices lie at `plane` [n, 2]."""
    a, b, c = (plane[triangles[:, k]] for k in range(3))
    (bx, by), (cx, cy) = (b - a).T, (c - a).T
    area = bx * cy - cx * by
    area = np.where(np.abs(area) < 1e-9, np.nan, area)
    dx, dy = np.moveaxis(points[:, None] - a, -1, 0)
    s, t = (dx * cy - dy * cx) / area, (dy * bx - dx * by) / area
    weights = np.stack([1 - s - t, s, t])
    best = np.argmax(np.nan_to_num(weights.min(0), nan=-1e9), axis=1)
    chosen = np.clip(weights[:, np.arange(len(points)), best], 0, 1)
    return Located(triangles[best].T, (chosen / chosen.sum(0)).astype(np.float32))


@functools.cache
def mean_head() -> Head:
    """The mean head and everything that is derived from it."""
    head, head_angles = shapes.head_grid()
    hair, hair_angles = shapes.hair_grid()
    parts = {
        "head": head,
        "ear_left": shapes.ear_grid(-1),
        "ear_right": shapes.ear_grid(1),
        "hair": hair,
        "neck": shapes.neck_grid(),
    }
    grids = stacked({name: part.shape[:2] for name, part in parts.items()})
    points = {name: part.reshape(-1, 3) for name, part in parts.items()}
    vertices = np.concatenate(list(points.values()))
    angles = np.zeros((len(vertices), 2))
    angles[grids["head"].part] = head_angles.reshape(-1, 2)
    angles[grids["hair"].part] = hair_angles.reshape(-1, 2)
    moved = [
        np.concatenate([field(p) if acts_on(name, part) else 0 * p for part, p in points.items()])
        for name, (_, field) in FIELDS.items()
    ]
    fields = np.stack(moved)
    faces = {name: grid.triangles() for name, grid in grids.items()}
    opaque = {"head": SKIN, "ear_left": EAR, "ear_right": EAR, "neck": NECK}
    rows = np.repeat(np.arange(grids["head"].rows - 1), 2 * (grids["head"].columns - 1))
    face = rows < grids["head"].rows - UNDER_CHIN_ROWS
    front = faces["head"][face & (vertices[faces["head"], 2].mean(1) > 4)]
    plane = vertices[:, :2]
    jaw = _locate(_jaw_points(), angles, faces["head"])
    inner = _locate(_inner_points(), plane, front)
    five = [[-EYE_X, 0], [EYE_X, 0], [0, -3.85], [-MOUTH_X, MOUTH_Y], [MOUTH_X, MOUTH_Y]]
    return Head(
        vertices=vertices.T.astype(np.float32).copy(),
        fields=fields.transpose(0, 2, 1).reshape(len(fields), -1).astype(np.float32),
        grids=grids,
        angles=angles.T.astype(np.float32).copy(),
        solid=np.concatenate([faces[name] for name in opaque]),
        material=np.concatenate([np.full(len(faces[n]), m, np.int8) for n, m in opaque.items()]),
        hair=faces["hair"],
        points68=Located(*(np.concatenate(pair, 1) for pair in zip(jaw, inner, strict=True))),
        keypoints=_locate(np.array(five), plane, front),
    )
