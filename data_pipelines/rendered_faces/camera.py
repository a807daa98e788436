"""Expression, pose and projection."""

import numpy as np

from data_pipelines.rendered_faces.fields import FIELDS
from data_pipelines.rendered_faces.grids import EYE_X
from data_pipelines.rendered_faces.hair_paint import hair_thickness
from data_pipelines.rendering.film import rotation
from data_pipelines.rendering.meshes import grid_normals

SKIN_WRAP = np.array([[0.30], [0.18], [0.13]], np.float32)  # light reaches round skin, red farthest
SHIFT, BORDER = 0.17, 0.075  # shares of the picture: reach of the middle, closest to the border


def coefficients(who, view):
    """One number per deformation field [k]."""
    values = who["shape"] | {
        "jaw_drop": view["drop"],
        "mouth_close": 1.0,
        "smile": view["smile"],
        "pucker": view["pucker"],
        "eye_open": view["eye_open"],
        "beard": {"full": 1.0, "goatee": 0.4}.get(who["beard"], 0.0),
    }
    values["brow_height"] += view["brow_raise"]
    values["brow_inner"] -= 0.6 * view["frown"]
    return np.array([values[name] for name in FIELDS], np.float32)


def deformed(head, who, view):
    """This person's head with this expression, facing the camera: vertices and normals [3, n]."""
    # Not a BLAS call: its threads would only get in the way of other processes.
    offsets = np.einsum("k,kn->n", coefficients(who, view), head.fields)
    points = head.vertices + offsets.reshape(3, -1)
    hair = head.grids["hair"]
    thick = hair_thickness(*head.angles[:, hair.part], who)
    points[:, hair.part] += thick * grid_normals(points, hair)
    normals = np.concatenate([grid_normals(points, grid) for grid in head.grids.values()], axis=1)
    return points, normals


def turned(vectors, head, view):
    """The head turned, the chest turned a little, the neck between them [3, n]."""
    moved = rotation(view["yaw"], view["pitch"], view["roll"]) @ vectors
    body = rotation(0.35 * view["yaw"] + view["body"][0], 0, 0.2 * view["roll"] + view["body"][1])
    neck = head.grids["neck"].part
    share = np.clip((head.vertices[1, neck] + 15) / 7, 0, 1)
    moved[:, neck] = share * moved[:, neck] + (1 - share) * (body @ vectors[:, neck])
    return moved


def project(points, view, centre):
    """Points [3, n] in shares of the picture [2, n], y down."""
    scale = view["iod"] / (2 * EYE_X)
    nearness = scale * view["distance"] / (view["distance"] - points[2])
    return np.stack([centre[0] + points[0] * nearness, centre[1] - points[1] * nearness])


def placed(keypoints, view):
    """Where the head's origin goes [2]: the five points near the middle, inside the border."""
    flat = project(keypoints, view, np.zeros(2))
    low, high = flat.min(1), flat.max(1)
    middle, half = (low + high) / 2, (high - low) / 2
    wanted = 0.5 + SHIFT * view["shift"]
    return np.clip(wanted, BORDER + half, 1 - BORDER - half) - middle
