"""Files of key points: our own table, COCO's JSON, DeepLabCut's CSV."""

import json

import numpy as np
import pytest
from PIL import Image

from c3jax.files.errors import DataError
from c3jax.files.folder import labelled
from c3jax.files.labels import find_labels, read_labels
from c3jax.files.sources import load_annotated
from c3jax.files.tables import key_of

NAN = [np.nan, np.nan]
ONE_INDEX = """\
scorer,Me,Me,Me,Me
bodyparts,nose,nose,tail,tail
coords,x,y,x,y
labeled-data/v/a.png,1,2,3.5,4
labeled-data/v/b.png,5,6,,
"""
THREE_INDEX = """\
scorer,,,Me,Me,Me,Me,Me,Me
bodyparts,,,nose,nose,nose,tail,tail,tail
coords,,,x,y,likelihood,x,y,likelihood
labeled-data,v,a.png,1,2,0.9,3.5,4,0.1
labeled-data,v,b.png,5,6,1,,,
"""


def coco(**changes):
    """Two labelled pictures and one without labels."""
    category = {"id": 3, "name": "mouse", "keypoints": ["nose", "tail"], "skeleton": []}
    images = [{"id": i, "file_name": f"labeled-data/v/{n}.png"} for i, n in enumerate("abc", 7)]
    keypoints = {7: [1, 2, 2, 3.5, 4, 1], 8: [5, 6, 2, 0, 0, 0]}
    annotations = [
        {"id": i, "image_id": i, "category_id": 3, "keypoints": each}
        for i, each in keypoints.items()
    ]
    whole = {"categories": [category], "images": images, "annotations": annotations}
    return json.dumps(whole | changes)


@pytest.mark.parametrize(
    ("name", "text"),
    [("one.csv", ONE_INDEX), ("three.csv", THREE_INDEX), ("coco.json", coco())],
)
def test_all_kinds_of_files_say_the_same(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    found = read_labels(tmp_path / name)
    assert found.names == ("labeled-data/v/a.png", "labeled-data/v/b.png")
    assert found.points == ("nose", "tail")
    np.testing.assert_array_equal(found.keypoints_px, [[[1, 2], [3.5, 4]], [[5, 6], NAN]])
    assert found.keypoints_px.dtype == np.float32


def test_a_column_of_visibility_says_what_is_not_labelled(tmp_path):
    file = tmp_path / "landmarks.csv"
    file.write_text("image,eye_x,eye_y,eye_v,x1,y1,v1\na.png,1,2,1,0,0,0\nb.png,,,0,5,6,2\n")
    found = read_labels(file)
    assert found.points == ("eye", "1")
    np.testing.assert_array_equal(found.keypoints_px, [[[1, 2], NAN], [NAN, [5, 6]]])
    file.write_text("image,x,y,v\na.png,1,2,0.7\n")
    with pytest.raises(DataError, match="row 1, column 'v': 0 .not labelled., 1 .hidden. or 2"):
        read_labels(file)


@pytest.mark.parametrize(
    ("header", "points"),
    [
        ("x0,y0,x1,y1", ("0", "1")),
        ("left eye x,left eye y,nose.x,nose.y", ("left eye", "nose")),
        ("x,y,x,y", ("0", "1")),
        ("a_x,a_y,a_x,a_y", ("0", "1")),
    ],
)
def test_points_are_called_as_their_columns(tmp_path, header, points):
    (tmp_path / "t.csv").write_text(f"image,{header}\na.png,1,2,3,4\n")
    assert read_labels(tmp_path / "t.csv").points == points


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (ONE_INDEX.replace("bodyparts", "individuals,m,m,m,m\nbodyparts"), "a row 'individuals'"),
        (ONE_INDEX.replace("coords,x,y,x,y\n", ""), "first rows are .*, not scorer, bodyparts"),
        (ONE_INDEX.replace("coords,x,y,x,y", "coords,x,y,x,likelihood"), "no column 'y' of 'tail'"),
        (ONE_INDEX.replace("3.5", "three"), "row 1, x of 'tail': 'three' is no number"),
        (ONE_INDEX.replace("3.5", "inf"), "row 1: a coordinate is infinite"),
        (ONE_INDEX.replace("3.5,4", "3.5"), "row 1 has 4 columns, its header 5"),
        (ONE_INDEX.replace("3.5,4", "3.5,"), "row 1: point 2 has one blank cell"),
        (ONE_INDEX.replace("b.png", "a.png"), r"row 2 repeats '.*a.png' of row 1"),
        (ONE_INDEX.replace("labeled-data/v/a.png", "0").replace("labeled-data/v/b.png", "1"), "fr"),
        ("image,nose_y,nose_x\na.png,9,8\n", "'nose_y' and 'nose_x' are not the x and y of one"),
        ("image,x0,x1,y0,y1\na.png,9,8,7,6\n", "'x0' and 'x1' are not the x and y of one"),
        ("image,x0,y0,x1,y1\na.png,0.9,0.8,,\n", "all points are within 1; pixels are needed"),
    ],
)
def test_faulty_tables_are_refused(tmp_path, text, why):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=f"t.csv: .*{why}"):
        read_labels(tmp_path / "t.csv")


