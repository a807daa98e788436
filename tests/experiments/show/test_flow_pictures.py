"""Pictures of dense matches: which direction has which colour, where lines begin and end."""

import numpy as np
import pytest

from c3jax.coordinates import numpy_grid
from experiments.show.flow_pictures import (
    RIGHT,
    UNKNOWN,
    WRONG,
    draw_carried,
    enlarge,
    flow_colors,
    flow_wheel,
    heat_colors,
    spread_out,
)
from experiments.show.pictures import GAP, TILE


def test_directions_have_the_hues_of_the_wheel_and_lengths_its_saturation():
    flow = np.array([[[2.0, 0.0], [-1.0, 0.0], [0.0, 0.0], [9.0, 0.0], [np.nan, 0.0]]])
    colors = flow_colors(flow, 2.0)[0]
    np.testing.assert_allclose(colors[0], [1, 0, 0], atol=1e-6)  # right is red
    np.testing.assert_allclose(colors[1], [0.5, 1, 1], atol=1e-6)  # left is its opposite, half
    np.testing.assert_allclose(colors[2], [1, 1, 1])  # what stays is white
    np.testing.assert_allclose(colors[3], colors[0])  # no more than full
    np.testing.assert_allclose(colors[4], [UNKNOWN] * 3)


def test_the_wheel_shows_a_flow_that_points_outwards():
    wheel = flow_wheel(41)
    np.testing.assert_allclose(wheel[20, 40], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(wheel[20, 20], [1, 1, 1])
    np.testing.assert_allclose(wheel[0, 0], [1, 1, 1])  # outside
    down, up = wheel[40, 20], wheel[0, 20]
    np.testing.assert_allclose(down + up, [1, 1, 1], atol=1e-6)  # opposite hues


def test_confidence_rises_from_blue_to_yellow():
    low, high = heat_colors(np.array([[0.0, 1.0]]))[0]
    assert low[2] > low[1] and high[0] > 0.9 and high[2] < 0.2


def test_enlarged_maps_keep_their_corners():
    cells = numpy_grid((2, 3))
    np.testing.assert_allclose(enlarge(cells, (5, 4)), numpy_grid((5, 4)), atol=1e-12)


def test_right_and_wrong_points_are_told_apart_by_colour():
    grey = np.full((16, 16, 3), 90, np.uint8)
    points = np.array([[-0.5, -0.5], [-0.5, 0.5]])
    image = np.asarray(
        draw_carried(grey, grey, points, points, true=points, correct=np.array([True, False]))
    ).astype(int)
    assert image.shape == (TILE, 2 * TILE + GAP, 3)

    def place(point, shift):
        x, y = ((point + 1) / 2 * 15 + 0.5) / 16 * TILE
        return round(y), round(x) + shift

    for shift in (0, TILE + GAP):
        for point, color in zip(points, (RIGHT, WRONG), strict=True):
            assert np.abs(image[place(point, shift)] - color).max() < 20
    own = np.asarray(draw_carried(grey, grey, points, points)).astype(int)
    assert np.abs(own[place(points[0], 0)] - RIGHT).max() > 20


@pytest.mark.parametrize(("apart", "chosen"), [(0.0, [3, 1]), (1.5, [3, 0]), (9.0, [3])])
def test_points_of_worth_are_chosen_that_lie_apart(apart, chosen):
    points = np.array([[0.0, 0], [1, 0], [2, 0], [2, 1]])
    worth = np.array([0.2, 0.4, np.nan, 0.9])
    found = spread_out(points, worth, count=2, apart=apart)
    assert found.tolist() == chosen
