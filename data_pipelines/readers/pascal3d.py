"""PASCAL3D+ as pairs of crops from similar viewpoints: an approximation of JLAD's unreleased set.

    Images/CATEGORY_pascal/NAME.jpg         Images/CATEGORY_imagenet/NAME.JPEG
    Annotations/CATEGORY_pascal/NAME.mat    Annotations/CATEGORY_imagenet/NAME.mat

(release 1.1; `record.objects` with class, bbox, viewpoint and anchors, counted from 1.) JLAD says:
single objects cropped by their boxes with margins, about 1,000 pairs in each of 12 categories by
ground-truth azimuth and elevation, 70 % for training, 20 % for validation, 10 % for testing. Left
open and chosen here: a margin of a tenth of the longer side; viewpoints at most 15 degrees apart;
three key points or more seen in both; objects that are truncated, occluded or difficult are left
out. Differs: JLAD divides pairs; here pictures are divided first, so that no picture is in two
splits.
"""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from c3jax.files.catalogue import require_files
from c3jax.files.errors import DataError
from c3jax.files.frames import Box
from c3jax.files.pairs import Pairs
from c3jax.files.pairs_csv import pairs_csv
from c3jax.files.pictures import read_picture, upright_size
from c3jax.files.published import check_split, inside, read_matlab_struct

NAME, RELEASE = "pascal3d", "PASCAL3D+_release1.1"
CATEGORIES = (
    *("aeroplane", "bicycle", "boat", "bottle", "bus", "car", "chair", "diningtable"),
    *("motorbike", "sofa", "train", "tvmonitor"),
)
SOURCES = {"pascal": ".jpg", "imagenet": ".JPEG"}
SHARES = {"train": 0.7, "val": 0.2, "test": 0.1}
SPLITS = tuple(SHARES)
MARGIN = 0.1
MAX_ANGLE = 15.0  # degrees
MIN_SHARED = 3
VISIBLE = 1
HEADER = "source,target,category,source_points,target_points"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PosedObject:
    """One annotated object.

    Attributes:
      file: its picture.
      category: of the object.
      index: which object of its picture it is.
      box: (x0, y0, x1, y1), edges in pixels of the picture.
      view: the unit vector to the camera, from azimuth and elevation.
      keypoints_px: (x, y) of each visible key point by name, 0-based at pixel centres.
    """

    file: Path
    category: str
    index: int
    box: Box
    view: np.ndarray
    keypoints_px: dict[str, np.ndarray]

    @property
    def crop_name(self) -> str:
        return f"{self.file.parent.name}/{self.file.stem}_{self.index}.jpg"


def written_pairs(folder, cache) -> Path:
    """The folder of the crops and tables in a cache; they are written if they are not there."""
    if not all(table.is_file() for table in tables(folder, cache)):
        write_pairs(folder, tables(folder, cache)[0].parent)
    return tables(folder, cache)[0].parent


def tables(folder, cache) -> list[Path]:
    """The tables in a cache, in a folder for each folder of the data, by its place."""
    place = str(inside(folder, RELEASE).resolve())
    out = Path(cache) / f"pascal3d_pairs-{hashlib.sha256(place.encode()).hexdigest()[:12]}"
    return [out / f"{split}.csv" for split in SHARES]


def needed(folder, split: str) -> list[Path]:
    """What of the published files `read` needs."""
    root, parts = inside(folder, RELEASE), [f"{c}_{s}" for c in CATEGORIES for s in SOURCES]
    return [root / top / part for part in parts for top in ("Annotations", "Images")]


def read(folder, split: str) -> Pairs:
    """The pairs of a split that `write_pairs` has written."""
    check_split(split, SPLITS)
    return pairs_csv(Path(folder) / f"{split}.csv")


