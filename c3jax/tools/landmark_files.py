"""Landmarks of pictures as files: JSON lines, CSV, COCO's key points and DeepLabCut's CSV."""

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np

from c3jax.tools.outputs import json_text
from c3jax.tools.shards import ALL, Shard

Format = Literal["jsonl", "csv", "coco", "dlc"]
FILES = {
    "jsonl": "landmarks.jsonl",
    "csv": "landmarks.csv",
    "coco": "person_keypoints_default.json",
    "dlc": "landmarks_dlc.csv",
}
ABOUT = """\
landmarks.jsonl: a line per picture, {"image": name, "landmarks_px": [[x, y], ...],
    "spread_percent": [...], "confidence": [...], "object_score": number, "object": true or false}
landmarks.csv: a row per picture, image,x0,y0,x1,y1,...,spread_percent0,...,confidence0,...,
    object_score,object (--format csv)
person_keypoints_default.json: COCO's key points, which CVAT imports and pycocotools loads (--format
    coco); score is the mean confidence of the points, and bbox the box that was given, else theirs
landmarks_dlc.csv: as DeepLabCut writes what it finds (--format dlc); likelihood is the confidence
With --keypoints, jsonl and csv have the named key points too, coco and dlc have these alone.
score and likelihood are 1 where there is no confidence: programs leave out what has none.
"""
SCORER, CATEGORY = "c3jax", "object"
PER_LANDMARK = ("spread_percent", "confidence")


@dataclass(frozen=True)
class Detection:
    """What was found in a picture, or in one box of it; pixels are those of the original.

    Attributes:
      name: of the picture.
      size: its width and height, upright.
      landmarks_px: `[K, 2]`.
      keypoints_px: `[P, 2]`, of named key points; None without.
      box: (x0, y0, x1, y1) that was looked into; None: all of the picture.
      fields: what else is known, by its name in JSON; None where it is not. Those of
        `PER_LANDMARK` are lists. `confidence`, in [0, 1], is COCO's score and DeepLabCut's
        likelihood.
      beyond: whether the key points were fitted to pictures that are framed otherwise.
    """

    name: str
    size: tuple[int, int]
    landmarks_px: np.ndarray
    keypoints_px: np.ndarray | None = None
    box: tuple[float, float, float, float] | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    beyond: bool = False


Write = Callable[[Detection], None]


@dataclass(frozen=True)
class Layout:
    """What all rows of a file have: see `writer`. header: whether tables begin with one."""

    first: Detection
    names: Sequence[str]
    boxed: bool
    header: bool


Open = Callable[[Path, Layout], AbstractContextManager[Write]]


@contextmanager
def writer(
    out: Path,
    formats: Sequence[Format],
    first: Detection,
    *,
    names: Sequence[str] = (),
    boxed: bool = False,
    shard: Shard = ALL,
) -> Iterator[Write]:
    """A function that writes a `Detection` in each of the formats, whole and at once.

    COCO's file is one JSON value, which is written at the end, also when that is an interrupt.
    A name that is not UTF-8 has its bytes escaped, in JSON so that they are read back.

    Args:
      out: the folder.
      formats: what is written.
      first: the first detection; all have the fields of this one.
      names: of the key points of the detections, where they have some.
      boxed: JSON lines and CSV have the box of each.
      shard: the part of all pictures that these are; tables of later parts have no header.
    """
    layout = Layout(first, names, boxed, header=shard.number == 1)
    with ExitStack() as stack:
        writes = [
            stack.enter_context(_OPEN[each](out / shard.file(FILES[each]), layout))
            for each in dict.fromkeys(formats)  # once
        ]

        def write(found: Detection) -> None:
            for one in writes:
                one(found)

        yield write


@contextmanager
def _json_lines(path: Path, layout: Layout):
    with _opened(path) as file:

        def write(found: Detection) -> None:
            row: dict[str, Any] = {
                "image": found.name,
                "landmarks_px": _rounded(found.landmarks_px),
            }
            if found.keypoints_px is not None:
                row["keypoints_px"] = dict(
                    zip(layout.names, _rounded(found.keypoints_px), strict=True)
                )
            if layout.boxed:
                row["box"] = found.box
            file.write(json_text({**row, **found.fields}, ensure_ascii=False) + "\n")

        yield write


