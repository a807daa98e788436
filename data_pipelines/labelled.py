"""A folder with `images/` and a table of keypoints, `landmarks.csv`."""

from pathlib import Path

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.examples import Examples, load_annotated
from data_pipelines.frames import Crop
from data_pipelines.sources import PictureFiles
from data_pipelines.tables import read_number_table


def read_labelled(
    path, *, rows: tuple[int, int] | None = None, csv: str = "landmarks.csv"
) -> tuple[tuple[str, ...], np.ndarray]:
    """Reads the table alone: a header, then `image, x, y` for each point of each picture.

    Args:
      path: the folder.
      rows: first and last row, counted from 1 without the header, both included; None for all.
      csv: the table's name in the folder.

    Returns:
      Names, and float32 keypoints `[num, num_points, 2]`, (x, y) in pixels of the original,
      0-based at pixel centres. The first two points are the eyes.

    Raises:
      DataError: names the file, the row and the column.
    """
    file = _folder(path) / csv
    header, table = read_number_table(file)
    num_columns = len(header) - 1
    if num_columns < 2 or num_columns % 2:
        raise DataError(f"{file}: {num_columns} columns after the image; x,y per point is needed")
    first, last = rows or (1, len(table))
    if not 1 <= first <= last <= len(table):
        raise DataError(f"{file}: rows {first}-{last} are not within 1-{len(table)}")
    chosen = table[first - 1 : last]
    keypoints = np.array([numbers for _, numbers in chosen], np.float32)
    return tuple(name for name, _ in chosen), keypoints.reshape(len(chosen), -1, 2)


def load_labelled(
    path,
    *,
    size: int,
    rows: tuple[int, int] | None = None,
    csv: str = "landmarks.csv",
    crop: Crop = "squash",
    workers: int | None = None,
) -> Examples:
    """Reads labelled pictures into memory, with their keypoints in the resized frame.

    Args: as `read_labelled`; `size` is the side of the pictures, `crop` as in
      `frames.frame_picture`.

    Raises:
      DataError: a faulty table, or a picture that cannot be read; nothing is left out.
    """
    names, originals_px = read_labelled(path, rows=rows, csv=csv)
    files = PictureFiles(_folder(path) / "images", names, crop=crop)
    fix = f"restore them in {files.root} or delete their rows in {csv}"
    return load_annotated(files, originals_px, size=size, fix=fix, workers=workers)


def _folder(path) -> Path:
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; one with images/ and a keypoint table is needed")
    return root
