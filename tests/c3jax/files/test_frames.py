"""Regions, their resampling, and the way back to original pixels."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from c3jax.files.frames import Frame, frame_picture, resize_picture
from tests.data_pipelines.conftest import smooth_picture

CROPS = ["centre", "centre_inner", "pad", "squash", "squash_inner"]


@pytest.mark.parametrize(
    ("crop", "region"),
    [
        ("centre", (2, 0, 6, 4)),
        ("centre_inner", (2.4, 0.4, 5.6, 3.6)),
        ("pad", (0, -2, 8, 6)),
        ("squash", (0, 0, 8, 4)),
        ("squash_inner", (0.8, 0.4, 7.2, 3.6)),
    ],
)
def test_each_crop_of_an_8_by_4_picture(crop, region):
    np.testing.assert_allclose(frame_picture(8, 4, size=16, crop=crop).region, region, rtol=1e-12)


def test_a_box_becomes_the_square_about_its_centre_with_a_margin_on_every_side():
    frame = frame_picture(100, 80, size=16, crop="centre", box=(10, 20, 30, 24), margin=0.25)
    assert frame.region == (5, 7, 35, 37)


def test_corners_of_a_stretched_region_go_to_original_pixels_and_back():
    frame = Frame(region=(10, 20, 50, 30), size=20)  # 2 original pixels wide, half a pixel high
    corners = np.array([[0, 0], [19, 0], [0, 19], [19, 19]])
    expected = [[10.5, 19.75], [48.5, 19.75], [10.5, 29.25], [48.5, 29.25]]
    np.testing.assert_array_equal(frame.to_original(corners), expected)
    np.testing.assert_array_equal(frame.from_original(expected), corners)


def test_the_outer_edges_of_the_region_are_the_outer_edges_of_the_frame():
    frame = frame_picture(178, 218, size=128, crop="squash_inner")
    x0, y0, x1, y1 = frame.region
    np.testing.assert_allclose(frame.from_original([x0 - 0.5, y0 - 0.5]), -0.5, atol=1e-12)
    np.testing.assert_allclose(frame.from_original([x1 - 0.5, y1 - 0.5]), 127.5, atol=1e-12)


def test_the_face_frame_is_the_squash_to_160_and_its_central_128():
    frame = frame_picture(178, 218, size=128, crop="squash_inner")
    points = np.array([[69.0, 109.0], [106.0, 113.0]])
    squashed = (points + 0.5) * [160 / 178, 160 / 218] - 0.5
    np.testing.assert_allclose(frame.from_original(points), squashed - 16, rtol=1e-12)
    image = smooth_picture(218, 178)
    squash = np.asarray(Image.fromarray(image).resize((160, 160), Image.Resampling.BILINEAR))
    difference = resize_picture(image, frame).astype(int) - squash[16:144, 16:144]
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("crop", CROPS)
def test_pixels_move_as_points_do(crop):
    """A picture whose red is x and whose green is y shows where each pixel of a frame is from."""
    height, width, size = 120, 200, 40
    y, x = np.mgrid[:height, :width]
    image = np.stack([x, y, 0 * x], axis=-1).astype(np.uint8)
    frame = frame_picture(width, height, size=size, crop=crop)
    inner = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1)
    expected = frame.to_original(inner)
    inside = np.all((expected > 4) & (expected < [width - 5, height - 5]), axis=-1)
    found = resize_picture(image, frame)[..., :2]
    assert inside.sum() > 500
    np.testing.assert_allclose(found[inside], expected[inside], atol=1.01)


def test_a_region_beyond_the_picture_repeats_its_edge():
    image = smooth_picture(10, 20)
    padded = np.pad(image, ((5, 5), (0, 0), (0, 0)), mode="edge")
    frame = frame_picture(20, 10, size=20, crop="pad")
    np.testing.assert_array_equal(resize_picture(image, frame), padded)
    shifted = resize_picture(image, Frame(region=(-3, -4, 7, 6), size=10))
    np.testing.assert_array_equal(shifted[:5, :4], np.broadcast_to(image[0, 0], (5, 4, 3)))
    np.testing.assert_array_equal(shifted[4:, 3:], image[:6, :7])


def test_a_large_picture_is_shrunk_before_padding_without_a_shift():
    image = smooth_picture(400, 640)
    frame = frame_picture(640, 400, size=16, crop="pad")  # 40 pixels to one: factor 5
    padded = np.pad(image, ((120, 120), (0, 0), (0, 0)), mode="edge")
    expected = resize_picture(padded, Frame(region=(0, 0, 640, 640), size=16))
    assert np.abs(resize_picture(image, frame).astype(int) - expected).max() <= 3


@pytest.mark.parametrize(
    ("shape", "region"),
    [
        ((8, 1_000_000), (0, -499_996, 1_000_000, 500_004)),
        ((24, 32), (4, 4, 1e9, 1e9)),
        ((24, 32), (-1e9, -1e9, 1e9, 1e9)),
    ],
)
def test_ribbons_and_boundless_boxes_take_little_memory(shape, region):
    image = np.full((*shape, 3), 7, np.uint8)
    tracemalloc.start()
    try:
        small = resize_picture(image, Frame(region=region, size=16))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.all(small == 7)
    assert peak < 50e6


def test_reduction_is_antialiased():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = resize_picture(stripes, Frame(region=(0, 0, 64, 64), size=8))
    assert np.abs(small[:, 1:-1].astype(int) - 127).max() <= 2


@pytest.mark.parametrize(("options", "named"), [({"crop": "fit"}, "crop"), ({"size": 0}, "size")])
def test_unknown_crops_and_sizes_are_refused(options, named):
    with pytest.raises(ValueError, match=f"{named} is"):
        frame_picture(8, 8, **({"size": 4, "crop": "pad"} | options))