@contextmanager
def _csv(path: Path, layout: Layout):
    """`labelled` folders have this layout, as long as there are landmarks alone."""
    count = len(layout.first.landmarks_px)
    header = ["image", *(f"{axis}{k}" for k in range(count) for axis in "xy")]
    header += [f"{name}_{axis}" for name in layout.names for axis in "xy"]
    header += [f"box_{edge}" for edge in ("x0", "y0", "x1", "y1") if layout.boxed]
    for name in layout.first.fields:
        header += [f"{name}{k}" for k in range(count)] if name in PER_LANDMARK else [name]
    with _opened(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerows([header] * layout.header)

        def write(found: Detection) -> None:
            row: list[Any] = [found.name, *found.landmarks_px.round(3).ravel().tolist()]
            if found.keypoints_px is not None:
                row += found.keypoints_px.round(3).ravel().tolist()
            if layout.boxed:
                row += found.box or [""] * 4
            for name, value in found.fields.items():
                values = (value or [None] * count) if name in PER_LANDMARK else [value]
                row += [int(each) if isinstance(each, bool) else each for each in values]
            rows.writerow(row)

        yield write


@contextmanager
def _coco(path: Path, layout: Layout):
    points = list(layout.names) or _numbered(layout.first)
    category = {"id": 1, "name": CATEGORY, "supercategory": "", "keypoints": points, "skeleton": []}
    images: dict[str, dict[str, Any]] = {}
    annotations: list[dict[str, Any]] = []

    def write(found: Detection) -> None:
        width, height = found.size
        known = {"id": len(images) + 1, "file_name": found.name, "width": width, "height": height}
        image = images.setdefault(found.name, known)
        places = _points_of(found).round(3)
        x, y, w, h = _box_of(found)
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": image["id"],
                "category_id": 1,
                "keypoints": [value for px, py in places.tolist() for value in (px, py, 2)],
                "num_keypoints": len(places),
                "bbox": [x, y, w, h],
                "area": round(w * h, 3),
                "segmentation": [],
                "iscrowd": 0,
                "score": round(float(np.mean(_confidence(found))), 4),
            }
        )

    try:
        yield write
    finally:
        content = {
            "info": {"description": "landmarks found by c3jax"},
            "categories": [category],
            "images": list(images.values()),
            "annotations": annotations,
        }
        part = path.with_name(path.name + ".part")
        with _opened(part) as file:
            file.write(json_text(content, ensure_ascii=False))
        os.replace(part, path)


@contextmanager
def _deeplabcut(path: Path, layout: Layout):
    points = list(layout.names) or _numbered(layout.first)
    with _opened(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        if layout.header:
            rows.writerow(["scorer", *[SCORER] * 3 * len(points)])
            rows.writerow(["bodyparts", *(name for name in points for _ in range(3))])
            rows.writerow(["coords", *["x", "y", "likelihood"] * len(points)])

        def write(found: Detection) -> None:
            sure = np.round(_confidence(found), 4)
            rows.writerow(
                [found.name, *np.column_stack([_points_of(found).round(3), sure]).ravel().tolist()]
            )

        yield write


_OPEN: dict[str, Open] = dict(zip(FILES, (_json_lines, _csv, _coco, _deeplabcut), strict=True))


def _opened(path: Path) -> TextIO:
    text: Any = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
    return path.open("w", buffering=1, **text)


def _rounded(points_px: np.ndarray) -> list[list[float]]:
    return points_px.round(3).tolist()


def _numbered(first: Detection) -> list[str]:
    return [f"landmark{k}" for k in range(len(first.landmarks_px))]


def _points_of(found: Detection) -> np.ndarray:
    """What COCO and DeepLabCut get: the named key points, else the landmarks."""
    return found.landmarks_px if found.keypoints_px is None else found.keypoints_px


def _confidence(found: Detection) -> np.ndarray:
    """In [0, 1], of each point; 1 where it is not known, as of key points."""
    sure = found.fields.get("confidence")
    if sure is None or found.keypoints_px is not None:
        return np.ones(len(_points_of(found)))
    return np.array([1.0 if each is None else each for each in sure], float)


def _box_of(found: Detection) -> list[float]:
    """(x, y, width, height) by edges: the box that was given, else that of the points' pixels."""
    if found.box is not None:
        x0, y0, x1, y1 = found.box
    else:
        points = _points_of(found)
        (x0, y0), (x1, y1) = points.min(0), points.max(0) + 1
    return [round(float(value), 3) for value in (x0, y0, x1 - x0, y1 - y0)]
