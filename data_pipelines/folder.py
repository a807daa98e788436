"""A folder of pictures, nested as it likes, with an optional table of object boxes."""

from collections import Counter
from pathlib import Path

from data_pipelines.errors import DataError
from data_pipelines.examples import Examples, load_pictures
from data_pipelines.frames import Crop
from data_pipelines.pictures import SUFFIXES
from data_pipelines.tables import read_number_table

BOX_HEADER = ["image", "x0", "y0", "x1", "y1"]
Box = tuple[float, float, float, float]


def find_pictures(path) -> list[str]:
    """Names of all pictures below a folder, relative to it, with `/`, sorted.

    Suffixes match in any case; hidden files and folders are ignored.

    Raises:
      DataError: no such folder, or no picture in it.
    """
    root = Path(path)
    if not root.exists():
        raise DataError(f"{root}: no such folder. Give the path of a folder of pictures.")
    if not root.is_dir():
        raise DataError(f"{root}: a file, not a folder. Give the folder that holds the pictures.")
    files = [file.relative_to(root) for file in root.rglob("*") if file.is_file()]
    visible = [file for file in files if not any(part.startswith(".") for part in file.parts)]
    names = sorted(file.as_posix() for file in visible if file.suffix.lower() in SUFFIXES)
    if not names:
        others = Counter(file.suffix or file.name for file in visible).most_common(3)
        found = ", ".join(f"{count} {suffix}" for suffix, count in others) or "nothing"
        raise DataError(f"{root}: no picture ({' '.join(SUFFIXES)}) in it; found {found}.")
    return names


def read_boxes(path) -> dict[str, Box]:
    """Reads a box table, `image,x0,y0,x1,y1`: edges in pixels of the upright original.

    Raises:
      DataError: names the row and the column.
    """
    path = Path(path)
    header, rows = read_number_table(path)
    if header != BOX_HEADER:
        raise DataError(f"{path}: the header is {','.join(header)!r}, not {','.join(BOX_HEADER)!r}")
    for number, (_, (x0, y0, x1, y1)) in enumerate(rows, start=1):
        for low, high, axis in ((x0, x1, "x"), (y0, y1, "y")):
            if high <= low:
                raise DataError(
                    f"{path}: row {number}, column '{axis}1': "
                    f"{high:g} is not above {axis}0 = {low:g}"
                )
    return {name: tuple(box) for name, box in rows}


def load_folder(
    path,
    *,
    size: int,
    crop: Crop = "centre",
    boxes=None,
    margin: float = 0.2,
    workers: int | None = None,
) -> Examples:
    """Reads a folder of pictures into memory, `size` x `size` each.

    Args:
      path: the folder.
      size: side of the square pictures, pixels.
      crop: how a picture without a box becomes square (see `frames.frame_picture`).
      boxes: path of a box table (see `read_boxes`), for objects that are not centred.
      margin: widens a box on every side by this fraction of its longer side.
      workers: threads; None takes the number of cores.

    Returns:
      Examples; pictures that cannot be read are in `skipped`, and logged.

    Raises:
      DataError: no such folder, fewer than two usable pictures, a faulty box table.
    """
    root = Path(path)
    names = find_pictures(root)
    table = known_boxes(boxes, names, root) if boxes else None
    examples = load_pictures(
        root, names, size=size, crop=crop, boxes=table, margin=margin, workers=workers
    )
    require_two(root, len(examples), examples.skipped)
    return examples


def known_boxes(path, names, root) -> dict[str, Box]:
    """Reads a box table and refuses a row whose picture is not in the folder."""
    boxes, known = read_boxes(path), set(names)
    for number, name in enumerate(boxes, start=1):
        if name not in known:
            raise DataError(f"{path}: row {number}, column 'image': no picture {name!r} in {root}")
    return boxes


def require_two(root, count: int, skipped) -> None:
    """Pairs need two pictures."""
    if count < 2:
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in skipped[:20])
        raise DataError(f"{root}: {count} usable pictures; training needs at least 2.{reasons}")