def test_rows_without_a_cell_are_passed_over(tmp_path):
    (tmp_path / "t.csv").write_text(ONE_INDEX.replace("y\nlabeled", "y\n,,,,\nlabeled"))
    assert len(read_labels(tmp_path / "t.csv").names) == 2
    (tmp_path / "t.csv").write_text("image,x0,y0\n")
    assert read_labels(tmp_path / "t.csv").keypoints_px.shape == (0, 1, 2)


def annotation(**changes):
    return {"image_id": 7, "category_id": 3, "keypoints": [1, 2, 2, 3, 4, 2]} | changes


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (coco(annotations=[annotation(), annotation()]), "a.png has several objects"),
        (coco(annotations=[]), "one category are needed, found none"),
        (coco(annotations=[annotation(image_id=99)]), "not key points as COCO .*KeyError: 99"),
        (coco(annotations=[annotation(keypoints=[1, 2])]), "not key points as COCO"),
        (coco(images={}), "not key points as COCO"),
        ("[]", "not key points as COCO"),
        ("{", "no JSON"),
    ],
)
def test_faulty_json_is_refused(tmp_path, text, why):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(DataError, match=f"t.json: .*{why}"):
        read_labels(tmp_path / "t.json")


@pytest.mark.parametrize(
    ("pictures", "file"),
    [
        ("images", "person_keypoints_default.json"),
        ("images/default", "annotations/person_keypoints_default.json"),
        (".", "person_keypoints_default.json"),
    ],
)
def test_pictures_are_found_where_tools_leave_them(tmp_path, pictures, file):
    place = tmp_path / pictures / "labeled-data/v"
    place.mkdir(parents=True)
    for name in "ab":
        Image.new("RGB", (20, 10)).save(place / f"{name}.png")
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(coco())
    for given in (tmp_path, tmp_path / file):
        root, name = find_labels(given)
        found = labelled(root, csv=name, rows=(1, 2))
        assert found.points == ("nose", "tail")
        assert len(load_annotated(found, size=8)) == 2


def test_one_picture_that_is_there_is_enough_to_find_their_folder_and_none_is_told(tmp_path):
    (tmp_path / "t.csv").write_text("image,x0,y0\nlost.png,1,2\ncafé.png,3,4\n")
    with pytest.raises(DataError, match="t.csv: none of its pictures is there, such as lost.png; "):
        labelled(tmp_path, csv="t.csv")
    (tmp_path / "cafe\u0301.png").touch()  # as a disk of a Mac has it
    assert labelled(tmp_path, csv="t.csv").root == tmp_path


def test_names_from_a_disk_and_from_a_table_agree_in_a_locale_of_ascii():
    assert key_of("caf\udcc3\udca9.png") == key_of("cafe\u0301.png") == "café.png"


def test_the_table_of_a_video_of_deeplabcut_is_enough(tmp_path):
    place = tmp_path / "labeled-data/v"
    place.mkdir(parents=True)
    for name in "ab":
        Image.new("RGB", (20, 10)).save(place / f"{name}.png")
    (place / "CollectedData_Me.csv").write_text(THREE_INDEX)
    for given in (tmp_path, place, place / "CollectedData_Me.csv"):
        root, name = find_labels(given)
        assert len(load_annotated(labelled(root, csv=name), size=8)) == 2
    (place / "CollectedData_You.csv").write_text(ONE_INDEX)
    with pytest.raises(
        DataError, match="CollectedData_.*.csv is needed, found .*Me.csv, .*You.csv"
    ):
        find_labels(tmp_path)
    with pytest.raises(DataError, match="found none; give the file"):
        find_labels(tmp_path / "nowhere")
