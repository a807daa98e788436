"""Labelled folders: images/ and a keypoint table."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c3jax.files.errors import DataError
from c3jax.files.folder import labelled
from c3jax.files.sources import load_annotated

SHARED = Path(__file__).parents[4] / "shared/data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")


@pytest.fixture
def folder(tmp_path):
    """Three pictures of 40x20 with two points, in the order c, a, b."""
    (tmp_path / "images").mkdir()
    lines = ["image,eye_x,eye_y,nose_x,nose_y"]
    for index, name in enumerate("cab"):
        Image.new("RGB", (40, 20), (index, 0, 0)).save(tmp_path / f"images/{name}.png")
        lines.append(f"{name}.png,{index},0,39,19.5")
    (tmp_path / "landmarks.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def _edit(folder, old, new):
    table = folder / "landmarks.csv"
    table.write_text(table.read_text().replace(old, new))


def test_rows_count_from_1_and_include_both_ends_in_file_order(folder):
    pictures = labelled(folder, rows=(2, 3))
    assert pictures.names == ("a.png", "b.png")
    assert pictures.keypoints_px.dtype == np.float32
    expected = [[[1, 0], [39, 19.5]], [[2, 0], [39, 19.5]]]
    np.testing.assert_array_equal(pictures.keypoints_px, expected)
    assert labelled(folder).names == ("c.png", "a.png", "b.png")


def test_keypoints_follow_their_picture_into_the_resized_frame(folder):
    examples = load_annotated(labelled(folder, rows=(1, 1)), size=10)
    # 40x20 squashed to 10x10: x' = (x + 1/2) / 4 - 1/2, y' = (y + 1/2) / 2 - 1/2.
    np.testing.assert_allclose(examples.keypoints_px, [[[-0.375, -0.25], [9.375, 9.5]]])
    assert examples.keypoints_px.dtype == np.float32
    back = examples.frames[0].to_original(examples.keypoints_px[0])
    np.testing.assert_allclose(back, [[0, 0], [39, 19.5]], atol=1e-5)


def test_another_table_and_another_crop_may_be_named(folder):
    _edit(folder, "image,eye_x,eye_y,nose_x,nose_y", "image,x,y,x,y")
    (folder / "landmarks.csv").rename(folder / "points.csv")
    examples = load_annotated(labelled(folder, csv="points.csv", crop="centre"), size=10)
    assert examples.frames[0].region == (10, 0, 30, 20)
    assert examples.images[:, 0, 0, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("rows", [(0, 2), (3, 2), (1, 4), (4, 4)])
def test_rows_outside_the_table_are_refused(folder, rows):
    with pytest.raises(DataError, match=rf"rows {rows[0]}-{rows[1]} are not within 1-3"):
        labelled(folder, rows=rows)


def test_a_table_without_pairs_of_columns_is_refused(tmp_path):
    (tmp_path / "landmarks.csv").write_text("image,x\na.png,1\n")
    with pytest.raises(DataError, match="1 columns after the image"):
        labelled(tmp_path)
    with pytest.raises(DataError, match="none.csv: no such file"):
        labelled(tmp_path, csv="none.csv")
    with pytest.raises(DataError, match="no such folder"):
        labelled(tmp_path / "nowhere")


def test_labelled_pictures_are_never_left_out_silently(folder):
    (folder / "images/a.png").write_bytes(b"")
    _edit(folder, "b.png", "d.png")
    with pytest.raises(DataError, match=r"2 pictures(.|\n)*a.png: an empty(.|\n)*d.png: no such"):
        load_annotated(labelled(folder), size=8)
    assert len(load_annotated(labelled(folder, rows=(1, 1)), size=8)) == 1


@needs_shared
def test_the_aflw_faces_are_read_as_they_are():
    examples = load_annotated(labelled(SHARED / "mtfl_aflw", rows=(1, 60)), size=40)
    assert (examples.images.shape, examples.keypoints_px.shape) == ((60, 40, 40, 3), (60, 5, 2))
    first = (np.array([30.191, 23.067]) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(examples.keypoints_px[0, 0], first, rtol=1e-5)
    assert labelled(SHARED / "mtfl_aflw").keypoints_px.shape == (2000, 5, 2)


@needs_shared
def test_the_celeba_faces_are_read_in_the_frame_of_the_protocol():
    table = {"csv": "landmarks_first160.csv", "crop": "squash_inner"}
    examples = load_annotated(labelled(SHARED / "celeba_5k", **table), size=128)
    assert examples.keypoints_px.shape == (160, 5, 2)
    # Aligned faces: the mean eyes are level and symmetric about the middle of the frame.
    left, right = examples.keypoints_px[:, :2].mean(axis=0)
    assert abs(left[1] - right[1]) < 2 and abs((left[0] + right[0]) / 2 - 63.5) < 2


@pytest.mark.parametrize(
    ("row", "hint"),
    [
        ("5000,0,39,19.5", r"point 1, \(5000, 0\), lies outside its 40x20 pixels$"),
        ("1,0,-1,-1", r"point 2, .* 40x20 pixels; leave both cells .* not labelled blank"),
        ("10,30,39,19", r"point 1, .* 40x20 pixels; those are of the upright picture, its EXIF"),
    ],
)
def test_points_outside_their_picture_are_refused(folder, row, hint):
    _edit(folder, "c.png,0,0,39,19.5", f"c.png,{row}")
    with pytest.raises(DataError, match=f"(?m)c.png: its {hint}"):
        load_annotated(labelled(folder), size=8)


def test_blank_cells_are_points_that_are_not_labelled(folder):
    _edit(folder, "c.png,0,0,39,19.5", "c.png,0,0,,")
    points = load_annotated(labelled(folder), size=10).keypoints_px
    assert np.isnan(points).all(-1).tolist() == [[False, True], [False, False], [False, False]]
    _edit(folder, "c.png,0,0,,", "c.png,0,0,39,")
    with pytest.raises(DataError, match="row 1: point 2 has one blank cell"):
        labelled(folder)
