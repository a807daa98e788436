"""Rays of a camera, and where the corners and edges of a room lie in its picture."""

import numpy as np

from data_pipelines.rendered.rooms.parameters import Camera, Room

NEAREST = 0.05  # metres
# The sides that meet the far wall in the corners: of x (left, right) and of y (floor, ceiling).
CORNERS = {
    "floor_left": (0, 0), "floor_right": (1, 0), "ceiling_left": (0, 1), "ceiling_right": (1, 1)
}  # fmt: skip
KEYPOINT_NAMES = (*CORNERS, *(f"{name}_end" for name in CORNERS))


def rays(camera: Camera, side: int) -> np.ndarray:
    """Directions [3, side * side] of the pixels of a picture, one metre along the axis."""
    share = (np.arange(side) + 0.5) / side - 0.5
    x, y = np.meshgrid(share, -share)
    flat = np.stack([x.ravel(), y.ravel()]) / camera.focal
    return camera.matrix.T @ np.concatenate([flat, np.full((1, side * side), -1)])


def keypoints(room: Room, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The layout: points of the room [3, 8], shares of the picture [2, 8] and which are in it [8].

    Four corners of the far wall, then the points where the edges that begin there leave the
    picture on their way to the camera.
    """
    sides = np.stack([room.low, room.high])
    corners = np.array([[sides[x, 0], sides[y, 1], 0.0] for x, y in CORNERS.values()]).T
    found = [visible_part(corner, camera, room.depth) for corner in corners.T]
    starts, ends, there = (np.array(values) for values in zip(*found, strict=True))
    nearer = corners + np.array([[0], [0], [1]]) * ends
    points = np.concatenate([corners, nearer], axis=1)
    valid = np.concatenate([there & (starts == 0), there])
    return points, project(points, camera), valid


def visible_part(corner: np.ndarray, camera: Camera, depth: float) -> tuple[float, float, bool]:
    """From where to where the edge from a corner [3] towards the camera is in the picture."""
    matrix = camera.matrix
    begin, along = matrix @ (corner - camera.eye), matrix @ np.array([0, 0, 1.0])
    # Half spaces a + b t >= 0: before the camera, and inside the four borders.
    f, first, last = camera.focal, 0.0, depth
    sides = [[0, 0, -1], [f, 0, -0.5], [-f, 0, -0.5], [0, f, -0.5], [0, -f, -0.5]]
    for side, least in zip(np.array(sides), (NEAREST, 0, 0, 0, 0), strict=True):
        a, b = side @ begin - least, side @ along
        if b > 0:
            first = max(first, -a / b)
        elif b < 0:
            last = min(last, -a / b)
        elif a < 0:
            return 0.0, 0.0, False
    return (first, last, True) if first < last else (0.0, 0.0, False)


def project(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Points [3, n] of the room in shares of the picture [2, n], y down."""
    x, y, z = camera.matrix @ (points - camera.eye[:, None])
    away = np.maximum(-z, NEAREST)
    return np.stack([0.5 + camera.focal * x / away, 0.5 - camera.focal * y / away])
