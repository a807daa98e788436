"""What each landmark marks: numbers on pictures, and what lies around it in a row of them."""

import numpy as np
import pytest

from c3jax.tools.overlays import GAP, colors
from experiments.show import spots
from experiments.show.pictures import FINE, draw_points
from experiments.show.verdict import DEAD

SIZE = 64
NOTHING = {name: [] for name in DEAD}


@pytest.fixture(scope="module")
def found():
    """Pictures that are red to the left and blue to the right, a landmark in either half."""
    images = np.zeros((13, SIZE, SIZE, 3), np.uint8)
    images[:, :, : SIZE // 2, 0] = images[:, :, SIZE // 2 :, 2] = 200
    return images, np.broadcast_to([[-0.5, 0.0], [0.5, 0.0]], (13, 2, 2))


def test_a_row_shows_what_lies_around_a_landmark_in_every_picture(found):
    picture = spots.draw_cut_outs(*found, NOTHING)
    pixels, step = np.asarray(picture.image), spots.CUT_SIDE + GAP
    middle = spots.CUT_SIDE // 2 + 1
    for column in range(spots.CUT_OUT):
        x = pixels.shape[1] - middle - step * column
        np.testing.assert_allclose(pixels[middle, x], [200, 0, 0], atol=2)
        np.testing.assert_allclose(pixels[middle + step, x], [0, 0, 200], atol=2)
    assert pixels.shape[0] == 2 * step - GAP and pixels.shape[1] <= 1188  # as wide as a page


def test_a_cut_out_is_of_the_place_and_the_share_of_the_picture():
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[:, 40:] = 255
    point = np.array([2 * 39.5 / (SIZE - 1) - 1, 0.0])  # on the edge, between two centres of pixels
    cut = np.asarray(spots.draw_surroundings(image, point, 0.5, side=96, color=(0, 255, 0)))
    assert cut[5, :46].max() < 10 and cut[5, 50:].min() > 245
    corner = np.asarray(
        spots.draw_surroundings(0 * image, np.array([1.0, 1.0]), 0.5, side=96, color=(0, 255, 0))
    )
    assert corner[90, 90].tolist() == [255] * 3 and corner[5, 5].tolist() == [0] * 3


def test_a_landmark_of_no_use_has_its_fault_beside_it(found):
    plain = spots.draw_cut_outs(*found, NOTHING)
    named = spots.draw_cut_outs(*found, NOTHING | {"coinciding": [1]})
    assert named.image.width > plain.image.width + 40 and named.image.width <= 1188
    half = plain.image.height // 2
    left = np.asarray(named.image)[:, : named.image.width - plain.image.width]
    assert (left[half:] < 128).any()


def test_pictures_are_large_and_numbers_stand_beside_their_dots(found):
    images, landmarks = found
    picture = spots.draw_numbered(images, landmarks, "photos")
    rows = -(-len(images) // spots.COLUMNS)
    step = spots.SIDE + GAP
    assert picture.image.size == (spots.COLUMNS * step - GAP, rows * step - GAP)
    assert spots.SIDE >= 96 and picture.image.width <= 1188
    black = np.zeros((SIZE, SIZE, 3), np.uint8)
    plain, numbered = (
        np.asarray(draw_points(black, landmarks[0], side=180, numbered=each)).astype(int)
        for each in (False, True)
    )
    changed = np.abs(numbered - plain).sum(-1) > 60
    rows, columns = np.nonzero(changed)
    assert changed.any() and np.abs(rows - 90).max() < 10
    for x, color in zip((45, 135), colors(2), strict=True):
        np.testing.assert_allclose(numbered[90, x], color, atol=8)
        assert ((columns > x) & (columns < x + 7 * FINE)).any()
