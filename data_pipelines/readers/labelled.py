"""A folder with `images/` and a table of keypoints, `landmarks.csv`."""

from pathlib import Path

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.frames import Crop
from data_pipelines.sources import Pictures
from data_pipelines.tables import read_number_table


def labelled(
    path, *, rows: tuple[int, int] | None = None, csv="landmarks.csv", crop: Crop = "squash"
) -> Pictures:
    """Reads the table alone: a header, then `image, x, y` for each point of each picture.

    Args:
      path: the folder.
      rows: first and last row, counted from 1 without the header, both included; None for all.
      csv: the table's name in the folder.
      crop: as in `frames.frame_picture`.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; one with images/ and a keypoint table is needed")
    file = root / csv
    header, table = read_number_table(file)
    num_columns = len(header) - 1
    if num_columns < 2 or num_columns % 2:
        raise DataError(f"{file}: {num_columns} columns after the image; x,y per point is needed")
    first, last = rows or (1, len(table))
    if not 1 <= first <= last <= len(table):
        raise DataError(f"{file}: rows {first}-{last} are not within 1-{len(table)}")
    chosen = table[first - 1 : last]
    keypoints = np.array([numbers for _, numbers in chosen], np.float32)
    return Pictures(
        root / "images",
        tuple(name for name, _ in chosen),
        crop=crop,
        keypoints_px=keypoints.reshape(len(chosen), -1, 2),
    )
