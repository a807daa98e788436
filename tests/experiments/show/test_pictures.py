"""Pictures of reports: points where they belong, colours by landmark, sheets and curves."""

import numpy as np
import pytest
from PIL import Image

from c3jax.tools.overlays import GAP, colors
from experiments.show import pictures
from experiments.show.pictures import TILE, draw_points, sheet, smooth

BLACK = np.zeros((9, 9, 3), np.uint8)


def test_a_point_is_drawn_at_the_centre_of_its_pixel():
    """On 9 x 9 pixels (16 of the tile each) the corner's centre is 8 pixels into the tile."""
    points = np.array([[-1.0, -1.0], [1.0, 0.0], [0.25, 1.0]])
    drawn = np.asarray(draw_points(BLACK, points))
    for (x, y), color in zip([(8, 8), (136, 72), (88, 136)], colors(3), strict=True):
        np.testing.assert_allclose(drawn[y, x], color, atol=3)
    assert (drawn[40:60, 20:60] == 0).all()


def test_a_landmark_has_its_colour_in_every_image():
    first = np.asarray(draw_points(BLACK, np.array([[-1.0, -1.0], [0.0, 0.0]])))
    second = np.asarray(draw_points(BLACK, np.array([[0.0, 0.0], [np.nan, 0.0]])))
    np.testing.assert_allclose(second[72, 72], first[8, 8], atol=3)


def test_carried_points_are_tied_to_the_detected_ones():
    points, carried = np.array([[-0.75, 0.0]]), np.array([[0.75, 0.0]])
    drawn = np.asarray(draw_points(BLACK, points, carried=carried)).astype(int)
    assert drawn[72, 30:114].sum(-1).min() > 100  # the line between dot and cross
    assert drawn[60, 30:114].sum() == 0
    alone = np.asarray(draw_points(BLACK, points, carried=np.array([[np.nan, 0.0]])))
    assert alone[72, 40:].sum() == 0


def test_images_of_floats_are_clipped():
    image = np.full((4, 4, 3), 0.5, np.float32)
    image[:, :2] = 7
    drawn = np.asarray(pictures.tile(image))
    assert drawn[70, 2].tolist() == [255] * 3 and drawn[70, -2].tolist() == [128] * 3


def test_a_sheet_holds_its_tiles_in_order_and_leaves_gaps():
    red, blue = (Image.new("RGB", (TILE, TILE), color) for color in ("red", "blue"))
    plain = sheet([[red, blue], [None, red]])
    assert plain.size == (2 * TILE + GAP, 2 * TILE + GAP)
    step = TILE + GAP
    assert [plain.getpixel(p) for p in ((5, 5), (step + 5, 5), (5, step + 5))] == [
        (255, 0, 0),
        (0, 0, 255),
        (255, 255, 255),
    ]
    titled = sheet([[red]], row_titles=["row"], column_titles=["column"])
    assert titled.getpixel((titled.width - 5, titled.height - 5)) == (255, 0, 0)
    assert titled.width > TILE + GAP and titled.height > TILE + GAP


def test_smoothing_averages_neighbours_and_keeps_a_constant():
    values = np.array([0.0, 3.0, 6.0, 0.0])
    np.testing.assert_allclose(smooth(values, width=3), [1.5, 3, 3, 3])
    np.testing.assert_allclose(smooth(np.full(4, 2.0), width=3), 2)
    np.testing.assert_allclose(smooth(values, width=1), values)


def test_loss_curves_plot_each_term_and_group_layers():
    rows = [
        {"step": s, "stage": "one" if s < 3 else "two", "loss": 1 / s, "raw_0": 1.0, "raw_1": 50.0}
        for s in range(1, 6)
    ]
    rows[-1] |= {"cycle": 2.0, "loss": float("nan")}
    plots = {pictures._plot_of(name) for name in ("loss", "cycle", "raw_0", "raw_1")}
    assert plots == {"loss", "cycle", "raw, by layer"}
    image = pictures.loss_curves(rows)
    assert image.width == pytest.approx(3 * 290, abs=2) and np.asarray(image).std() > 5
    assert pictures.loss_curves([]) is None
