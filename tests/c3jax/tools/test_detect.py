"""`c3jax detect`, and the overlays."""

import functools
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from c3jax import inference, to_pixels
from c3jax.files import pictures
from c3jax.files.folder import labelled
from c3jax.files.frames import frame_picture, resize_picture
from c3jax.files.pictures import read_picture
from c3jax.files.tables import read_number_table
from c3jax.tools import detect
from tests.experiments.tiny import LANDMARKS, SIZE, call, smooth_picture


@pytest.fixture(scope="module")
def model(exported):
    """An exported model that cuts out central squares."""
    return exported("c3_faces")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Nested pictures, two of one name, two that are broken."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pictures, "MAX_PIXELS", pictures.MAX_PIXELS)
    root = tmp_path / "photos"
    (root / "sub").mkdir(parents=True)
    smooth_picture(40, 60, 0).save(root / "a.png")
    smooth_picture(50, 30, 1).save(root / "sub" / "a.png")
    smooth_picture(64, 64, 2).save(root / "sub" / "b.jpg")
    (root / "empty.jpg").write_bytes(b"")
    (root / "page.png").write_bytes(b"<html>")
    return root


def lines(out):
    rows = map(json.loads, (out / "landmarks.jsonl").read_text().split("\n")[:-1])
    return {row["image"]: np.array(row["landmarks_px"]) for row in rows}


detector_of = functools.cache(inference.load)


def expected_px(model, path, **framing):
    """Landmarks in pixels of the original, by a frame of our own."""
    image = read_picture(path)
    frame = frame_picture(image.shape[1], image.shape[0], size=SIZE, **{"crop": "centre"} | framing)
    points = detector_of(model).landmarks(resize_picture(image, frame)[None])[0]
    return frame.to_original(np.asarray(to_pixels(points, (SIZE, SIZE))))


def test_a_folder_is_searched_and_what_is_broken_is_left_out(model, photos, tmp_path, capsys):
    before = {file: file.read_bytes() for file in photos.rglob("*") if file.is_file()}
    assert call(detect.main, photos, "--checkpoint", model, "--out", "new/found") == 0
    said = capsys.readouterr()
    assert "landmarks of 3 of 5 pictures: new/found/landmarks.jsonl" in said.out
    assert "left out: empty.jpg: an empty file" in said.err
    assert "left out: page.png: not a picture" in said.err
    out = tmp_path / "new" / "found"
    found = lines(out)
    assert list(found) == ["a.png", "sub/a.png", "sub/b.jpg"]
    for name, points_px in found.items():
        assert points_px.shape == (LANDMARKS, 2)
        np.testing.assert_allclose(points_px, expected_px(model, photos / name), atol=0.01)
        with (
            Image.open(out / "overlays" / f"{name}.jpg") as overlay,
            Image.open(photos / name) as p,
        ):
            assert overlay.size == p.size
            assert np.any(np.asarray(overlay) != np.asarray(p))
    assert "0 at the centre of the top left pixel" in (out / "README.txt").read_text()
    assert before == {file: file.read_bytes() for file in photos.rglob("*") if file.is_file()}


def test_a_csv_has_the_layout_of_labelled_folders(model, photos):
    arguments = ["photos/a.png", "photos/sub/a.png", "photos/a.png", "--checkpoint", model]
    assert call(detect.main, *arguments, "--format", "csv", "--no-overlays", "--out", "out") == 0
    header, rows = read_number_table(photos.parent / "out/landmarks.csv", blank=True)
    assert header[:7] == ["image", "x0", "y0", "x1", "y1", "x2", "y2"]
    beside = [f"{name}{k}" for name in ("spread_percent", "confidence") for k in range(3)]
    assert header[7:] == [*beside, "object_score", "object"]
    assert [name for name, _ in rows] == ["a.png", "sub/a.png"]
    assert np.isfinite(rows[1][1][6:9]).all() and np.isnan(rows[1][1][9:]).all()
    (photos / "images").mkdir()  # the table beside images/ is one of labelled pictures
    for name, _ in rows:
        (photos / "images" / name).parent.mkdir(exist_ok=True)
        shutil.copy(photos / name, photos / "images" / name)
    shutil.copy(photos.parent / "out/landmarks.csv", photos)
    found = labelled(photos).keypoints_px
    np.testing.assert_allclose(found[1], expected_px(model, photos / "sub/a.png"), atol=0.01)
    assert not (photos.parent / "out/overlays").exists()


