"""Rays of a camera, and where the corners and edges of a room lie in its picture."""

import numpy as np

from data_pipelines.rendering.film import rotation

NEAREST = 0.05  # metres
# The sides that meet the far wall in the corners: of x (left, right) and of y (floor, ceiling).
CORNERS = {
    "floor_left": (0, 0), "floor_right": (1, 0), "ceiling_left": (0, 1), "ceiling_right": (1, 1)
}  # fmt: skip
KEYPOINT_NAMES = (*CORNERS, *(f"{name}_end" for name in CORNERS))


def turn(view):
    """From the axes of the room to those of the camera, which looks along -z."""
    return rotation(0, view["pitch"], view["roll"]) @ rotation(view["yaw"], 0, 0)


def rays(view, side):
    """Directions [3, side * side] of the pixels of a picture, one metre along the axis."""
    share = (np.arange(side) + 0.5) / side - 0.5
    x, y = np.meshgrid(share, -share)
    flat = np.stack([x.ravel(), y.ravel()]) / view["focal"]
    return turn(view).T @ np.concatenate([flat, np.full((1, side * side), -1)])


def keypoints(room, view):
    """The layout: points of the room [3, 8], shares of the picture [2, 8] and which are in it [8].

    Four corners of the far wall, then the points where the edges that begin there leave the
    picture on their way to the camera.
    """
    sides = np.stack([room.low, room.high])
    corners = np.array([[sides[x, 0], sides[y, 1], 0.0] for x, y in CORNERS.values()]).T
    found = [visible_part(corner, view, room.depth) for corner in corners.T]
    starts, ends, there = (np.array(values) for values in zip(*found, strict=True))
    nearer = corners + np.array([[0], [0], [1]]) * ends
    points = np.concatenate([corners, nearer], axis=1)
    valid = np.concatenate([there & (starts == 0), there])
    return points, project(points, view), valid


def visible_part(corner, view, depth):
    """From where to where the edge from a corner [3] towards the camera is in the picture."""
    matrix = turn(view)
    begin, along = matrix @ (corner - view["eye"]), matrix @ np.array([0, 0, 1.0])
    # Half spaces a + b t >= 0: before the camera, and inside the four borders.
    sides = [np.array([0, 0, -1.0])]
    for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):
        normal = np.array([0, 0, -0.5])
        normal[axis] = sign * view["focal"]
        sides.append(normal)
    first, last = 0.0, depth
    for side, least in zip(sides, (NEAREST, 0, 0, 0, 0), strict=True):
        a, b = side @ begin - least, side @ along
        if b > 0:
            first = max(first, -a / b)
        elif b < 0:
            last = min(last, -a / b)
        elif a < 0:
            return 0.0, 0.0, False
    return (first, last, True) if first < last else (0.0, 0.0, False)


def project(points, view):
    """Points [3, n] of the room in shares of the picture [2, n], y down."""
    x, y, z = turn(view) @ (points - view["eye"][:, None])
    away = np.maximum(-z, NEAREST)
    return np.stack([0.5 + view["focal"] * x / away, 0.5 - view["focal"] * y / away])
