"""300-W: 68 points on faces of four sets, as iBUG publishes them.

    afw/, helen/trainset/, lfpw/trainset/     3,148 training pictures (337, 2,000, 811)
    helen/testset/, lfpw/testset/             554 test pictures, the common set (330, 224)
    ibug/                                     135 test pictures, the challenging set

Each holds NAME.jpg or NAME.png and beside it NAME.pts: `version: 1`, `n_points: 68`, and in braces
a line `x y` for each point, counted from 1.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from c3jax.files import published
from c3jax.files.catalogue import find, require_files
from c3jax.files.sources import Pictures
from c3jax.files.tables import read_floats

NAME = "w300"
COUNTS = find(NAME).counts
FOLDERS = {
    "train": ("afw", "helen/trainset", "lfpw/trainset"),
    "test": ("helen/testset", "lfpw/testset", "ibug"),
    "common": ("helen/testset", "lfpw/testset"),
    "challenging": ("ibug",),
}
SPLITS = ("train", "common", "challenging")  # without overlap; the last two are `test`
NUM_POINTS = 68
EYES = (36, 45)  # outer corners: the inter-ocular distance of 300-W
MARGIN = 0.2
_SUFFIXES = (".jpg", ".png")


def needed(folder, split: str) -> list[Path]:
    """What of the published files `read` needs."""
    return [Path(folder) / part for part in FOLDERS[split]]


def read(folder, split: str) -> Pictures:
    """The faces of one split: squares about the tight box of the points, widened by a fifth.

    `test` has all 689, `common` and `challenging` are its parts.
    """
    published.check_split(split, tuple(FOLDERS))
    root = Path(folder)
    require_files(NAME, needed(root, split))
    annotations = [file for part in FOLDERS[split] for file in _annotations(root, part)]
    names = tuple(_picture(file).relative_to(root).as_posix() for file in annotations)
    keypoints_px = np.stack([read_points(file) for file in annotations])
    boxes = dict(zip(names, map(published.box_of_points, keypoints_px), strict=True))
    common = sum(COUNTS[part] for part in FOLDERS["common"])
    parts = {"common": slice(0, common), "challenging": slice(common, None)}
    found = Pictures(root, names, boxes=boxes, margin=MARGIN, keypoints_px=keypoints_px, eyes=EYES)
    return replace(found, parts=parts) if split == "test" else found


def read_points(file: Path) -> np.ndarray:
    """float32 `[68, 2]`, (x, y) counted from 0, of a .pts file."""
    text = file.read_text(errors="replace")
    head, opened, rest = text.partition("{")
    body, closed, _ = rest.partition("}")
    if not (opened and closed):
        raise published.faulty(file, "truncated, its points are not in braces")
    if f"n_points: {NUM_POINTS}" not in " ".join(head.split()):
        raise published.faulty(file, f"does not announce n_points: {NUM_POINTS}")
    values = read_floats(str(file), body.split())
    if len(values) != 2 * NUM_POINTS:
        raise published.faulty(file, f"{len(values)} coordinates, 68 points have 136")
    return np.array(values, np.float32).reshape(NUM_POINTS, 2) - 1


def _annotations(root: Path, part: str) -> list[Path]:
    files = published.visible((root / part).glob("*.pts"))
    if len(files) < COUNTS[part]:
        published.check_beside(root / part, _SUFFIXES, ".pts")
    published.check_count(root / part, len(files), COUNTS[part])
    return files


def _picture(annotation: Path) -> Path:
    """The picture beside an annotation."""
    beside = [annotation.with_suffix(suffix) for suffix in _SUFFIXES]
    if found := [file for file in beside if file.is_file()]:
        return found[0]
    raise published.faulty(annotation, f"no {' or '.join(_SUFFIXES)} beside it")