def test_boxes_are_cut_out_with_the_margin_of_training(model, photos, capsys):
    (photos.parent / "boxes.csv").write_text("image,x0,y0,x1,y1\na.png,5,10,35,50\nz.png,0,0,9,9\n")
    arguments = [photos, "--boxes", "boxes.csv", "--no-overlays", "--checkpoint", model]
    assert call(detect.main, *arguments) == 0
    assert "boxes: for 1 of 5 pictures" in capsys.readouterr().out
    found = lines(photos.parent / "landmarks")
    boxed = expected_px(model, photos / "a.png", box=(5, 10, 35, 50), margin=0.2)
    np.testing.assert_allclose(found["a.png"], boxed, atol=0.01)
    whole = expected_px(model, photos / "sub/a.png")
    np.testing.assert_allclose(found["sub/a.png"], whole, atol=0.01)


def test_a_picture_with_several_boxes_has_a_row_for_each(model, photos, capsys):
    rows = ["a.png,5,10,35,50", "./a.png,0,0,20,20", "a.png,90,90,99,99", "sub/a.png,0,0,30,30"]
    (photos.parent / "boxes.csv").write_text("\n".join(["image,x0,y0,x1,y1", *rows]) + "\n")
    arguments = [photos / "a.png", photos / "sub/a.png", "--checkpoint", model]
    arguments += ["--boxes", "boxes.csv"]
    assert call(detect.main, *arguments, "--format", "dlc") == 2
    assert "--format dlc has one object a picture" in capsys.readouterr().err
    assert call(detect.main, *arguments, "--format", "jsonl", "csv", "coco") == 0
    said = capsys.readouterr()
    assert "landmarks of 2 of 2 pictures (3 with all pages, frames and boxes)" in said.out
    assert "left out: a.png: its box (90.0, 90.0, 99.0, 99.0) lies outside its 40x60" in said.err
    out = photos.parent / "landmarks"
    found = [json.loads(line) for line in (out / "landmarks.jsonl").read_text().splitlines()]
    boxes = [(5, 10, 35, 50), (0, 0, 20, 20), (0, 0, 30, 30)]
    assert [tuple(each["box"]) for each in found] == boxes
    for each, box in zip(found, boxes, strict=True):
        expected = expected_px(model, photos / each["image"], box=box, margin=0.2)
        np.testing.assert_allclose(each["landmarks_px"], expected, atol=0.01)
    coco = json.loads((out / "person_keypoints_default.json").read_text())
    assert [each["bbox"] for each in coco["annotations"]] == [
        *([5, 10, 30, 40], [0, 0, 20, 20], [0, 0, 30, 30])
    ]
    assert [each["image_id"] for each in coco["annotations"]] == [1, 1, 2]
    assert len([*(out / "overlays").rglob("*.jpg")]) == 2


def test_pages_and_frames_are_pictures_of_their_own(model, photos, capsys):
    pages = [smooth_picture(40, 60, 0), smooth_picture(30, 30, 1)]
    pages[0].save(photos / "scan.tif", save_all=True, append_images=pages[1:])
    frames = [smooth_picture(40, 40, seed) for seed in range(4)]
    frames[0].save(photos / "moving.png", save_all=True, append_images=frames[1:])
    arguments = ["--checkpoint", model, "--no-overlays"]
    assert call(detect.main, photos, *arguments, "--every", "3") == 0
    assert "landmarks of 5 of 7 pictures (7 with all pages, frames" in capsys.readouterr().out
    found = lines(photos.parent / "landmarks")
    assert [*found] == [
        *("a.png", "moving.png#0", "moving.png#3", "scan.tif#1", "scan.tif#2"),
        *("sub/a.png", "sub/b.jpg"),
    ]
    np.testing.assert_allclose(found["scan.tif#1"], found["a.png"], atol=0.01)
    assert call(detect.main, photos / "moving.png", *arguments, "--format", "dlc", "coco") == 0
    written = sorted(file.name for file in (photos.parent / "landmarks").iterdir())
    assert written == ["README.txt", "landmarks_dlc.csv", "person_keypoints_default.json"]


