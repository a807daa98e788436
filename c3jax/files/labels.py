"""Key points of pictures in files: a table of our own, COCO's JSON and DeepLabCut's CSV."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from c3jax.files.errors import DataError
from c3jax.files.tables import Files, key_of, read_number_table, read_table

_VISIBILITY = {"v", "vis", "visible", "visibility"}
# The first of the columns that `c3jax detect` may append to those of points.
_APPENDED = ("spread_percent0", "confidence0", "object_score", "box_x0")
# What tools call the files that they write, beside or below the pictures.
_KNOWN = ("landmarks.csv", "**/person_keypoints_default.json", "**/CollectedData_*.csv")


class Labels(NamedTuple):
    """Annotated key points.

    Attributes:
      names: of the pictures, as the file has them; none occurs twice.
      points: names of the key points; none occurs twice, none is empty.
      keypoints_px: float32 `[num, num_points, 2]`, (x, y) in pixels of the upright pictures,
        0-based at pixel centres; NaN where a point is not labelled.
    """

    names: tuple[str, ...]
    points: tuple[str, ...]
    keypoints_px: np.ndarray


def find_labels(path: Path) -> tuple[Path, str]:
    """The folder of labelled pictures and the name of its file of labels in it.

    Args:
      path: a file of labels, or the folder that holds one (landmarks.csv, COCO's
        person_keypoints_default.json or DeepLabCut's CollectedData_NAME.csv).

    Raises:
      DataError: there is none, or more than one.
    """
    if path.is_file():
        root = path.parent.parent if path.parent.name == "annotations" else path.parent
        return root, path.relative_to(root).as_posix()
    found = sorted({file for pattern in _KNOWN for file in path.glob(pattern)})
    if len(found) != 1:
        named = ", ".join(file.relative_to(path).as_posix() for file in found) or "none"
        known = ", ".join(pattern.removeprefix("**/") for pattern in _KNOWN)
        raise DataError(f"{path}: one of {known} is needed, found {named}; give the file")
    return path, found[0].relative_to(path).as_posix()


def folder_of(root: Path, file: Path, labels: Labels) -> Path:
    """The folder that the names of labelled pictures are relative to.

    That is where some are: `images/`, CVAT's `images/default/`, the folder itself, or the project
    of DeepLabCut, whose table lies in labeled-data/VIDEO/.

    Raises:
      DataError: none is in any of them.
    """
    folders = [root / "images", root / "images/default", root, *file.resolve().parents[2:3]]
    for folder in folders:
        files = Files(folder)
        if any((folder / files.find(name)).is_file() for name in labels.names):
            return folder
    named = f"such as {labels.names[0]}" if labels.names else "as it names none"
    raise DataError(
        f"{file}: none of its pictures is there, {named}; put them into {folders[0]}, or the file "
        "beside them"
    )


def read_labels(file: Path) -> Labels:
    """Reads a file of labels; its contents say of which kind it is.

    Raises:
      DataError: a missing or faulty file, or several objects in one picture.
    """
    if file.suffix.lower() == ".json":
        return _read_coco(file)
    header, rows = read_table(file)
    return _read_deeplabcut(file, [header, *rows]) if header[0] == "scorer" else _read_own(file)


def _read_own(file: Path) -> Labels:
    """A header, then `image, x, y` for each point; a third column may say whether it is visible.

    What `c3jax detect` appends is passed over.
    """
    header, table = read_number_table(file, blank=True)
    end = next((at for at, name in enumerate(header) if name in _APPENDED), len(header))
    columns = header[1:end]
    visible = [bool(_VISIBILITY & _words(name)) for name in columns]
    step = 3 if visible and visible == [False, False, True] * (len(visible) // 3) else 2
    if len(columns) < 2 or len(columns) % step:
        raise DataError(f"{file}: {len(columns)} columns after the image; x,y per point is needed")
    starts = range(0, len(columns), step)
    for x, y in (columns[at : at + 2] for at in starts):
        if {"x", "y"} & _words(x) == {"y"} or {"x", "y"} & _words(y) == {"x"}:
            why = "are not the x and y of one point; put these side by side, x first"
            raise DataError(f"{file}: columns {x!r} and {y!r} {why}")
    shape = len(table), len(starts), step
    numbers = np.array([row[: end - 1] for _, row in table], np.float32).reshape(shape)
    seen = numbers[..., 2:]
    if np.any(wrong := ~(np.isin(seen, (0, 1, 2)) | np.isnan(seen))):
        row, point, _ = np.argwhere(wrong)[0]
        why = "0 (not labelled), 1 (hidden) or 2 (seen) is needed"
        raise DataError(f"{file}: row {row + 1}, column {columns[3 * point + 2]!r}: {why}")
    pairs = [_stem(*columns[at : at + 2]) for at in starts]
    return _labels(file, [name for name, _ in table], pairs, numbers[..., :2], (seen == 0).any(-1))


def _read_deeplabcut(file: Path, lines: list[list[str]]) -> Labels:
    """Header rows scorer, bodyparts, coords; the picture in one column or, by folder, in three."""
    kinds = [line[0] for line in lines[:4]]
    if "individuals" in kinds:
        raise DataError(f"{file}: it has a row 'individuals'; one object a picture is read")
    if kinds[:3] != ["scorer", "bodyparts", "coords"]:
        raise DataError(f"{file}: its first rows are {kinds}, not scorer, bodyparts, coords")
    (_, bodyparts, coords), rows = lines[:3], [cells for cells in lines[3:] if any(cells)]
    num_index = next((at for at, cell in enumerate(coords) if at and cell), len(coords))
    parts = tuple(dict.fromkeys(bodyparts[num_index:]))
    columns = {pair: at for at, pair in enumerate(zip(bodyparts, coords, strict=False))}
    names: list[str] = []
    numbers: list[float] = []
    for number, cells in enumerate(rows, start=1):
        where = f"{file}: row {number}"
        if not len(cells) == len(coords) == len(bodyparts):
            raise DataError(f"{where} has {len(cells)} columns, its header {len(coords)}")
        names.append("/".join(cell for cell in cells[:num_index] if cell))
        for part in parts:
            for axis in "xy":
                if (part, axis) not in columns:
                    raise DataError(f"{file}: no column {axis!r} of {part!r}")
                cell = cells[columns[part, axis]]
                try:
                    numbers.append(float(cell or "nan"))
                except ValueError:
                    raise DataError(f"{where}, {axis} of {part!r}: {cell!r} is no number") from None
    if names and all(name.isdecimal() for name in names):
        raise DataError(f"{file}: its rows are frames of a video; a table of pictures is needed")
    return _labels(file, names, parts, np.array(numbers).reshape(len(names), len(parts), 2))


def _read_coco(file: Path) -> Labels:
    """Key points as COCO has them, of one category, one object a picture."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise DataError(f"{file}: no such file") from None
    except ValueError as error:
        raise DataError(f"{file}: no JSON ({error})") from None
    try:
        return _of_coco(file, content)
    except DataError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise DataError(f"{file}: not key points as COCO has them ({why})") from None


def _of_coco(file: Path, content: dict[str, Any]) -> Labels:
    annotated = [each for each in content["annotations"] if each.get("keypoints")]
    used = {each["category_id"] for each in annotated}
    categories = [each for each in content["categories"] if each["id"] in used]
    if len(categories) != 1:
        named = ", ".join(each["name"] for each in categories) or "none"
        raise DataError(f"{file}: key points of one category are needed, found {named}")
    points = categories[0]["keypoints"]
    files = {each["id"]: each["file_name"] for each in content["images"]}
    rows: dict[str, np.ndarray] = {}
    for each in annotated:
        name = files[each["image_id"]]
        if name in rows:
            raise DataError(f"{file}: {name} has several objects; one a picture is read")
        rows[name] = np.array(each["keypoints"], float).reshape(len(points), 3)
    found = np.array(list(rows.values())).reshape(len(rows), len(points), 3)
    return _labels(file, list(rows), points, found[..., :2], found[..., 2] == 0)


def _labels(
    file: Path,
    names: Sequence[str],
    points: Sequence[str],
    keypoints_px: np.ndarray,
    not_labelled: np.ndarray | None = None,
) -> Labels:
    """Checks what all kinds have in common."""
    keypoints = keypoints_px.astype(np.float32)
    if not_labelled is not None:
        keypoints[not_labelled] = np.nan
    keys: dict[str, int] = {}
    for row, name in enumerate(names, start=1):
        if (first := keys.setdefault(key_of(name), row)) != row:
            raise DataError(f"{file}: row {row} repeats {name!r} of row {first}")
    half = np.isnan(keypoints).sum(-1) == 1
    if half.any():
        row, point = np.argwhere(half)[0]
        where = f"{file}: row {row + 1}: point {point + 1}"
        raise DataError(f"{where} has one blank cell; fill it, or leave both blank")
    if np.isinf(keypoints).any():
        row = int(np.argwhere(np.isinf(keypoints))[0][0])
        raise DataError(f"{file}: row {row + 1}: a coordinate is infinite")
    if keypoints.size and np.nanmax(np.abs(keypoints), initial=0) <= 1:
        raise DataError(f"{file}: all points are within 1; pixels are needed, not shares of a side")
    if not all(points) or len(set(points)) < len(points):
        points = [str(number) for number in range(len(points))]
    return Labels(tuple(names), tuple(points), keypoints)


def _words(name: str) -> set[str]:
    return {*re.split(r"[\W\d_]+", name.lower())}


def _stem(x: str, y: str) -> str:
    """What the names of two columns have in common: `eye` of `eye_x` and `eye_y`, `0` of `x0`."""
    start = os.path.commonprefix((x, y))
    return (start or os.path.commonprefix((x[::-1], y[::-1]))[::-1]).strip("_-. ")
