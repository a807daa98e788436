"""PF-WILLOW: ten sub-classes of ten pictures with ten key points; all ordered pairs of each.

The published folder holds `CLASS/NAME.png` and beside it `CLASS/NAME.mat` with `pts_coord`, 2 x 10,
(x, y) counted from 1.
"""

import logging
from itertools import permutations
from pathlib import Path

from data_pipelines.catalogue import find
from data_pipelines.errors import DataError
from data_pipelines.pairs import Annotated, PairRow, Pairs, make_pairs
from data_pipelines.pictures import SUFFIXES
from data_pipelines.readers.matlab import read_matlab
from data_pipelines.readers.published import check_beside, inside

SUB_CLASSES = (
    *("car(G)", "car(M)", "car(S)", "duck(S)", "motorbike(G)", "motorbike(M)", "motorbike(S)"),
    *("winebottle(M)", "winebottle(wC)", "winebottle(woC)"),
)
NAME = "pf_willow"
NUM_PAIRS = find(NAME).counts["test"]
_log = logging.getLogger(__name__)


def pf_willow(folder) -> Pairs:
    """All ordered pairs of different pictures within each sub-class, which is their category.

    Logs what was found unless all ten sub-classes are in place; those have to give 900 pairs.
    """
    root = inside(folder, "PF-dataset")
    found = _sub_classes(root)
    rows = [
        PairRow(f"{root / name}", *pair, category=name)
        for name, pictures in found.items()
        for pair in permutations(pictures, 2)
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
    if not root.is_dir():
        raise DataError(f"{root}: no such folder. {find(NAME).instructions()}")
    folders = [path for path in sorted(root.iterdir()) if not path.name.startswith((".", "__"))]
    annotations = {path.name: _visible(path.glob("*.mat")) for path in folders if path.is_dir()}
    found = {name: [_annotated(file) for file in files] for name, files in annotations.items()}
    found = {name: pictures for name, pictures in found.items() if pictures}
    if not found:
        raise DataError(
            f"{root}: no sub-class in it (CLASS/NAME.png with CLASS/NAME.mat). "
            f"{find(NAME).instructions()}"
        )
    for name, pictures in found.items():
        if len(pictures) == 1:
            raise DataError(
                f"{root / name}: a single annotated picture makes no pair; add another with its "
                ".mat, or take the sub-class out"
            )
    return found


def _annotated(annotation: Path) -> Annotated:
    [points] = read_matlab(annotation, "pts_coord")
    if points.ndim != 2 or points.shape[0] != 2:
        raise DataError(f"{annotation}: pts_coord is {points.shape}, not 2 x points; replace it")
    named = _visible(annotation.parent.glob(f"{_literal(annotation.stem)}.*"))
    pictures = [file for file in named if file.suffix.lower() in SUFFIXES]
    return Annotated(pictures[0] if pictures else annotation.with_suffix(".png"), points.T - 1)


def _visible(files) -> list[Path]:
    return sorted(file for file in files if not file.name.startswith("."))


def _literal(name: str) -> str:
    """A name without meaning to `glob`."""
    return "".join(f"[{letter}]" if letter in "[*?" else letter for letter in name)