def test_boxes_are_found_whatever_wrote_their_names(model, photos, capsys):
    (photos / "sub" / "a.png").rename(photos / "sub" / "cafe\u0301.png")  # as macOS has it
    rows = ["./a.png,5,10,35,50", "sub\\b.jpg,1,2,40,50", "sub/caf\xe9.png,5,6,25,40"]
    lines = "\n".join(["image,x0,y0,x1,y1", *rows, "gone.png,0,0,9,9"])
    (photos.parent / "boxes.csv").write_text(lines, encoding="utf-8")
    arguments = [photos, "--boxes", "boxes.csv", "--no-overlays", "--checkpoint", model]
    assert call(detect.main, *arguments) == 0
    said = capsys.readouterr()
    assert "boxes: for 3 of 5 pictures" in said.out
    assert "boxes: 1 rows of boxes.csv name no picture: gone.png" in said.err


def test_everything_in_the_folder_is_of_the_last_call(model, photos):
    out = photos.parent / "landmarks"
    assert call(detect.main, photos, "--checkpoint", model) == 0
    single = [photos / "a.png", "--checkpoint", model, "--format", "csv"]
    assert call(detect.main, *single) == 0
    files = sorted(f.relative_to(out).as_posix() for f in out.rglob("*") if f.is_file())
    assert files == ["README.txt", "landmarks.csv", "overlays/a.png.jpg"]
    (out / "mine.txt").write_text("a note")
    assert call(detect.main, *single, "--no-overlays") == 0
    assert sorted(f.name for f in out.iterdir()) == ["README.txt", "landmarks.csv", "mine.txt"]


def test_results_elsewhere_in_the_folder_are_no_pictures(model, photos, capsys):
    for out in ("one", "two"):
        assert call(detect.main, photos, "--checkpoint", model, "--out", photos / out) == 0
        assert "landmarks of 3 of 5 pictures" in capsys.readouterr().out


def test_what_is_passed_over_is_named_and_links_are_followed_once(model, photos, capsys, caplog):
    (photos / "b.psd").write_bytes(b"x")
    (photos / "c.mp4").write_bytes(b"x")
    elsewhere = photos.parent / "elsewhere"
    elsewhere.mkdir()
    smooth_picture(40, 40, 3).save(elsewhere / "d.png")
    for link in ("linked", "again"):
        (photos / link).symlink_to(elsewhere)
    (photos / "loop").symlink_to(photos)
    assert call(detect.main, photos, "--checkpoint", model, "--no-overlays") == 0
    assert "landmarks of 4 of 6 pictures" in capsys.readouterr().out
    assert "passed over 1 .psd, 1 .mp4, which are not read: b.psd, c.mp4" in caplog.text


def test_pixels_are_those_of_the_upright_picture(model, photos):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    picture = smooth_picture(40, 60, 0)
    picture.transpose(Image.Transpose.ROTATE_90).save(photos / "turned.png", exif=exif)
    assert call(detect.main, photos, "--no-overlays", "--checkpoint", model) == 0
    found = lines(photos.parent / "landmarks")
    np.testing.assert_allclose(found["turned.png"], found["a.png"], atol=0.01)


def test_results_are_replaced_but_never_taken_for_pictures(model, photos):
    arguments = [photos, "--checkpoint", model, "--out", photos / "landmarks"]
    for _ in range(2):
        assert call(detect.main, *arguments) == 0
        assert len(lines(photos / "landmarks")) == 3


