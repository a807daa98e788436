"""A z-buffer over triangles, vectorised over every row of every triangle at once."""

from typing import NamedTuple

import numpy as np


class Fragments(NamedTuple):
    """The nearest surface at each covered pixel."""

    pixels: np.ndarray  # flat indices into the side x side picture [p]
    triangles: np.ndarray  # rows of the triangle list [p]
    corners: np.ndarray  # vertex indices [3, p]
    weights: np.ndarray  # barycentric [3, p]
    depth: np.ndarray  # larger is nearer [p]

    def interpolate(self, values):
        """Values [c, n] of the vertices at the fragments [c, p]."""
        (a, b, c), (u, v, w) = self.corners, self.weights
        return values[:, a] * u + values[:, b] * v + values[:, c] * w

    def only(self, keep):
        """The fragments where `keep` [p] holds."""
        keep = np.flatnonzero(keep)
        return Fragments(*(array[..., keep] for array in self))


def runs(count):
    """Owner and offset of each element when item i is repeated count[i] times."""
    owner = np.repeat(np.arange(len(count), dtype=np.int32), count)
    first = np.cumsum(count, dtype=np.int32) - count
    return owner, np.arange(len(owner), dtype=np.int32) - first[owner]


def affine(x, y, area):
    """Barycentric weights as a px + b py + c: three arrays [3, t]."""
    (xa, xb, xc), (ya, yb, yc) = x, y
    slope_x = np.stack([yb - yc, yc - ya, ya - yb]) / area
    slope_y = np.stack([xc - xb, xa - xc, xb - xa]) / area
    # The weight of a corner is 0 at the next corner.
    offset = -(slope_x * x[[1, 2, 0]] + slope_y * y[[1, 2, 0]])
    return np.where(slope_x == 0, np.float32(1e-12), slope_x), slope_y, offset


def rasterise(points, depth, triangles, side, *, cull):
    """Fills triangles over pixel centres at integers 0..side-1.

    Args:
      points: vertices [2, n] in pixels (x, y), y down.
      depth: of the vertices [n], larger is nearer.
      triangles: vertex indices [t, 3].
      side: width and height of the picture.
      cull: drop triangles that turn their back.

    Returns:
      Fragments, float32.
    """
    corners = triangles.T
    x, y, z = (v.astype(np.float32)[corners] for v in (*points, depth))
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    top = np.maximum(np.ceil(y.min(0)), 0).astype(np.int32)
    bottom = np.minimum(np.floor(y.max(0)), side - 1).astype(np.int32)
    beside = (x.max(0) < 0) | (x.min(0) > side - 1)
    keep = (bottom >= top) & ~beside & (area < -1e-6 if cull else np.abs(area) > 1e-6)
    kept = np.flatnonzero(keep)
    x, y, z, top = x[:, kept], y[:, kept], z[:, kept], top[kept]
    slope_x, slope_y, offset = affine(x, y, area[kept])
    # Each row of a triangle is a run of pixels between the zeros of its weights.
    owner, line = runs(bottom[kept] - top + 1)
    line += top[owner]
    slope = slope_x[:, owner]
    zero = -(slope_y[:, owner] * line + offset[:, owner]) / slope
    left = np.where(slope > 0, zero, 0).max(0) - 1e-4
    right = np.where(slope < 0, zero, side - 1).min(0) + 1e-4
    left = np.ceil(np.clip(left, 0, side)).astype(np.int32)
    length = np.maximum(np.floor(np.clip(right, -1, side - 1)).astype(np.int32) - left + 1, 0)
    run, column = runs(length)
    column += left[run]
    line, owner = line[run], owner[run]
    z_slopes = ((z * s).sum(0) for s in (slope_x, slope_y, offset))
    zx, zy, z0 = (s[owner] for s in z_slopes)
    nearness = zx * column + zy * line + z0
    order = np.argsort(nearness)
    nearest = np.full(side * side, -1, np.int32)
    nearest[(line * side + column)[order]] = order  # the last assignment, the nearest, stays
    pixels = np.flatnonzero(nearest >= 0)
    chosen = nearest[pixels]
    owner, column, line = owner[chosen], column[chosen], line[chosen]
    weights = slope_x[:, owner] * column + slope_y[:, owner] * line + offset[:, owner]
    rows = kept[owner]
    return Fragments(pixels, rows, corners[:, rows], weights, nearness[chosen])
