"""Pairs of pictures: sizes, points, mirror images, and the squares that they are squashed to."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c3jax.files import sources
from c3jax.files.errors import DataError
from c3jax.files.pairs import Annotated, PairRow, make_pairs, mirror
from c3jax.files.pictures import read_picture
from c3jax.files.tested import load_images
from tests.data_pipelines.conftest import HEIGHT, WIDTH, bad_files, encode, smooth_picture
from tests.data_pipelines.pair_files import squash, write_picture


@pytest.fixture
def folder(tmp_path):
    """a.png 30x20, b.png 24x36, and a copy of the first under another name."""
    write_picture(tmp_path / "a.png", 30, 20, seed=1)
    write_picture(tmp_path / "b.png", 24, 36, seed=2)
    (tmp_path / "copy.png").write_bytes((tmp_path / "a.png").read_bytes())
    return tmp_path


def row(folder, source="a.png", target="b.png", points=None, **options):
    points = (None, None) if points is None else points
    ends = [Annotated(folder / n, p) for n, p in zip((source, target), points, strict=True)]
    return PairRow("list: row 1", *ends, **options)


def test_points_are_normalised_by_the_size_of_each_picture_and_padded(folder):
    corners = np.array([[0.0, 0.0], [29.0, 19.0]]), np.array([[23.0, 0.0], [11.5, 35.0]])
    one = np.array([[14.5, 9.5]]), np.array([[0.0, 17.5]])
    pairs = make_pairs([row(folder, points=corners), row(folder, points=one)], name="two")
    source, valid = pairs.source.points()
    np.testing.assert_allclose(source, [[[-1, -1], [1, 1]], [[0, 0], [0, 0]]])
    np.testing.assert_allclose(pairs.target.points()[0], [[[1, -1], [0, 1]], [[-1, 0], [0, 0]]])
    np.testing.assert_array_equal(valid, [[True, True], [True, False]])
    assert source.dtype == np.float32 and pairs.source.points_px[0].dtype == np.float32


def test_sizes_are_those_of_the_upright_pictures(corpus):
    files = sorted((corpus / "good").iterdir())
    rows = [PairRow("list", Annotated(f), Annotated(files[0])) for f in files[1:]]
    pairs = make_pairs(rows, name="corpus")
    np.testing.assert_array_equal(pairs.source.sizes, [[WIDTH, HEIGHT]] * len(rows))
    images, (rows, _) = load_images(pairs, 16)
    turned = images[rows[[f.name for f in files[1:]].index("turned.jpg")]]
    upright = squash(smooth_picture(), 16, "antialias")
    assert np.abs(turned.astype(int) - upright).mean() < 4


def test_only_headers_are_read_at_first(folder, monkeypatch):
    def refuse(*_):
        raise AssertionError("a whole picture was read")

    monkeypatch.setattr("c3jax.files.pictures.read_picture", refuse)
    assert str(make_pairs([row(folder)], name="p")) == "p: 1 pairs of 2 pictures"


def test_files_of_equal_contents_are_one_picture(folder):
    rows = [row(folder), row(folder, "copy.png"), row(folder, "b.png", "a.png")]
    pairs = make_pairs(rows, name="p")
    assert pairs.source.numbers.tolist() == [0, 0, 1]
    assert pairs.target.numbers.tolist() == [1, 1, 0]
    assert pairs.num_pictures == 2


def test_each_picture_is_decoded_once(folder, monkeypatch):
    read = []
    monkeypatch.setattr(sources, "read_picture", lambda f: read.append(f) or read_picture(f))
    rows = [row(folder), row(folder, "copy.png"), row(folder, "b.png", "a.png")]
    rows.append(row(folder, flipped=True))
    pairs = make_pairs(rows, name="p")
    images, rows = load_images(pairs, 16)
    assert images.shape == (4, 16, 16, 3)  # two pictures and their mirror images
    assert len(read) == 4
    files = [*pairs.source.files, *pairs.target.files]
    flipped = [*pairs.flipped, *pairs.flipped]
    for file, row_, flip in zip(files, rows.ravel(), flipped, strict=True):
        expected = squash(read_picture(file), 16, "antialias")
        np.testing.assert_array_equal(
            images[row_], expected[:, ::-1] if flip else expected, err_msg=str(file)
        )


def test_mirrored_points_lie_on_the_same_pixels(folder):
    points, box = np.array([[3.0, 5.0], [29.0, 0.0]]), np.array([3.0, 4.0, 10.0, 8.0])
    picture = Annotated(folder / "a.png", points, box)
    there = mirror(picture, 30)
    np.testing.assert_array_equal(there.points_px, [[26, 5], [0, 0]])
    np.testing.assert_array_equal(there.box_px, [19, 4, 26, 8])
    image = read_picture(folder / "a.png")
    for (x, y), (mx, my) in zip(points.astype(int), there.points_px.astype(int), strict=True):
        np.testing.assert_array_equal(image[y, x], image[:, ::-1][my, mx])
    other = Annotated(folder / "b.png", points[1:] - [6, 0], box)
    pairs = make_pairs(
        [PairRow("", replace(picture, points_px=points[1:]), other, flipped=True)], name="p"
    )
    np.testing.assert_array_equal(pairs.source.points_px[0], there.points_px[1:])
    np.testing.assert_array_equal(pairs.source.boxes_px[0], there.box_px)
    np.testing.assert_array_equal(pairs.target.points_px[0], [[0, 0]])


def test_selected_pairs_keep_all_their_columns(folder):
    points = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])
    rows = [row(folder, points=points, category="x")]
    rows.append(row(folder, "b.png", "a.png", points, category="y"))
    pairs = make_pairs(rows, name="p")
    for chosen in (np.array([False, True]), [1]):
        second = pairs.select(chosen)
        assert (len(second), second.categories) == (1, ("y",))
        assert second.source.files == (folder / "b.png",)
        np.testing.assert_array_equal(second.target.points_px[0], [[3, 4]])
        np.testing.assert_array_equal(second.target.sizes, [[30, 20]])
    assert len(pairs.select(slice(0, 0))) == 0


@pytest.mark.parametrize("resize", ["antialias", "align_corners"])
@pytest.mark.parametrize("size", [9, 16, 50])
def test_normalised_coordinates_are_the_same_in_the_square(resize, size):
    # Red rises with x and green with y: colours tell the place in the original.
    width, height = 41, 23
    x, y = np.meshgrid(np.linspace(0, 240, width), np.linspace(0, 240, height))
    image = np.stack([x, y, 0 * x], -1).round().astype(np.uint8)
    square = squash(image, size, resize).astype(float)
    expected = np.linspace(0, 240, size)
    # The filter sees repeated pixels beyond the border, so there it is a little off.
    inner = slice(1, -1) if resize == "antialias" else slice(None)
    np.testing.assert_allclose(square[size // 2, inner, 0], expected[inner], atol=2.5)
    np.testing.assert_allclose(square[inner, size // 2, 1], expected[inner], atol=2.5)


def test_align_corners_is_bilinear_interpolation_without_a_filter():
    image = smooth_picture(11, 17).astype(float)
    for size in (5, 24):
        found = squash(image.astype(np.uint8), size, "align_corners")
        for i in range(size):
            for j in range(size):
                y, x = i * 10 / (size - 1), j * 16 / (size - 1)
                y0, x0 = min(int(y), 9), min(int(x), 15)
                top = (x0 + 1 - x) * image[y0, x0] + (x - x0) * image[y0, x0 + 1]
                low = (x0 + 1 - x) * image[y0 + 1, x0] + (x - x0) * image[y0 + 1, x0 + 1]
                value = (y0 + 1 - y) * top + (y - y0) * low
                np.testing.assert_allclose(found[i, j], value, atol=0.51)


@pytest.mark.parametrize("name", sorted(bad_files()))
def test_unusable_pictures_are_refused_before_the_work_begins(corpus, folder, name):
    good = row(folder)
    rows = [good, PairRow("list: row 2", Annotated(corpus / "bad" / name), good.target)]
    with pytest.raises(DataError, match=bad_files()[name][1]) as caught:
        load_images(make_pairs(rows, name="p"), 16)
    assert name in str(caught.value)


def test_missing_pictures_are_all_named_in_one_error(folder):
    rows = [row(folder), row(folder, "x.png"), row(folder, "x.png", "y.png")]
    with pytest.raises(DataError, match="(?s)p: 2 of its 4 pictures.*x.png: no such file.*y.png"):
        make_pairs(rows, name="p")
    with pytest.raises(DataError, match="and 2 more"):
        make_pairs([row(folder, f"{k}.png") for k in range(22)], name="p")


INSIDE = np.array([[1.0, 1.0]])


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([], "p: no pairs"),
        ([{"target": "a.png"}], "row 1: .*a.png is paired with itself"),
        ([{"points": (INSIDE, np.ones((2, 2)))}], "row 1: 1 points in the source and 2 in the tar"),
        ([{"points": (INSIDE, None)}], "row 1: 1 points in the source and no in the target"),
        ([{"points": (np.ones((0, 2)), np.ones((0, 2)))}], "no points in the source"),
        ([{"points": (INSIDE, np.array([[24, 3]]))}], r"point 1 of the target, \(24, 3\)"),
        ([{"points": (np.array([[-0.6, 3]]), INSIDE)}], "outside the 30x20 pixels of .*a.png"),
        ([{"points": (np.array([[3, np.nan]]), INSIDE)}], "point 1 of the source"),
        ([{"category": "x"}, {}], "p: 1 of 2 rows have no category"),
        ([{"points": (INSIDE, INSIDE)}, {}, {}], "p: 2 of 3 rows have no key points"),
    ],
)
def test_faulty_rows_are_refused_by_row(folder, rows, named):
    with pytest.raises(DataError, match=named):
        make_pairs([row(folder, **options) for options in rows], name="p")


def test_points_on_the_border_are_inside(folder):
    points = np.array([[-0.5, 19.5]]), np.array([[23.5, -0.5]])
    assert len(make_pairs([row(folder, points=points)], name="p")) == 1


def test_further_refusals(folder):
    pairs = make_pairs([row(folder)], name="p")
    with pytest.raises(DataError, match="no key points"):
        pairs.source.points()
    with pytest.raises(DataError, match="'nearest'; .* one of antialias, align_corners"):
        load_images(pairs, 16, resize="nearest")
    with pytest.raises(DataError, match="size 1 by"):
        load_images(pairs, 1)
    missing = Path(folder / "a.png")
    missing.unlink()
    with pytest.raises(DataError, match="a.png: no such file"):
        load_images(pairs, 16)


def test_a_damaged_exif_block_is_no_reason_to_refuse(folder):
    block = b"Exif\0\0" + b"\xff" * 40
    image = Image.fromarray(smooth_picture(20, 30))
    (folder / "exif.jpg").write_bytes(encode(image, "JPEG", exif=block))
    pairs = make_pairs([row(folder, "exif.jpg")], name="p")
    np.testing.assert_array_equal(pairs.source.sizes, [[30, 20]])
