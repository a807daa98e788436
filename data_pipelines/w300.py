"""300-W: 68 points on faces of four sets, as iBUG publishes them.

    afw/, helen/trainset/, lfpw/trainset/     3,148 training pictures (337, 2,000, 811)
    helen/testset/, lfpw/testset/             554 test pictures, the common set (330, 224)
    ibug/                                     135 test pictures, the challenging set

Each holds NAME.jpg or NAME.png and beside it NAME.pts: `version: 1`, `n_points: 68`, and in braces
a line `x y` for each point, counted from 1. Nothing is ever downloaded.
"""

from pathlib import Path

import numpy as np

from data_pipelines.catalogue import require_files
from data_pipelines.errors import DataError
from data_pipelines.faces import Faces, box_of_points
from data_pipelines.published_lists import check_beside, check_count, check_split, read_floats
from data_pipelines.sources import PictureFiles

NAME = "w300"
COUNTS = {
    "afw": 337,
    "helen/trainset": 2_000,
    "lfpw/trainset": 811,
    "helen/testset": 330,
    "lfpw/testset": 224,
    "ibug": 135,
}
FOLDERS = {
    "train": ("afw", "helen/trainset", "lfpw/trainset"),
    "test": ("helen/testset", "lfpw/testset", "ibug"),
    "common": ("helen/testset", "lfpw/testset"),
    "challenging": ("ibug",),
}
SPLITS = ("train", "test")
PARTS = ("train", "common", "challenging")  # without overlap
NUM_POINTS = 68
EYES = (36, 45)  # outer corners: the inter-ocular distance of 300-W
MARGIN = 0.2
_SUFFIXES = (".jpg", ".png")


def w300(folder, split: str) -> Faces:
    """The faces of one split: squares about the tight box of the points, widened by a fifth.

    Args:
      folder: holds afw, helen, ibug and lfpw.
      split: `train`, `test` (all 689), or of the latter `common` or `challenging`.

    Raises:
      DataError: what is missing, a folder or an annotation that is not as published.
    """
    check_split(split, tuple(FOLDERS))
    root = Path(folder)
    require_files(NAME, [root / part for part in FOLDERS[split]])
    annotations = [file for part in FOLDERS[split] for file in _annotations(root, part)]
    names = tuple(_picture(file).relative_to(root).as_posix() for file in annotations)
    keypoints_px = np.stack([read_points(file) for file in annotations])
    boxes = {name: box_of_points(px) for name, px in zip(names, keypoints_px, strict=True)}
    pictures = PictureFiles(root, names, boxes=boxes, margin=MARGIN)
    return Faces(pictures, keypoints_px, eyes=EYES, parts=_test_parts() if split == "test" else {})


def read_points(file: Path) -> np.ndarray:
    """float32 `[68, 2]`, (x, y) counted from 0, of a .pts file.

    Raises:
      DataError: it is truncated, has another number of points, or a cell that is no number.
    """
    text = file.read_text(errors="replace")
    head, opened, rest = text.partition("{")
    body, closed, _ = rest.partition("}")
    if not (opened and closed):
        raise DataError(f"{file}: truncated, its points are not in braces; download it anew")
    if f"n_points: {NUM_POINTS}" not in " ".join(head.split()):
        raise DataError(f"{file}: does not announce n_points: {NUM_POINTS}; download it anew")
    values = read_floats(str(file), body.split())
    if len(values) != 2 * NUM_POINTS:
        raise DataError(f"{file}: {len(values)} coordinates, 68 points have 136; download it anew")
    return np.array(values, np.float32).reshape(NUM_POINTS, 2) - 1


def _test_parts() -> dict[str, slice]:
    """Rows of the common and the challenging faces in `test`, which lists them in this order."""
    common = sum(COUNTS[part] for part in FOLDERS["common"])
    return {"common": slice(0, common), "challenging": slice(common, None)}


def _annotations(root: Path, part: str) -> list[Path]:
    files = sorted(file for file in (root / part).glob("*.pts") if not file.name.startswith("."))
    if len(files) < COUNTS[part]:
        check_beside(root / part, _SUFFIXES, ".pts")
    check_count(root / part, len(files), COUNTS[part])
    return files


def _picture(annotation: Path) -> Path:
    """The picture beside an annotation."""
    for suffix in _SUFFIXES:
        if (file := annotation.with_suffix(suffix)).is_file():
            return file
    raise DataError(f"{annotation}: no {' or '.join(_SUFFIXES)} beside it; download it anew")
