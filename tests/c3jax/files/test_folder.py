"""A folder of pictures, with what may be wrong with it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from c3jax.files.errors import DataError
from c3jax.files.folder import (
    check_folder,
    find_folder,
    find_pictures,
    load_folder,
    read_boxes,
)
from c3jax.files.frames import Frame, resize_picture
from c3jax.files.pictures import read_picture
from tests.data_pipelines.conftest import bad_files, good_files

CELEBA = Path(__file__).parents[4] / "shared/data/celeba_5k/images"


def _write_boxes(folder, *rows, header="image,x0,y0,x1,y1"):
    path = folder / "boxes.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture
def pictures(tmp_path):
    """Three pictures, 32x24, in nested folders."""
    for name in ("b/2.PNG", "a.png", "b/c/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(good_files()["RGB.PNG"])
    return tmp_path


def test_pictures_are_found_nested_sorted_in_any_case_and_hidden_ones_ignored(pictures):
    (pictures / ".cache").mkdir()
    shutil.copy(pictures / "a.png", pictures / ".cache/x.png")
    shutil.copy(pictures / "a.png", pictures / ".y.png")
    (pictures / "notes.txt").write_text("no picture")
    assert find_pictures(pictures) == ["a.png", "b/2.PNG", "b/c/1.png"]


def test_a_missing_path_a_file_and_an_empty_folder_are_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: no such folder"):
        find_pictures(tmp_path / "nowhere")
    (tmp_path / "x.psd").write_bytes(b"")
    with pytest.raises(DataError, match=r"x.psd: a file, not a folder"):
        find_pictures(tmp_path / "x.psd")
    with pytest.raises(DataError, match=r"no picture .*; found 1 .psd"):
        find_pictures(tmp_path)


def test_broken_pictures_are_named_and_left_out(corpus, caplog):
    examples = load_folder(find_folder(corpus), size=16)
    assert len(examples) == len(good_files())
    assert {name for name, _ in examples.skipped} == {f"bad/{name}" for name in bad_files()}
    assert examples.images.shape == (len(examples), 16, 16, 3)
    for name, frame, image in zip(examples.names, examples.frames, examples.images, strict=True):
        np.testing.assert_array_equal(image, resize_picture(read_picture(corpus / name), frame))
    assert "bad/empty.jpg: an empty file" in caplog.text


def test_checking_a_folder_leaves_the_same_pictures_out(corpus, caplog):
    files = check_folder(find_folder(corpus))
    assert files.names == load_folder(find_folder(corpus), size=8).names
    assert "bad/empty.jpg: an empty file" in caplog.text


def test_a_folder_of_one_usable_picture_is_refused_with_the_reasons(tmp_path):
    (tmp_path / "good.png").write_bytes(good_files()["RGB.PNG"])
    (tmp_path / "page.jpg").write_bytes(b"<html>")
    named = r"1 of its pictures can be used(.|\n)*page.jpg: not a picture"
    with pytest.raises(DataError, match=named):
        load_folder(find_folder(tmp_path), size=8)
    with pytest.raises(DataError, match=named):
        check_folder(find_folder(tmp_path))


def test_a_box_is_cut_out_with_its_margin_and_the_others_are_centred(pictures):
    boxes = _write_boxes(pictures, "b/2.PNG,4,6,14,12")
    examples = load_folder(find_folder(pictures, boxes=boxes, margin=0.1), size=8)
    assert examples.frames[1] == Frame(region=(3, 3, 15, 15), size=8)
    assert examples.frames[0] == Frame(region=(4, 0, 28, 24), size=8)
    plain = load_folder(find_folder(pictures), size=8)
    assert not np.array_equal(plain.images[1], examples.images[1])


def test_a_box_outside_its_picture_leaves_the_picture_out(pictures):
    boxes = _write_boxes(pictures, "a.png,40,0,50,10")
    examples = load_folder(find_folder(pictures, boxes=boxes), size=8)
    [(name, reason)] = examples.skipped
    assert name == "a.png" and "outside its 32x24 pixels" in reason


def test_a_negative_margin_is_refused(pictures):
    with pytest.raises(DataError, match="margin is -0.1"):
        find_folder(pictures, margin=-0.1)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("a.png,4,6,14", "row 2 has 4 columns"),
        ("a.png,4,six,14,12", "row 2, column 'y0': 'six' is not a number"),
        ("a.png,4,6,nan,12", "row 2, column 'x1': 'nan' is not a number"),
        ("a.png,4,6,14,6", "row 2, column 'y1': 6 is not above y0 = 6"),
        ("A.png,4,6,14,12", "row 2, column 'image': no picture 'A.png'"),
        ("b/2.PNG,4,6,14,12", "row 2 repeats 'b/2.PNG' of row 1"),
        ("a.png,0.2,0.1,0.9,1", "row 2: all edges are within 1; pixels are needed, not shares"),
    ],
)
def test_a_faulty_box_is_refused_by_row_and_column(pictures, row, named):
    boxes = _write_boxes(pictures, "b/2.PNG,4,6,14,12", row)
    with pytest.raises(DataError, match=named):
        find_folder(pictures, boxes=boxes)


def test_a_box_table_of_another_kind_is_refused(tmp_path):
    table = tmp_path / "boxes.csv"
    with pytest.raises(DataError, match="no such file"):
        read_boxes(table)
    for content, said in (
        (b"name,x,y\n", "the header is 'name,x,y'"),
        (b"", "empty"),
        (good_files()["rgb.jpg"], "not a comma-separated text table"),
        (b"image;x0;y0;x1;y1\na.png;1;2;3;4\n", "its columns are separated by ';'; save it with"),
        (b"image\tx0\ty0\tx1\ty1\n", "its columns are separated by a tab"),
        ("image,x0,y0,x1,y1\n".encode("utf-16"), "UTF-16 text: save it as UTF-8"),
    ):
        table.write_bytes(content)
        with pytest.raises(DataError, match=said):
            read_boxes(table)


@pytest.mark.skipif(not CELEBA.is_dir(), reason="needs ../shared/data")
def test_real_photos_load_whole(tmp_path):
    for name in find_pictures(CELEBA)[:200]:
        (tmp_path / name).symlink_to(CELEBA / name)
    examples = load_folder(find_folder(tmp_path), size=64)
    assert (examples.images.shape, examples.skipped) == ((200, 64, 64, 3), ())
    assert examples.frames[0].region == (0, 10, 89, 99)
