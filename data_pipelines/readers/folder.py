"""A folder of pictures, nested as it likes, with a table of object boxes or of key points."""

from collections import Counter
from pathlib import Path

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.frames import Box, Crop
from data_pipelines.pictures import SUFFIXES
from data_pipelines.sources import Examples, Pictures, list_skipped, load_pictures, log_skipped
from data_pipelines.tables import read_number_table

BOX_HEADER = ["image", "x0", "y0", "x1", "y1"]


def find_pictures(path) -> list[str]:
    """Names of all pictures below a folder, relative to it, with `/`, sorted.

    Suffixes match in any case; hidden files and folders are ignored.
    """
    root = Path(path)
    if not root.exists():
        raise DataError(f"{root}: no such folder. Give the path of a folder of pictures.")
    if not root.is_dir():
        raise DataError(f"{root}: a file, not a folder. Give the folder that holds the pictures.")
    names = sorted(file.as_posix() for file in _visible(root) if file.suffix.lower() in SUFFIXES)
    if not names:
        others = list(count_others(root).items())[:3]
        found = ", ".join(f"{count} {suffix}" for suffix, count in others) or "nothing"
        raise DataError(f"{root}: no picture ({' '.join(SUFFIXES)}) in it; found {found}.")
    return names


def count_others(path) -> dict[str, int]:
    """How many files `find_pictures` passes over, by suffix, the most frequent first."""
    others = [file for file in _visible(Path(path)) if file.suffix.lower() not in SUFFIXES]
    return dict(Counter(file.suffix or file.name for file in others).most_common())


def read_boxes(path) -> dict[str, Box]:
    """Reads a box table, `image,x0,y0,x1,y1`: edges in pixels of the upright original."""
    path = Path(path)
    header, rows = read_number_table(path)
    if header != BOX_HEADER:
        raise DataError(f"{path}: the header is {','.join(header)!r}, not {','.join(BOX_HEADER)!r}")
    boxes: dict[str, Box] = {}
    for number, (name, (x0, y0, x1, y1)) in enumerate(rows, start=1):
        for low, high, axis in ((x0, x1, "x"), (y0, y1, "y")):
            if high <= low:
                where, why = f"row {number}, column '{axis}1'", f"is not above {axis}0 = {low:g}"
                raise DataError(f"{path}: {where}: {high:g} {why}")
        boxes[name] = (x0, y0, x1, y1)
    return boxes


def find_folder(path, *, crop: Crop = "centre", boxes=None, margin: float = 0.2) -> Pictures:
    """Lists a folder of pictures, without opening any.

    Args:
      path: the folder.
      crop: how a picture without a box becomes square (see `frames.frame_picture`).
      boxes: path of a box table (see `read_boxes`), for objects that are not centred.
      margin: widens a box on every side by this fraction of its longer side.
    """
    names = find_pictures(path)
    table, known = read_boxes(boxes) if boxes else {}, set(names)
    for number, name in enumerate(table, start=1):
        if name not in known:
            where = f"{boxes}: row {number}, column 'image'"
            raise DataError(f"{where}: no picture {name!r} in {path}")
    return Pictures(Path(path), tuple(names), crop=crop, boxes=table, margin=margin)


def labelled(
    path, *, rows: tuple[int, int] | None = None, csv="landmarks.csv", crop: Crop = "squash"
) -> Pictures:
    """Reads the table alone: a header, then `image, x, y` for each point of each picture.

    Both cells of a point are blank where it is not labelled; its key point is NaN then.

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
    header, table = read_number_table(file, blank=True)
    num_columns = len(header) - 1
    if num_columns < 2 or num_columns % 2:
        raise DataError(f"{file}: {num_columns} columns after the image; x,y per point is needed")
    first, last = rows or (1, len(table))
    if not 1 <= first <= last <= len(table):
        raise DataError(f"{file}: rows {first}-{last} are not within 1-{len(table)}")
    chosen = table[first - 1 : last]
    keypoints = np.array([numbers for _, numbers in chosen], np.float32)
    keypoints = keypoints.reshape(len(chosen), -1, 2)
    half = np.isnan(keypoints).sum(-1) == 1
    if half.any():
        row, point = np.argwhere(half)[0]
        where = f"{file}: row {first + row}: point {point + 1}"
        raise DataError(f"{where} has one blank cell; fill it, or leave both blank")
    return Pictures(
        root / "images",
        tuple(name for name, _ in chosen),
        crop=crop,
        keypoints_px=keypoints,
        slack=0,
    )


def check_folder(files: Pictures) -> Pictures:
    """Decodes every picture once; the unusable ones are logged and left out of the result."""
    reasons = files.reasons_against(label="checking pictures")
    skipped = [(name, why) for name, why in zip(files.names, reasons, strict=True) if why]
    log_skipped(skipped)
    good = files.select([why is None for why in reasons])
    _require_two(files.root, len(good), skipped)
    return good


def load_folder(files: Pictures, *, size: int) -> Examples:
    """Reads a folder of pictures into memory; the unusable ones are logged and in `skipped`."""
    examples = load_pictures(files, size=size)
    _require_two(files.root, len(examples), examples.skipped)
    return examples


def _visible(root: Path) -> list[Path]:
    files = [file.relative_to(root) for file in root.rglob("*") if file.is_file()]
    return [file for file in files if not any(part.startswith(".") for part in file.parts)]


def _require_two(root, count: int, skipped) -> None:
    if count < 2:
        needed = "training needs at least 2"
        raise DataError(f"{root}: {count} usable pictures; {needed}.{list_skipped(skipped)}")
