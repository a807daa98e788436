"""Expression, pose and projection."""

from typing import NamedTuple

import numpy as np

from data_pipelines.rendered.engine.draws import Drawn
from data_pipelines.rendered.engine.film import rotation
from data_pipelines.rendered.engine.raster import Fragments, grid_normals, rasterise
from data_pipelines.rendered.faces.fields import FIELDS
from data_pipelines.rendered.faces.grids import EYE_X
from data_pipelines.rendered.faces.hair_paint import hair_thickness
from data_pipelines.rendered.faces.head import Head, mean_head

SKIN_WRAP = np.array([[0.30], [0.18], [0.13]], np.float32)  # light reaches round skin, red farthest
SHIFT, BORDER = 0.17, 0.075  # shares of the picture: reach of the middle, closest to the border


class Posed(NamedTuple):
    """A person before the camera."""

    head: Head
    who: Drawn
    view: Drawn
    facing: np.ndarray  # vertices before the head turns [3, n]
    points: np.ndarray  # vertices [3, n]
    normals: np.ndarray  # [3, n]
    centre: np.ndarray  # of the head's axes, shares of the picture [2]

    def pixels(self, points: np.ndarray, side: int) -> np.ndarray:
        """Where points [3, n] lie in a picture [2, n]."""
        return project(points, self.view, self.centre) * side - 0.5

    def fragments(self, triangles: np.ndarray, side: int, *, cull: bool) -> Fragments:
        """The visible part of some triangles of the head."""
        points = self.pixels(self.points, side)
        return rasterise(points, self.points[2], triangles, side, cull=cull)


def posed(who: Drawn, view: Drawn) -> Posed:
    """A person with the expression and pose of a view."""
    head = mean_head()
    facing, normals = _deformed(head, who, view)
    points, normals = _turned(facing, head, view), _turned(normals, head, view)
    centre = placed(head.keypoints.on(points), view)
    return Posed(head, who, view, facing, points, normals, centre)


def _deformed(head: Head, who: Drawn, view: Drawn):
    """This person's head with this expression, facing the camera: vertices and normals [3, n]."""
    amounts = who.shape | view.face | {"mouth_close": 1.0, "eye_open": view.eye_open}
    amounts["beard"] = {"full": 1.0, "goatee": 0.4}.get(who.beard, 0.0)
    amounts["brow_height"] += view.brow_raise
    amounts["brow_inner"] -= 0.6 * view.frown
    coefficients = np.array([amounts[name] for name in FIELDS], np.float32)
    # Not a BLAS call: its threads would only get in the way of other processes.
    offsets = np.einsum("k,kn->n", coefficients, head.fields)
    points = head.vertices + offsets.reshape(3, -1)
    hair = head.grids["hair"]
    u, v = head.angles[:, hair.part]
    points[:, hair.part] += hair_thickness(u, v, who) * grid_normals(points, hair)
    normals = np.concatenate([grid_normals(points, grid) for grid in head.grids.values()], axis=1)
    return points, normals


def _turned(vectors, head: Head, view: Drawn):
    """The head turned, the chest turned a little, the neck between them [3, n]."""
    moved = rotation(view.yaw, view.pitch, view.roll) @ vectors
    body = rotation(0.35 * view.yaw + view.body[0], 0, 0.2 * view.roll + view.body[1])
    neck = head.grids["neck"].part
    share = np.clip((head.vertices[1, neck] + 15) / 7, 0, 1)
    moved[:, neck] = share * moved[:, neck] + (1 - share) * (body @ vectors[:, neck])
    return moved


def project(points: np.ndarray, view: Drawn, centre: np.ndarray) -> np.ndarray:
    """Points [3, n] in shares of the picture [2, n], y down."""
    scale = view.iod / (2 * EYE_X)
    nearness = scale * view.distance / (view.distance - points[2])
    return np.stack([centre[0] + points[0] * nearness, centre[1] - points[1] * nearness])


def placed(keypoints: np.ndarray, view: Drawn) -> np.ndarray:
    """Where the head's origin goes [2]: the five points near the middle, inside the border."""
    flat = project(keypoints, view, np.zeros(2))
    low, high = flat.min(1), flat.max(1)
    middle, half = (low + high) / 2, (high - low) / 2
    wanted = 0.5 + SHIFT * view.shift
    return np.clip(wanted, BORDER + half, 1 - BORDER - half) - middle
