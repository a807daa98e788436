"""AFLW_M: AFLW in the crops of MTFL (Zhang et al.), as published.

    training.txt    10,000 lines: lfw_5590\\NAME.jpg or net_7876\\NAME.jpg, and 14 numbers
    testing.txt     2,995 lines: AFLW/NAME.jpg and 14 numbers
    AFLW/, lfw_5590/, net_7876/

The numbers are x1..x5 and y1..y5 (eyes, nose, mouth corners; counted from 1), then gender, smile,
glasses and pose. Thewlis et al. and those after them train and fit on 10,122 AFLW faces in the same
crops instead; where they lie beside the lists, they are taken:

    aflw_cropped/facedata_cropped.csv   columns image_file, crop_file, set (1 for training), one
                                        more, then x1, y1, ..., x5, y5; crop_file is below
                                        aflw_cropped/
"""

import csv
from pathlib import Path

import numpy as np

from c3jax.files import published
from c3jax.files.catalogue import find, require_files
from c3jax.files.sources import Pictures
from c3jax.files.tables import read_floats

NAME = "aflw_mtfl"
SPLITS = ("train", "validation", "test")
LISTS = {"train": "training.txt", "test": "testing.txt"}
FOLDERS = {"train": ("lfw_5590", "net_7876"), "test": ("AFLW",)}
CROPS = Path("aflw_cropped")
TABLE = "facedata_cropped.csv"
COUNTS = find(NAME).counts
NUM_POINTS = 5
NUM_NUMBERS = 2 * NUM_POINTS + 4  # with the attributes
POINT_COLUMNS = slice(4, 14)  # of the table
# The AFLW crops are some 2.5 times as large as the box of their points; the pictures of the others
# show more, and are cut to that.
MARGIN = 0.75


def needed(folder, split: str) -> list[Path]:
    """What of the published files `read` needs."""
    above, part = Path(folder), "test" if split == "test" else "train"
    if part == "train" and (table := above / CROPS / TABLE).is_file():
        return [table]
    root = published.inside(above, "MTFL")
    return [root / LISTS[part], *(root / name for name in FOLDERS[part])]


def read(folder, split: str) -> Pictures:
    """The faces of one split: AFLW crops whole, other pictures cut about their points.

    The last tenth of the training faces is `validation`.
    """
    published.check_split(split, SPLITS)
    above = Path(folder)
    source, *_ = files = needed(above, split)
    require_files(NAME, files)
    names, keypoints_px = (_read_table if source.name == TABLE else _read_list)(source)
    pictures, part = source.parent, "test" if split == "test" else "train"
    published.check_count(source, len(names), *COUNTS[part])
    boxes = {
        name: published.box_of_points(points)
        for name, points in zip(names, keypoints_px, strict=True)
        if name.startswith(("lfw_5590/", "net_7876/"))
    }
    every = Pictures(pictures, tuple(names), boxes=boxes, margin=MARGIN, keypoints_px=keypoints_px)
    return every.select(published.hold_out_validation(len(names), split))


def _read_list(path: Path) -> tuple[list[str], np.ndarray]:
    """Names with `/`, and points `[num, 5, 2]` counted from 0."""
    names, points = [], []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        name, *cells = line.split() or [""]
        if name and len(cells) != NUM_NUMBERS:
            found = f"line {number} has {len(cells)} numbers after the picture"
            raise published.faulty(path, f"{found}, {NUM_NUMBERS} are published")
        if name:
            names.append(name.replace("\\", "/"))
            points.append(read_floats(f"{path}: line {number}", cells[: 2 * NUM_POINTS]))
    by_axis = np.array(points, np.float32).reshape(-1, 2, NUM_POINTS)
    return names, by_axis.transpose(0, 2, 1) - 1


def _read_table(path: Path) -> tuple[list[str], np.ndarray]:
    """The rows of set 1: crop_file, and points `[num, 5, 2]` counted from 0."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if missing := {"crop_file", "set"} - {*header}:
        raise published.faulty(path, f"its header has no column {min(missing)}")
    names, points = [], []
    for number, cells in enumerate(rows, start=2):
        if len(cells) < POINT_COLUMNS.stop:
            raise published.faulty(path, f"line {number} has {len(cells)} columns")
        if cells[header.index("set")].strip() == "1":
            names.append(cells[header.index("crop_file")].strip())
            points.append(read_floats(f"{path}: line {number}", cells[POINT_COLUMNS]))
    return names, np.array(points, np.float32).reshape(-1, NUM_POINTS, 2) - 1
