"""A folder of pictures, nested as it likes, with a table of object boxes or of key points."""

import logging
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from c3jax.files.crops import Crop
from c3jax.files.errors import DataError
from c3jax.files.frames import Box
from c3jax.files.labels import folder_of, read_labels
from c3jax.files.pictures import SUFFIXES
from c3jax.files.sources import Examples, Pictures, list_skipped, load_pictures, log_skipped
from c3jax.files.tables import Files, key_of, read_number_table

BOX_HEADER = ["image", "x0", "y0", "x1", "y1"]
# What the folders of results hold, and what is in its first line (c3jax/tools/detect.py, align.py).
RESULTS, RESULTS_BEGIN = "README.txt", b" found by c3jax, "
_NAMED = 10
T = TypeVar("T")
_log = logging.getLogger(__name__)


def find_pictures(path, *, more: tuple[str, ...] = ()) -> list[str]:
    """Names of all pictures below a folder, relative to it, with `/`, sorted.

    Suffixes match in any case; hidden files and folders are ignored, and so are the folders that
    `c3jax detect` and its like have written. A linked folder is searched too, and
    none twice. What else is passed over is logged: how many files, and which. `more` are suffixes
    that are looked for as well.
    """
    root = Path(path)
    if not root.exists():
        raise DataError(f"{root}: no such folder. Give the path of a folder of pictures.")
    if not root.is_dir():
        raise DataError(f"{root}: a file, not a folder. Give the folder that holds the pictures.")
    files = _visible(root)
    names = sorted(name for name in files if _is_picture(name, more))
    others = [name for name in files if not _is_picture(name, more)]
    if not names:
        counts = list(_count(others).items())[:3]
        found = ", ".join(f"{count} {suffix}" for suffix, count in counts) or "nothing"
        raise DataError(f"{root}: no picture ({' '.join(SUFFIXES)}) in it; found {found}.")
    tell_passed_over(root, others)
    return names


def tell_passed_over(root: Path, names: list[str]) -> None:
    """Logs how many files of a folder are not read, by suffix, and which."""
    counts = ", ".join(f"{count} {suffix}" for suffix, count in _count(names).items())
    named = ", ".join(sorted(names)[:_NAMED]) + ", ..." * (len(names) > _NAMED)
    if names:
        _log.warning("%s: passed over %s, which are not read: %s", root, counts, named)


def count_others(path) -> dict[str, int]:
    """How many files `find_pictures` passes over, by suffix, the most frequent first."""
    return _count(name for name in _visible(Path(path)) if not _is_picture(name))


def read_boxes(path) -> dict[str, Box]:
    """Reads a box table, `image,x0,y0,x1,y1`: edges in pixels of the upright original.

    A picture has one box (see `read_all_boxes`).
    """
    return dict(_box_rows(Path(path), repeated=False))


def read_all_boxes(path) -> dict[str, list[Box]]:
    """As `read_boxes`, with the boxes of each row of a picture, by what its names share."""
    boxes: dict[str, list[Box]] = {}
    for name, box in _box_rows(Path(path), repeated=True):
        boxes.setdefault(key_of(name), []).append(box)
    return boxes


def _box_rows(path: Path, *, repeated: bool) -> list[tuple[str, Box]]:
    header, rows = read_number_table(path, repeated=repeated)
    if header != BOX_HEADER:
        raise DataError(f"{path}: the header is {','.join(header)!r}, not {','.join(BOX_HEADER)!r}")
    boxes: list[tuple[str, Box]] = []
    for number, (name, (x0, y0, x1, y1)) in enumerate(rows, start=1):
        for low, high, axis in ((x0, x1, "x"), (y0, y1, "y")):
            if high <= low:
                where, why = f"row {number}, column '{axis}1'", f"is not above {axis}0 = {low:g}"
                raise DataError(f"{path}: {where}: {high:g} {why}")
        if max(map(abs, (x0, y0, x1, y1))) <= 1:
            why = "all edges are within 1; pixels are needed, not shares of a side"
            raise DataError(f"{path}: row {number}: {why}")
        boxes.append((name, (x0, y0, x1, y1)))
    return boxes