def write_pairs(folder, out, *, per_category: int = 1000) -> dict[str, int]:
    """Writes crops and the tables `train.csv`, `val.csv` and `test.csv` for `pairs_csv` to `out`.

    A category with fewer similar pairs than `per_category`, of all splits together, gives what it
    has, and a log says so.

    Returns:
      The number of pairs of each split.
    """
    rows: dict[str, list[str]] = {split: [HEADER] for split in SHARES}
    for number, category in enumerate(CATEGORIES):
        rng = np.random.default_rng([0, number])
        for split, objects in divide(read_objects(folder, category), rng).items():
            wanted = round(per_category * SHARES[split])
            pairs = similar_pairs(objects, wanted, rng)
            if len(pairs) < wanted:
                _log.warning("%s %s: %d of %d pairs", category, split, len(pairs), wanted)
            drawn = {found.crop_name: found for pair in pairs for found in pair}
            corners = {name: _write_crop(found, Path(out)) for name, found in drawn.items()}
            rows[split] += [_table_row(pair, corners) for pair in pairs]
    for split, lines in rows.items():
        (Path(out) / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return {split: len(lines) - 1 for split, lines in rows.items()}


def read_objects(folder, category: str) -> list[PosedObject]:
    """The whole objects of a category with viewpoint and key points, in the order of files."""
    root = inside(folder, RELEASE)
    parts = {f"{category}_{source}": suffix for source, suffix in SOURCES.items()}
    require_files(NAME, [root / top / p for p in parts for top in ("Annotations", "Images")])
    return [
        found
        for part, suffix in parts.items()
        for file in sorted((root / "Annotations" / part).glob("*.mat"))
        for found in _objects(file, root / "Images" / part / f"{file.stem}{suffix}", category)
    ]


def divide(
    objects: Iterable[PosedObject], rng: np.random.Generator
) -> dict[str, list[PosedObject]]:
    """The objects of each split, from those of one picture after another, which are in one."""
    pictures = [list(found) for _, found in groupby(objects, key=attrgetter("file"))]
    ends = np.rint(np.cumsum(list(SHARES.values())) * len(pictures)).astype(int)
    parts = np.split(rng.permutation(len(pictures)), ends[:-1])
    return {
        split: [found for row in rows for found in pictures[row]]
        for split, rows in zip(SHARES, parts, strict=True)
    }


def similar_pairs(
    objects: list[PosedObject], count: int, rng: np.random.Generator
) -> list[tuple[PosedObject, PosedObject]]:
    """Different pairs from similar viewpoints that share key points, `count` at most.

    Sources come in a random order, each with a random target, and then again with another.
    """
    views = np.array([found.view for found in objects]).reshape(-1, 3)
    near = views @ views.T >= np.cos(np.deg2rad(MAX_ANGLE))
    targets = [
        [each for each in rng.permutation(np.flatnonzero(row)) if _fit(source, objects[each])]
        for source, row in zip(objects, near, strict=True)
    ]
    pairs = [
        (objects[source], objects[targets[source][turn]])
        for turn in range(max(map(len, targets), default=0))
        for source in rng.permutation(len(objects))
        if turn < len(targets[source])
    ]
    return pairs[:count]


def _fit(source: PosedObject, target: PosedObject) -> bool:
    shared = source.keypoints_px.keys() & target.keypoints_px.keys()
    return source.file != target.file and len(shared) >= MIN_SHARED


def _objects(file: Path, picture: Path, category: str) -> Iterable[PosedObject]:
    """The whole objects of a picture that have a viewpoint and key points."""
    found = read_matlab_struct(file, "record").get("objects", [])
    for index, each in enumerate([found] if isinstance(found, dict) else found):
        view, anchors = each.get("viewpoint"), each.get("anchors")
        cut = any(each.get(flag) for flag in ("truncated", "occluded", "difficult"))
        # A distance of 0 marks objects whose viewpoint is coarse.
        posed = isinstance(view, dict) and isinstance(anchors, dict) and view.get("distance")
        if each.get("class") == category and posed and not cut:
            yield _posed(file, picture, category, index, each)


def _posed(file: Path, picture: Path, category: str, index: int, each: dict[str, Any]):
    try:
        x0, y0, x1, y1 = map(float, each["bbox"])
        angles = [float(each["viewpoint"][angle]) for angle in ("azimuth", "elevation")]
        keypoints = {
            name: np.asarray(anchor["location"], float).reshape(2) - 1
            for name, anchor in each["anchors"].items()
            if anchor["status"] == VISIBLE
        }
    except (KeyError, TypeError, ValueError) as error:
        why = f"object {index + 1} is not as published ({error!r}); replace the file"
        raise DataError(f"{file}: {why}") from None
    azimuth, elevation = np.deg2rad(angles)
    flat = np.cos(elevation)
    view = np.array([flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(elevation)])
    width, height = upright_size(picture)
    # Pixels x0 to x1, counted from 1, by their edges; some boxes reach beyond the picture.
    box = (max(x0 - 1, 0.0), max(y0 - 1, 0.0), min(x1, width), min(y1, height))
    inside = {
        name: point
        for name, point in keypoints.items()
        if np.all((point >= box[:2]) & (point <= np.subtract(box[2:], 1)))
    }
    return PosedObject(picture, category, index, box, view, inside)


def _write_crop(found: PosedObject, out: Path) -> np.ndarray:
    """Writes the object's crop; returns the corner (x, y) that it begins at."""
    image = read_picture(found.file)
    x0, y0, x1, y1 = found.box
    margin = MARGIN * max(x1 - x0, y1 - y0)
    low = np.maximum(0, np.floor([x0 - margin, y0 - margin])).astype(int)
    high = np.ceil([x1 + margin, y1 + margin]).astype(int)
    path = out / found.crop_name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image[low[1] : high[1], low[0] : high[0]]).save(path, quality=95)
    return low


def _table_row(pair: tuple[PosedObject, PosedObject], corners: dict[str, np.ndarray]) -> str:
    source, target = pair
    names = sorted(source.keypoints_px.keys() & target.keypoints_px.keys())

    def points(found: PosedObject) -> str:
        places = [found.keypoints_px[name] - corners[found.crop_name] for name in names]
        return ";".join(f"{value:.2f}" for place in places for value in place)

    cells = (source.crop_name, target.crop_name, source.category, points(source), points(target))
    return ",".join(cells)
