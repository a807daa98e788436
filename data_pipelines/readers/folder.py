"""A folder of pictures, nested as it likes, with an optional table of object boxes."""

from collections import Counter
from pathlib import Path

from data_pipelines.errors import DataError
from data_pipelines.examples import Examples, list_skipped, load_pictures, log_skipped
from data_pipelines.frames import Box, Crop
from data_pipelines.pictures import SUFFIXES
from data_pipelines.sources import Pictures
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
                raise DataError(
                    f"{path}: row {number}, column '{axis}1': "
                    f"{high:g} is not above {axis}0 = {low:g}"
                )
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
    table = _known_boxes(boxes, names, path) if boxes else {}
    return Pictures(Path(path), tuple(names), crop=crop, boxes=table, margin=margin)


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


def _known_boxes(path, names, root) -> dict[str, Box]:
    boxes, known = read_boxes(path), set(names)
    for number, name in enumerate(boxes, start=1):
        if name not in known:
            raise DataError(f"{path}: row {number}, column 'image': no picture {name!r} in {root}")
    return boxes


def _require_two(root, count: int, skipped) -> None:
    if count < 2:
        raise DataError(
            f"{root}: {count} usable pictures; training needs at least 2.{list_skipped(skipped)}"
        )