def boxes_of(table: dict[str, T], names: Iterable[str]) -> tuple[dict[str, T], list[str]]:
    """The boxes of pictures, by the names of these, and the rows that name none of them."""
    keys = {key_of(name): box for name, box in table.items()}
    boxes = {name: keys[key_of(name)] for name in names if key_of(name) in keys}
    known = set(map(key_of, boxes))
    return boxes, [name for name in table if key_of(name) not in known]


def find_folder(path, *, crop: Crop = "centre", boxes=None, margin: float = 0.2) -> Pictures:
    """Lists a folder of pictures, without opening any.

    Args:
      path: the folder.
      crop: how a picture without a box becomes square (see `frames.frame_picture`).
      boxes: path of a box table (see `read_boxes`), for objects that are not centred.
      margin: widens a box on every side by this fraction of its longer side.
    """
    names = find_pictures(path)
    table = read_boxes(boxes) if boxes else {}
    found, left_over = boxes_of(table, names)
    for name in left_over:
        where = f"{boxes}: row {list(table).index(name) + 1}, column 'image'"
        raise DataError(f"{where}: no picture {name!r} in {path}")
    return Pictures(Path(path), tuple(names), crop=crop, boxes=found, margin=margin)


def labelled(
    path, *, rows: tuple[int, int] | None = None, csv="landmarks.csv", crop: Crop = "squash"
) -> Pictures:
    """Reads the labels alone, of any kind that `labels.read_labels` knows.

    A table of our own has a header, then `image, x, y` for each point of each picture, and maybe
    a column of its visibility. A key point that is not labelled is NaN: both cells are blank, or
    its visibility is 0.

    Args:
      path: the folder.
      rows: first and last row, counted from 1 without the header, both included; None for all. Of
        COCO's pictures those that have key points count.
      csv: the table's name in the folder, or that of a JSON file.
      crop: as in `frames.frame_picture`.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; one with images/ and a keypoint table is needed")
    labels = read_labels(file := root / csv)
    first, last = rows or (1, len(labels.names))
    if not 1 <= first <= last <= len(labels.names):
        raise DataError(f"{file}: rows {first}-{last} are not within 1-{len(labels.names)}")
    files = Files(folder_of(root, file, labels))
    return Pictures(
        files.root,
        tuple(files.find(name) for name in labels.names[first - 1 : last]),
        crop=crop,
        keypoints_px=labels.keypoints_px[first - 1 : last],
        points=labels.points,
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


def _is_picture(name: str, more: tuple[str, ...] = ()) -> bool:
    return Path(name).suffix.lower() in SUFFIXES + more


def _count(names: Iterable[str]) -> dict[str, int]:
    suffixes = (Path(name).suffix or Path(name).name for name in names)
    return dict(Counter(suffixes).most_common())


def _visible(root: Path) -> list[str]:
    """Files below a folder that are not hidden, each folder once, without results of ours."""
    found: list[str] = []
    entered: set[str] = set()
    for where, folders, files in os.walk(root, followlinks=True, onerror=_tell):
        here, real = Path(where), os.path.realpath(where)
        if real in entered or (here != root and _holds_results(here)):
            folders.clear()
            continue
        entered.add(real)
        visible = (name for name in folders if not name.startswith("."))
        folders[:] = sorted(visible, key=lambda name: ((here / name).is_symlink(), name))
        paths = (here / name for name in files if not name.startswith("."))
        regular = (path for path in paths if path.is_file() or path.is_symlink())
        found += [path.relative_to(root).as_posix() for path in regular]
    return found


def _tell(error: OSError) -> None:
    _log.warning("passed over: %s: %s", error.filename, error.strerror)


def _holds_results(folder: Path) -> bool:
    """Whether a command of this project has written the folder: results, or a run."""
    readme = folder / RESULTS
    found = readme.is_file() and RESULTS_BEGIN in readme.read_bytes()[:80]
    return found or ((folder / "config.json").is_file() and (folder / "checkpoints").is_dir())


def _require_two(root, count: int, skipped) -> None:
    if count < 2:
        told = f"{count} of its pictures can be used; at least 2 are needed"
        raise DataError(f"{root}: {told}.{list_skipped(skipped)}")
