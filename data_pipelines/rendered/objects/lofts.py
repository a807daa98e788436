"""Closed surfaces as rings of points: every part of every object is one.

A part is [3, rows, columns]: x to the right, y up, z to the front; the first column is the last
again. Rows and columns turn so that (along a column) x (along a row) points outwards.
"""

import numpy as np
from numpy.typing import ArrayLike

CLOSED = 0.02  # the ring at a pole keeps this share, so that it has a normal
X, Y, Z = np.eye(3)


def _rings(middles, across, up, columns: int, power: float) -> np.ndarray:
    """Rings middle + across x + up y [3, m, columns + 1], where across x the way along = up [m, 3].

    (x, y) is a superellipse: a circle at power 2, nearly a square at 8.
    """
    angles = np.linspace(0, 2 * np.pi, columns + 1)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    circle[:, -1] = circle[:, 0]
    x, y = np.sign(circle) * np.abs(circle) ** (2 / power)
    middles, across, up = (v.T[..., None] for v in (middles, across, up))
    return middles + across * x + up * y


def bar(
    path: ArrayLike,
    width: ArrayLike,
    height: ArrayLike,
    *,
    side: np.ndarray = X,
    columns: int = 8,
    power: float = 2.0,
) -> np.ndarray:
    """A tube along a path [m, 3]; a crease, then the pole, close its ends flat.

    Args:
      path: middles of the rings.
      width: half width along `side` [m] or one number.
      height: half width across it.
      side: direction [3], not parallel to the path.
    """
    path = np.asarray(path, float)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = side - along * (along @ side)[:, None]
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    up = np.cross(across, along)
    width, height = (np.broadcast_to(v, len(path))[:, None] for v in (width, height))
    rows = np.pad(np.arange(len(path)), 2, mode="edge")
    scale = np.ones((len(rows), 1))
    scale[[0, -1]] = CLOSED
    across, up = (across * width)[rows] * scale, (up * height)[rows] * scale
    return _rings(path[rows], across, up, columns, power)


def lathe(
    axis: np.ndarray,
    side: np.ndarray,
    middle: ArrayLike,
    heights: np.ndarray,
    radii: np.ndarray,
    columns: int = 16,
    power: float = 2.0,
) -> np.ndarray:
    """Rings of `radii` [m] at `heights` [m] along an axis [3] through `middle` [3]."""
    radii = np.maximum(radii, 1e-4)[:, None]
    middles, up = line(middle, heights, axis), np.cross(side, axis)
    return _rings(middles, radii * side, radii * up, columns, power)


def curve(knots: ArrayLike, count: int) -> np.ndarray:
    """`count` points on a smooth line through the knots [k, 3] (Catmull-Rom)."""
    knots = np.asarray(knots, float)
    p = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = np.linspace(0, len(knots) - 1, count)
    i = np.minimum(t.astype(int), len(knots) - 2)
    s = (t - i)[:, None]
    a, b, c, d = (p[i + k] for k in range(4))
    return b + 0.5 * s * (c - a + s * (2 * a - 5 * b + 4 * c - d + s * (3 * (b - c) + d - a)))


def line(start: ArrayLike, shares: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Points [m, 3] at shares [m] of a way [3] from a start [3], or from m of them."""
    return start + np.multiply.outer(shares, way)


def turned(way: np.ndarray, other: np.ndarray, angle: float) -> np.ndarray:
    """A direction [3] turned towards another one at a right angle to it."""
    return np.cos(angle) * way + np.sin(angle) * other


def mirrored(part: np.ndarray) -> np.ndarray:
    """The other half of a symmetric object: x changes its sign, columns their direction."""
    return part[:, :, ::-1] * np.array([-1, 1, 1])[:, None, None]


def normals(part: np.ndarray) -> np.ndarray:
    """Outward unit normals [3, rows, columns]; double rows or columns are creases."""
    rows = np.concatenate([part[:, :1], part, part[:, -1:]], axis=1)
    columns = np.concatenate([part[:, :, -2:-1], part, part[:, :, 1:2]], axis=2)
    down, along = rows[:, 2:] - rows[:, :-2], columns[:, :, 2:] - columns[:, :, :-2]
    cross = np.cross(down, along, axis=0)
    return cross / (np.sqrt((cross * cross).sum(0)) + 1e-12)


def ball(
    middle: np.ndarray, axis: np.ndarray, side: np.ndarray, radius: float, columns: int = 10
) -> np.ndarray:
    """Its last row is the pole in the direction of the axis."""
    turn = np.radians([-89, -60, -30, 0, 30, 60, 89])
    return lathe(axis, side, middle, radius * np.sin(turn), radius * np.cos(turn), columns)
