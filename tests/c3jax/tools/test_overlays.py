"""Landmarks, matches and their uncertainty, drawn where they belong."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from c3jax.coordinates import numpy_grid
from c3jax.inference import Matches
from c3jax.tools.overlays import (
    colors,
    draw_landmarks,
    draw_matches,
    draw_uncertainty,
    enlarge,
    spread_out,
    uncertainty_shades,
)


def test_a_landmark_is_drawn_where_it_lies():
    grey = np.full((40, 60, 3), 90, np.uint8)
    drawn = draw_landmarks(grey, np.array([[20.0, 10.0], [50.0, 30.0]]), radius=2)
    np.testing.assert_array_equal(drawn[10, 20], colors(2)[0])
    np.testing.assert_array_equal(drawn[30, 50], colors(2)[1])
    rows, columns = np.nonzero(np.any(drawn[:20, :40] != 90, axis=-1))
    assert (rows.mean(), columns.mean()) == (10, 20)  # symmetric about it
    assert np.all(grey == 90)


def test_numbers_stand_beside_large_points_and_nothing_breaks_outside():
    grey = np.full((50, 70, 3), 90, np.uint8)
    point = np.array([[30.0, 25.0]])
    beside = np.s_[15:36, 40:55]
    assert np.all(draw_landmarks(grey, point, radius=2.9)[beside] == 90)
    assert np.any(draw_landmarks(grey, point, radius=5)[beside] != 90)
    outside = np.array([[-90.0, 25.0], [30.0, 900.0], [1e6, -1e6]])
    np.testing.assert_array_equal(draw_landmarks(grey, outside, radius=5), grey)


def test_dots_of_long_pictures_are_as_large_as_those_of_their_shorter_side():
    drawn = [
        draw_landmarks(np.zeros((150, width, 3), np.uint8), np.array([[70.0, 75.0]]))
        for width in (150, 1500)
    ]
    np.testing.assert_array_equal(*(picture[:, :120] for picture in drawn))


def test_colors_differ():
    assert len(set(colors(30))) == 30


def test_enlarged_maps_keep_their_corners():
    cells = numpy_grid((2, 3))
    np.testing.assert_allclose(enlarge(cells, (5, 4)), numpy_grid((5, 4)), atol=1e-12)


@pytest.mark.parametrize(("apart", "chosen"), [(0.0, [3, 1]), (1.5, [3, 0]), (9.0, [3])])
def test_points_of_worth_are_chosen_that_lie_apart(apart, chosen):
    points = np.array([[0.0, 0], [1, 0], [2, 0], [2, 1]])
    worth = np.array([0.2, 0.4, np.nan, 0.9])
    found = spread_out(points, worth, count=2, apart=apart)
    assert found.tolist() == chosen


def test_lines_run_between_points_of_pictures_side_by_side():
    wide, tall = np.full((20, 60, 3), 90, np.uint8), np.full((50, 30, 3), 90, np.uint8)
    image = np.asarray(draw_matches(wide, tall, np.array([[50.0, 9]]), np.array([[3.0, 9]])))
    assert image.shape == (50, 60 + 4 + 30, 3)
    (color,) = colors(1)
    assert (image[9, 50] == color).all() and (image[9, 64 + 3] == color).all()
    assert (image[9, 58] == color).all() and (image[30, 62] == 255).all()
    large = np.zeros((400, 2000, 3), np.uint8)
    assert draw_matches(large, tall, np.zeros((1, 2)), np.zeros((1, 2))).size == (1034, 200)


def test_the_most_uncertain_is_black():
    cells, half = np.zeros((1, 3, 2)), np.full((1, 3), 0.5)
    sigma = np.exp([[0.0, 1.0, 4.0]])
    matches = Matches((1, 5), (1, 5), cells, cells, half, half, sigma, sigma)
    drawn = draw_uncertainty(matches)
    assert isinstance(drawn, Image.Image) and drawn.mode == "L"
    np.testing.assert_array_equal(np.asarray(drawn), [[255, 223, 191, 96, 0]])
    still = uncertainty_shades(dataclasses.replace(matches, source_sigma=np.ones((1, 3))))
    np.testing.assert_array_equal(still, np.ones((1, 5)))
