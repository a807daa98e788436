"""PF-WILLOW: ten sub-classes of ten pictures with ten key points; all ordered pairs of each.

The published folder holds `CLASS/NAME.png` and beside it `CLASS/NAME.mat` with `pts_coord`, 2 x 10,
(x, y) counted from 1.
"""

import glob
import logging
from itertools import permutations
from pathlib import Path

from c3jax.files.catalogue import find
from c3jax.files.errors import DataError
from c3jax.files.pairs import Annotated, PairRow, Pairs, make_pairs
from c3jax.files.pictures import SUFFIXES
from c3jax.files.published import check_beside, check_split, inside, read_matlab, visible

SUB_CLASSES = (
    *("car(G)", "car(M)", "car(S)", "duck(S)", "motorbike(G)", "motorbike(M)", "motorbike(S)"),
    *("winebottle(M)", "winebottle(wC)", "winebottle(woC)"),
)
NAME = "pf_willow"
SPLITS = ("test",)
NUM_PAIRS = find(NAME).counts["test"]
_log = logging.getLogger(__name__)


def read(folder, split: str) -> Pairs:
    """All ordered pairs of different pictures within each sub-class, which is their category.

    Logs what was found unless all ten sub-classes are in place; those have to give 900 pairs.
    """
    check_split(split, SPLITS)
    root = inside(folder, "PF-dataset")
    found = _sub_classes(root)
    rows = [
        PairRow(f"{root / name}", source, target, category=name)
        for name, pictures in found.items()
        for source, target in permutations(pictures, 2)
    ]
    counts = ", ".join(f"{name} {len(pictures)}" for name, pictures in found.items())
    if found.keys() != set(SUB_CLASSES):
        _log.warning("%s: %d sub-classes (pictures: %s)", root, len(found), counts)
    elif len(rows) != NUM_PAIRS:
        for name in found:
            check_beside(root / name, SUFFIXES, ".mat")
        raise DataError(
            f"{root}: {len(rows)} pairs in the ten sub-classes, {NUM_PAIRS} are published; each "
            f"has ten pictures, here: {counts}"
        )
    return make_pairs(rows, name="PF-WILLOW")


def _sub_classes(root: Path) -> dict[str, list[Annotated]]:
    """The annotated pictures of each folder that has some."""
    instructions = find(NAME).instructions()
    if not root.is_dir():
        raise DataError(f"{root}: no such folder. {instructions}")
    found = {}
    for folder in visible(root.iterdir()):
        if folder.is_dir() and not folder.name.startswith("__"):
            if annotations := visible(folder.glob("*.mat")):
                found[folder.name] = [_annotated(file) for file in annotations]
    if not found:
        layout = "CLASS/NAME.png with CLASS/NAME.mat"
        raise DataError(f"{root}: no sub-class in it ({layout}). {instructions}")
    if single := [name for name, pictures in found.items() if len(pictures) == 1]:
        raise DataError(
            f"{root / single[0]}: a single annotated picture makes no pair; add another with its "
            ".mat, or take the sub-class out"
        )
    return found


def _annotated(annotation: Path) -> Annotated:
    [points] = read_matlab(annotation, "pts_coord")
    if points.ndim != 2 or points.shape[0] != 2:
        raise DataError(f"{annotation}: pts_coord is {points.shape}, not 2 x points; replace it")
    named = visible(annotation.parent.glob(f"{glob.escape(annotation.stem)}.*"))
    pictures = [file for file in named if file.suffix.lower() in SUFFIXES]
    return Annotated(pictures[0] if pictures else annotation.with_suffix(".png"), points.T - 1)