def test_folders_with_other_files_are_not_written_to(model, photos, capsys):
    (photos / "landmarks.csv").write_text("image,x0,y0\n")
    arguments = ["--checkpoint", model, "--format", "csv"]
    assert call(detect.main, photos / "a.png", *arguments, "--out", photos) == 2
    assert "holds other files; give a new folder" in capsys.readouterr().err
    assert (photos / "landmarks.csv").read_text() == "image,x0,y0\n"
    assert call(detect.main, photos / "a.png", *arguments, "--out", photos / "a.png") == 2
    assert "a.png is a file; give a folder" in capsys.readouterr().err
    assert call(detect.main, photos / "a.png", *arguments, "--out", "out") == 0
    assert call(detect.main, "out/overlays", *arguments, "--out", "out") == 2
    assert "lies in the folder of the results" in capsys.readouterr().err


def test_the_detector_that_comes_along_is_the_default(model, photos, monkeypatch, capsys):
    monkeypatch.setattr(inference, "SHIPPED", photos)
    assert call(detect.main, photos / "a.png") == 2
    assert "face_detector/model.safetensors: no such file" in capsys.readouterr().err
    shutil.copytree(model, photos / "face_detector")
    assert call(detect.main, photos / "a.png") == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "give at least one picture or folder"),
        (["photos/nowhere.png"], "none of 1 pictures can be used; the first, nowhere.png: no such"),
        (
            ["photos/empty.jpg", "photos/page.png"],
            "none of 2 pictures can be used; the first, empty",
        ),
        (["void"], "void: no picture"),
        (["photos", "--boxes", "photos/page.png"], "page.png: row 1|the header is '<html>'"),
        (["photos", "--boxes", "none.csv"], "none.csv: no such file"),
        (["photos", "--boxes", "other.csv"], "other.csv names none of the pictures, such as a.png"),
        (["photos", "--checkpoint", "void"], "void/model.safetensors: no such file; a model is"),
        (["photos", "--checkpoint", "run"], "run is a run: export it (python -m experiments.exp"),
        (["photos", "--checkpoint", "no.safetensors"], "no.safetensors: no such file"),
        (["photos", "--format", "xml"], "xml"),
        (["photos", "--format"], "--format"),
        (["photos", "--every", "0"], "--every must be at least 1"),
        (["photos", "--max-megapixels", "nan"], "--max-megapixels must be positive"),
        (["photos", "--max-megapixels", "0.0001"], "none of 5 pictures can be used; the first, a."),
        (["photos", "--colour", "red"], "--colour"),
        (["photos", "--shard", "0/2"], "--shard 0/2: give N/M"),
        (["photos", "--shard", "3/2"], "--shard 3/2: give N/M"),
        (["photos", "--shard", "half"], "--shard half: give N/M"),
        (["photos", "--shard", "1/6"], "--shard 1/6: there are only 5 pictures"),
        (["photos", "--shard", "1/2", "--format", "coco"], "coco is one JSON value"),
    ],
)
def test_wrong_use_ends_with_status_2_and_writes_nothing(model, photos, arguments, named, capsys):
    (photos.parent / "void").mkdir()
    (photos.parent / "run/checkpoints").mkdir(parents=True)
    (photos.parent / "other.csv").write_text("image,x0,y0,x1,y1\nz.png,0,0,9,9\n")
    checkpoint = [] if "--checkpoint" in arguments else ["--checkpoint", model]
    assert call(detect.main, *arguments, *checkpoint) == 2
    said = capsys.readouterr().err
    assert any(part in said for part in named.split("|")) and "Traceback" not in said
    if said.startswith("error: "):
        assert said.count("\n") == 1
    assert not (photos.parent / "landmarks").exists()


@pytest.mark.skipif(os.name != "posix", reason="names are Unicode elsewhere")
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_names_that_are_not_utf_8_are_escaped(model, photos, kind, capsys):
    (photos / "a.png").rename(os.fsdecode(os.fsencode(photos) + b"/caf\xe9.png"))
    assert call(detect.main, photos, "--checkpoint", model, "--format", kind) == 0
    out = photos.parent / "landmarks"
    assert (out / "overlays" / "caf\udce9.png.jpg").exists()
    if kind == "jsonl":
        assert "caf\udce9.png" in lines(out)  # os.fsencode gives the name on the disk
    else:
        assert "caf\\udce9.png," in (out / "landmarks.csv").read_text(encoding="utf-8")
