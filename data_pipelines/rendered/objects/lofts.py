"""Closed surfaces as rings of points: every part of every object is one.

A part is [3, rows, columns]: x to the right, y up, z to the front; the first column is the last
again. Rows and columns turn so that (along a column) x (along a row) points outwards.
"""

import numpy as np
from numpy.typing import ArrayLike

CLOSED = 0.02  # the ring at a pole keeps this share, so that it has a normal
X, Y, Z = np.eye(3)


def superellipse(columns: int, power: float = 2.0) -> np.ndarray:
    """A ring of half width 1: a circle at power 2, nearly a square at 8 [2, columns + 1]."""
    angles = np.linspace(0, 2 * np.pi, columns + 1)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    circle[:, -1] = circle[:, 0]
    return np.sign(circle) * np.abs(circle) ** (2 / power)


def loft(
    centres: np.ndarray, across: np.ndarray, up: np.ndarray, outline: np.ndarray
) -> np.ndarray:
    """Rings centre + across x + up y for each (x, y) of an outline [2, k]: [3, m, k].

    Across [m, 3] x the way from ring to ring = up [m, 3].
    """
    centres, across, up = (np.asarray(v, float).T[..., None] for v in (centres, across, up))
    return centres + across * outline[0] + up * outline[1]


def capped(rows: np.ndarray) -> np.ndarray:
    """Rings [m, ...] with a flat end on either side: a crease, then the pole."""
    return rows[[0, 0, *range(len(rows)), -1, -1]]


def end_scales(count: int) -> np.ndarray:
    """Scales of the rings that `capped` makes of `count` rings [count + 4, 1]."""
    return np.array([CLOSED, 1, *[1] * count, 1, CLOSED])[:, None]


def bar(
    path: ArrayLike,
    width: ArrayLike,
    height: ArrayLike,
    *,
    side: np.ndarray,
    columns: int = 8,
    power: float = 2.0,
) -> np.ndarray:
    """A capped tube along a path [m, 3].

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
    scale, outline = end_scales(len(path)), superellipse(columns, power)
    width, height = (np.broadcast_to(v, len(path))[:, None] for v in (width, height))
    across, up = capped(across * width) * scale, capped(up * height) * scale
    return loft(capped(path), across, up, outline)


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
    axis, side = np.asarray(axis, float), np.asarray(side, float)
    radii = np.maximum(radii, 1e-4)[:, None]
    up, outline = np.cross(side, axis), superellipse(columns, power)
    return loft(line(middle, heights, axis), radii * side, radii * up, outline)


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


def mirrored(part: np.ndarray) -> np.ndarray:
    """The other half of a symmetric object: x changes its sign, columns their direction."""
    return part[:, :, ::-1] * np.array([-1, 1, 1])[:, None, None]


def normals(part: np.ndarray) -> np.ndarray:
    """Outward unit normals [3, rows, columns]; double rows or columns are creases."""
    rows = np.concatenate([part[:, :1], part, part[:, -1:]], axis=1)
    columns = np.concatenate([part[:, :, -2:-1], part, part[:, :, 1:2]], axis=2)
    dx, dy, dz = rows[:, 2:] - rows[:, :-2]
    ax, ay, az = columns[:, :, 2:] - columns[:, :, :-2]
    cross = np.stack([dy * az - dz * ay, dz * ax - dx * az, dx * ay - dy * ax])
    return cross / (np.sqrt((cross * cross).sum(0)) + 1e-12)


def ball(
    middle: np.ndarray, axis: np.ndarray, side: np.ndarray, radius: float, columns: int = 10
) -> np.ndarray:
    """Its last row is the pole in the direction of the axis."""
    turn = np.radians([-89, -60, -30, 0, 30, 60, 89])
    return lathe(axis, side, middle, radius * np.sin(turn), radius * np.cos(turn), columns)
