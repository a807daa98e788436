"""What landmarks are written to, in each format."""

import csv
import json

import numpy as np
import pytest

from c3jax.files.labels import read_labels
from c3jax.tools.landmark_files import FILES, Detection, writer

POINTS = np.array([[1.00049, 2.0], [3.0, 5.5]])


def write(out, formats, *found, **options):
    with writer(out, formats, found[0], **options) as one:
        for each in found:
            one(each)
    return {name: (out / FILES[name]).read_text(encoding="utf-8") for name in formats}


def test_rows_are_written_at_once(tmp_path):
    found = Detection("ä, b.png", (9, 9), POINTS)
    with writer(tmp_path, ("jsonl", "csv", "dlc"), found) as one:
        one(found)
        texts = [(tmp_path / FILES[name]).read_text("utf-8") for name in ("jsonl", "csv", "dlc")]
    assert json.loads(texts[0]) == {"image": "ä, b.png", "landmarks_px": [[1, 2], [3, 5.5]]}
    assert list(csv.reader(texts[1].splitlines())) == [
        ["image", "x0", "y0", "x1", "y1"],
        ["ä, b.png", "1.0", "2.0", "3.0", "5.5"],
    ]
    assert texts[2].splitlines()[1:] == [
        "bodyparts,landmark0,landmark0,landmark0,landmark1,landmark1,landmark1",
        "coords,x,y,likelihood,x,y,likelihood",
        '"ä, b.png",1.0,2.0,1.0,3.0,5.5,1.0',
    ]


def test_coco_has_a_picture_once_and_all_of_its_objects(tmp_path):
    boxed = Detection("a.png", (40, 20), POINTS, box=(0, 1, 8, 7))
    other = Detection("a.png", (40, 20), POINTS + 1, fields={"confidence": [0.5, None]})
    last = Detection("b/c.png", (10, 30), POINTS)
    found = json.loads(write(tmp_path, ("coco",), boxed, other, last)["coco"])
    assert found["images"] == [
        {"id": 1, "file_name": "a.png", "width": 40, "height": 20},
        {"id": 2, "file_name": "b/c.png", "width": 10, "height": 30},
    ]
    [category] = found["categories"]
    assert category["keypoints"] == ["landmark0", "landmark1"] and category["skeleton"] == []
    assert [each["image_id"] for each in found["annotations"]] == [1, 1, 2]
    assert found["annotations"][0] == {
        "id": 1,
        "image_id": 1,
        "category_id": category["id"],
        "keypoints": [1, 2, 2, 3, 5.5, 2],
        "num_keypoints": 2,
        "bbox": [0, 1, 8, 6],
        "area": 48,
        "segmentation": [],
        "iscrowd": 0,
        "score": 1,
    }
    assert found["annotations"][1]["score"] == 0.75
    # Without a box that of the points, whose pixels are one wide.
    assert found["annotations"][2]["bbox"] == [1, 2, 3, 4.5]


def test_coco_is_written_when_it_is_interrupted(tmp_path):
    found = Detection("a.png", (40, 20), POINTS)
    with pytest.raises(KeyboardInterrupt), writer(tmp_path, ("coco",), found) as one:
        one(found)
        raise KeyboardInterrupt
    assert len(json.loads((tmp_path / FILES["coco"]).read_text())["annotations"]) == 1
    assert [file.name for file in tmp_path.iterdir()] == [FILES["coco"]]


def test_what_is_written_is_read_back(tmp_path):
    sure = {"spread_percent": [1.5, 2], "confidence": None, "object_score": 0.5, "object": True}
    found = [
        Detection(f"{name}.png", (40, 20), POINTS + k, fields=sure) for k, name in enumerate("ab")
    ]
    write(tmp_path, tuple(FILES), *found)
    for name in ("csv", "coco", "dlc"):
        labels = read_labels(tmp_path / FILES[name])
        assert labels.names == ("a.png", "b.png")
        np.testing.assert_allclose(labels.keypoints_px, [POINTS, POINTS + 1], atol=1e-3)


def test_named_key_points_stand_beside_the_landmarks_or_alone(tmp_path):
    found = Detection(
        "a.png",
        (40, 20),
        POINTS,
        np.array([[7.0, 8.0]]),
        box=(0, 0, 9, 9),
        fields={"confidence": [0.5, None], "object": True},
    )
    texts = write(tmp_path, tuple(FILES), found, names=("nose",), boxed=True)
    row = json.loads(texts["jsonl"])
    assert row["keypoints_px"] == {"nose": [7, 8]} and row["box"] == [0, 0, 9, 9]
    assert row["confidence"] == [0.5, None] and row["object"] is True
    header, row = csv.reader(texts["csv"].splitlines())
    assert header[5:] == [
        *("nose_x", "nose_y", "box_x0", "box_y0", "box_x1", "box_y1"),
        *("confidence0", "confidence1", "object"),
    ]
    assert row[5:] == ["7.0", "8.0", "0", "0", "9", "9", "0.5", "", "1"]
    coco = json.loads(texts["coco"])
    assert coco["categories"][0]["keypoints"] == ["nose"]
    assert coco["annotations"][0]["keypoints"] == [7, 8, 2]
    assert coco["annotations"][0]["score"] == 1  # the confidence is that of the landmarks
    assert texts["dlc"].splitlines()[1:] == [
        "bodyparts,nose,nose,nose",
        "coords,x,y,likelihood",
        "a.png,7.0,8.0,1.0",
    ]
