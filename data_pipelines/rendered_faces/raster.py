"""A z-buffer over triangles, vectorised over every candidate pixel of every triangle at once."""

from typing import NamedTuple

import numpy as np


class Fragments(NamedTuple):
    """The nearest surface at each covered pixel."""

    pixels: np.ndarray  # flat indices into the side x side picture [p]
    triangles: np.ndarray  # rows of the triangle list [p]
    corners: np.ndarray  # vertex indices [p, 3]
    weights: np.ndarray  # barycentric [p, 3]
    depth: np.ndarray  # larger is nearer [p]

    def interpolate(self, values):
        """Values [n, c] of the vertices at the fragments [p, c]."""
        a, b, c = (values[self.corners[:, k]] for k in range(3))
        w = self.weights
        return a * w[:, :1] + b * w[:, 1:2] + c * w[:, 2:]


def rasterise(points, depth, triangles, side, *, cull):
    """Fills triangles over pixel centres at integers 0..side-1.

    Args:
      points: vertices [n, 2] in pixels (x, y), y down.
      depth: of the vertices [n], larger is nearer.
      triangles: vertex indices [t, 3].
      side: width and height of the picture.
      cull: drop triangles that turn their back.

    Returns:
      Fragments.
    """
    xy = points.astype(np.float32)
    a, b, c = (xy[triangles[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    low = np.maximum(np.ceil(np.minimum(np.minimum(a, b), c)), 0).astype(np.int32)
    high = np.minimum(np.floor(np.maximum(np.maximum(a, b), c)), side - 1).astype(np.int32)
    extent = np.maximum(high - low + 1, 0)
    keep = (extent.prod(1) > 0) & ((area < -1e-6) if cull else (np.abs(area) > 1e-6))
    rows = np.flatnonzero(keep)
    extent, low, a, b, c, area = (v[rows] for v in (extent, low, a, b, c, area))
    count = extent[:, 0] * extent[:, 1]
    owner = np.repeat(np.arange(len(rows)), count)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    px = low[owner, 0] + offset % extent[owner, 0]
    py = low[owner, 1] + offset // extent[owner, 0]
    # Barycentric weights are affine in the pixel: three coefficients for each of two of them.
    plane = np.stack([c[:, 1] - a[:, 1], a[:, 0] - c[:, 0], a[:, 1] - b[:, 1], b[:, 0] - a[:, 0]], 1)
    plane = plane / area[:, None]
    shift = np.stack(
        [-(plane[:, 0] * a[:, 0] + plane[:, 1] * a[:, 1]), -(plane[:, 2] * a[:, 0] + plane[:, 3] * a[:, 1])], 1
    )
    k = plane[owner]
    h = shift[owner]
    s = k[:, 0] * px + k[:, 1] * py + h[:, 0]
    t = k[:, 2] * px + k[:, 3] * py + h[:, 1]
    inside = np.flatnonzero((s >= -1e-5) & (t >= -1e-5) & (s + t <= 1 + 1e-5))
    s, t, owner, px, py = s[inside], t[inside], owner[inside], px[inside], py[inside]
    weights = np.stack([1 - s - t, s, t], 1)
    corners = triangles[rows[owner]]
    z = (depth.astype(np.float32)[corners] * weights).sum(1)
    order = np.argsort(z, kind='stable')
    nearest = np.full(side * side, -1, np.int64)
    nearest[(py * side + px)[order]] = order  # the last assignment, the nearest, stays
    pixels = np.flatnonzero(nearest >= 0)
    chosen = nearest[pixels]
    return Fragments(pixels, rows[owner[chosen]], corners[chosen], weights[chosen], z[chosen])
