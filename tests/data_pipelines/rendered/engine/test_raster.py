"""The z-buffer against a loop over pixels and triangles."""

import numpy as np
import pytest

from data_pipelines.rendered.engine.raster import rasterise


def by_loops(points, depth, triangles, side, cull):
    """Triangle of each pixel and its depth; -1 and -inf where there is none."""
    owner, nearest = np.full((side, side), -1), np.full((side, side), -np.inf)
    for t, (a, b, c) in enumerate(triangles):
        edges = np.stack([points[:, b] - points[:, a], points[:, c] - points[:, a]], 1)
        area = np.linalg.det(edges)
        if abs(area) < 1e-6 or (cull and area > 0):
            continue
        for row in range(side):
            for column in range(side):
                v, w = np.linalg.solve(edges, [column, row] - points[:, a])
                z = (1 - v - w) * depth[a] + v * depth[b] + w * depth[c]
                if min(v, w, 1 - v - w) >= 0 and z > nearest[row, column]:
                    owner[row, column], nearest[row, column] = t, z
    return owner, nearest


def test_worked_value_of_one_triangle():
    points = np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    found = rasterise(points, np.array([0.0, 2.0, 4.0]), np.array([[0, 1, 2]]), 4, cull=False)
    np.testing.assert_array_equal(found.pixels, [0, 1, 2, 4])
    np.testing.assert_allclose(found.depth, [0, 1, 2, 4], atol=1e-6)
    np.testing.assert_allclose(found.interpolate(points), [[0, 1, 2, 0], [0, 0, 0, 1]], atol=1e-6)


@pytest.mark.parametrize("cull", [True, False])
def test_random_triangles_agree_with_loops(cull):
    rng = np.random.default_rng(0)
    points, depth = rng.uniform(-4, 16, (2, 24)), rng.uniform(-1, 1, 24)
    triangles = rng.permutation(24).reshape(8, 3)
    owner, nearest = by_loops(points, depth, triangles, 12, cull)
    found = rasterise(points, depth, triangles, 12, cull=cull)
    np.testing.assert_array_equal(found.pixels, np.flatnonzero(owner >= 0))
    np.testing.assert_array_equal(found.triangles, owner.ravel()[found.pixels])
    np.testing.assert_allclose(found.depth, nearest.ravel()[found.pixels], atol=1e-4)
    x, y = found.interpolate(points.astype(np.float32))
    np.testing.assert_allclose(x, found.pixels % 12, atol=1e-3)
    np.testing.assert_allclose(y, found.pixels // 12, atol=1e-3)


def test_triangles_outside_or_without_area_cover_nothing():
    points = np.array([[-9.0, -5, -7, 1, 2, 3], [1, 1, 3, 1, 2, 3]])
    found = rasterise(points, np.zeros(6), np.array([[0, 1, 2], [3, 4, 5]]), 8, cull=False)
    assert len(found.pixels) == 0


def test_neighbouring_triangles_leave_no_gap():
    t = np.linspace(0.3, 14.2, 9)
    x, y = np.meshgrid(t, t)
    points = np.stack([x.ravel() + 0.2 * np.sin(y.ravel()), y.ravel()])
    index = np.arange(81).reshape(9, 9)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    triangles = np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)
    found = rasterise(points, np.zeros(81), triangles, 16, cull=False)
    covered = np.zeros((16, 16), bool)
    covered.ravel()[found.pixels] = True
    assert covered[1:14, 1:14].all()
