"""True correspondence between two objects: exact, consistent with key points and with depth."""

import numpy as np
import pytest

from data_pipelines.rendered.engine.raster import Grid
from data_pipelines.rendered.objects import CATEGORIES, dense_correspondence, render_object
from data_pipelines.rendered.objects.camera import hidden_behind
from data_pipelines.rendered.objects.catalogue import template
from data_pipelines.rendered.objects.pairs import on_vertices

SIZE = 72


@pytest.fixture(scope="module")
def pairs():
    """Two objects of each category."""
    return {
        name: [render_object("test", i, size=SIZE, categories=[name]) for i in range(2)]
        for name in CATEGORIES
    }


STEPS = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])


def at(pixels, values):
    """Values [h, w, ...] at the nearest pixels to (x, y) [n, 2]."""
    columns, rows = np.clip(np.round(pixels).astype(int), 0, values.shape[0] - 1).T
    return values[rows, columns]


def around(pixels, values):
    """Values at the nearest pixels and their neighbours [9, n, ...]."""
    return np.stack([at(pixels + step, values) for step in STEPS])


def test_worked_value_on_a_grid_of_one_cell():
    vertices = np.array([[0.0, 4, 0, 4], [0, 0, 2, 2], [1, 2, 3, 4]])  # x, y, depth of a, b, c, d
    surface = np.array([[0, 0, 0.0], [0, 0.25, 0.5], [0, 0.5, 0.75], [0, 1, 1]]).T
    corners, weights = on_vertices(surface, {"only": Grid(0, 2, 2)})
    x, y, z = (vertices[:, corners] * weights).sum(1)
    np.testing.assert_allclose(x, [0, 2, 3, 4])
    np.testing.assert_allclose(y, [0, 0.5, 1, 2])
    np.testing.assert_allclose(z, [1, 2, 2.75, 4])
    np.testing.assert_allclose(weights.sum(0), 1)
    assert weights.min() >= 0


def test_a_point_is_hidden_when_all_pixels_around_it_are_nearer():
    depth = np.array([[0.5, 0.5, 0.1], [0.5, 0.5, 0.1], [-np.inf, -np.inf, -np.inf]])
    x, y = np.array([0.5, 1.5, 0.5, 0.5, 1.5]), np.array([0.5, 0.5, 0.5, 1.5, 2.0])
    z = np.array([0.2, 0.2, 0.5, 0.2, 0.2])
    hidden = hidden_behind(x, y, z, depth)
    np.testing.assert_array_equal(hidden, [True, False, False, True, False])


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_object_corresponds_to_itself(pairs, category):
    picture = pairs[category][0]
    points, on_object, visible = dense_correspondence(picture, picture)
    np.testing.assert_array_equal(on_object, picture["mask"])
    here = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), -1)
    error = np.abs(points - here)[on_object]
    assert np.quantile(error, 0.99) < 0.01
    assert error.max() < 0.15  # perspective is exact at vertices only
    assert visible[on_object].mean() > 0.995
    assert not points[~on_object].any() and not visible[~on_object].any()


@pytest.mark.parametrize("category", CATEGORIES)
def test_visible_points_show_the_same_surface_in_the_target(pairs, category):
    source, target = pairs[category]
    points, on_object, visible = dense_correspondence(source, target)
    assert 0.25 < visible.sum() / on_object.sum() < 0.99
    part, row, column = source["surface"][visible].T
    found = around(points[visible], target["surface"])
    # One pixel covers several cells of a grid where the surface turns away.
    agree = (found[..., 0] == part) & (np.abs(found[..., 1] - row) < 2)
    assert agree.any(0).mean() > 0.96
    assert (agree & (np.abs(found[..., 2] - column) < 1.5)).any(0).mean() > 0.92


@pytest.mark.parametrize("category", CATEGORIES)
def test_hidden_points_are_behind_what_the_target_shows(pairs, category):
    source, target = pairs[category]
    points, on_object, visible = dense_correspondence(source, target)
    hidden = on_object & ~visible
    surface = source["surface"][hidden].T.astype(float)
    corners, weights = on_vertices(surface, template(category).grids)
    z = (target["vertices_px"][2][corners] * weights).sum(0)
    nearest = around(points[hidden], target["depth"]).max(0)
    assert (nearest > z).mean() > 0.95
    assert np.median(nearest - z) > 0.015


@pytest.mark.parametrize("category", CATEGORIES)
def test_key_points_are_carried_to_key_points(pairs, category):
    checked = 0
    for source, target in (pairs[category], pairs[category][::-1]):
        points, on_object, visible = dense_correspondence(source, target)
        both = source["visible"] & target["keypoint_valid"]
        for number in np.flatnonzero(both):
            x, y = np.round(source["keypoints"][number]).astype(int)
            window = slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2)
            near = on_object[window]
            if near.any():
                distance = np.linalg.norm(points[window] - target["keypoints"][number], axis=-1)
                assert distance[near].min() < 0.06 * SIZE, (number, distance[near].min())
                checked += 1
    assert checked >= 6


def test_there_and_back_again(pairs):
    source, target = pairs["chair"]
    there, _, visible = dense_correspondence(source, target)
    back, _, _ = dense_correspondence(target, source)
    rows, columns = np.nonzero(visible)
    returned = at(there[visible], back)
    on = at(there[visible], target["mask"])
    error = np.linalg.norm(returned - np.stack([columns, rows], -1), axis=1)[on]
    assert np.median(error) < 1.5


def test_a_part_that_the_target_lacks_is_not_on_the_object():
    chairs = [render_object("train", i, size=SIZE, categories=["chair"]) for i in range(12)]
    names = list(template("chair").grids)
    arms = [names.index("arm_left"), names.index("arm_right")]

    def on_arm(chair):
        return np.isin(chair["surface"][..., 0], arms)

    armed = next(chair for chair in chairs if on_arm(chair).sum() > 20)
    bare = next(chair for chair in chairs if np.isnan(chair["vertices_px"]).any())
    points, on_object, visible = dense_correspondence(armed, bare)
    np.testing.assert_array_equal(on_object, armed["mask"] & ~on_arm(armed))
    assert (
        np.isfinite(points).all()
        and not points[~on_object].any()
        and not (visible & ~on_object).any()
    )


def test_pictures_of_different_sizes_correspond():
    small, large = (render_object("test", 3, size=s, categories=["mug"]) for s in (48, 96))
    points, on_object, _ = dense_correspondence(small, large)
    here = np.stack(np.meshgrid(np.arange(48), np.arange(48)), -1)
    assert np.abs((points + 0.5) / 2 - (here + 0.5))[on_object].max() < 0.02


def test_two_categories_do_not_correspond(pairs):
    with pytest.raises(ValueError, match="one category, got car and mug"):
        dense_correspondence(pairs["car"][0], pairs["mug"][0])
