"""Which files of a data set training refuses or leaves out, and which have no labels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from c3jax.files.folder import count_others, find_pictures, labelled
from c3jax.files.sources import Pictures
from data_pipelines.readers import celeb_a

LANDMARKS = "landmarks.csv"
_ANNOTATIONS = (".mat", ".pts")  # of a picture, beside it


@dataclass(frozen=True)
class DataSet:
    """Pictures to verify.

    Attributes:
      where: the folder.
      pictures: all that are there, and all that labels name.
      labels: what holds the labels, or None if nothing does.
      labelled: names of the pictures with labels.
      others: number of files that are passed over, by suffix.
    """

    where: Path
    pictures: Pictures
    labels: str | None = None
    labelled: frozenset[str] = frozenset()
    others: Mapping[str, int] = field(default_factory=dict)


class Fault(NamedTuple):
    """A file that is listed, and why."""

    file: str
    reason: str


def open_data(path, *, landmarks_file: str | None = None, prepared="data") -> DataSet:
    """A folder of pictures, with the labels that it holds.

    Labels are `landmarks.csv` with the pictures in `images/` (see `folder.labelled`), NAME.mat or
    NAME.pts beside NAME.png (see `pf_willow`, `w300`), or CelebA's lists (see `celeb_a`).

    Args:
      path: the folder; pictures are found as `folder.find_pictures` does.
      landmarks_file: the table, if it has another name; it must be there.
      prepared: folder of what TFDS prepared, for CelebA whose pictures are in their archive.

    Raises:
      DataError: no such folder, no picture, a faulty table.
    """
    root = folder = Path(path)
    labels: str | None = None
    names: Iterable[str] = ()
    found: list[str] = []
    rows: Pictures | None = None
    table = landmarks_file or LANDMARKS
    if (root / celeb_a.LANDMARKS).is_file():
        tables = celeb_a.read_tables(root)
        folder, labels, names = root / celeb_a.PICTURES, celeb_a.LANDMARKS, tables.names
        if not folder.is_dir():
            pictures = celeb_a.open_pictures(root, tables, prepared=prepared)
            return DataSet(root, pictures, labels, frozenset(names))
    elif landmarks_file or (root / table).is_file():
        rows = labelled(root, csv=table)
        folder, labels, names = rows.root, table, rows.names
    else:
        found = find_pictures(root)
        for suffix in _ANNOTATIONS:
            if annotated := _annotated(root, found, suffix):
                labels, names = f"NAME{suffix} beside NAME.png", annotated
                break
    found = found or find_pictures(folder)
    every = sorted({*names, *found})  # what is there, and what should be
    pictures = Pictures(folder, tuple(every), crop="squash")
    if rows is not None and rows.keypoints_px is not None:
        known = dict(zip(rows.names, rows.keypoints_px, strict=True))
        none = np.full_like(rows.keypoints_px[0], np.nan)
        points = np.stack([known.get(name, none) for name in every])
        pictures = replace(pictures, keypoints_px=points, slack=rows.slack)
    return DataSet(root, pictures, labels, frozenset(names), count_others(folder))


def find_faults(data: DataSet, *, workers: int | None = None) -> list[Fault]:
    """Reads every picture as training does, in their order, and looks for its labels."""
    reasons = data.pictures.reasons_against(workers=workers, label="verifying")
    faults = []
    for name, why in zip(data.pictures.names, reasons, strict=True):
        if why is None and data.labels and name not in data.labelled:
            why = f"no labels ({data.labels})"
        faults += [Fault(name, why)] if why else []
    return faults


def _annotated(root: Path, names: list[str], suffix: str) -> set[str]:
    """Pictures that an annotation beside them belongs to; NAME.png where the picture is missing."""
    pictures = {PurePosixPath(name).with_suffix(""): name for name in reversed(names)}
    stems = [
        PurePosixPath(file.relative_to(root).with_suffix("").as_posix())
        for folder in {stem.parent for stem in pictures}
        for file in (root / folder).glob(f"*{suffix}")
        if not file.name.startswith(".")
    ]
    return {pictures.get(stem, f"{stem}.png") for stem in stems}
