"""CelebA and its MAFL lists: the published files in a folder, or prepared by TFDS.

The folder holds what the authors publish, under their names:

    img_align_celeba/             202,599 pictures of 178x218, 000001.jpg and so on
    list_landmarks_align_celeba.txt
    list_eval_partition.txt
    identity_CelebA.txt
    MAFL/training.txt             19,000 names; the last tenth is the validation split
    MAFL/testing.txt              1,000 names

MAFL's two lists may also lie beside the others. Nothing is ever downloaded. `celeb_a_tfds` reads
the pictures from the archive img_align_celeba.zip instead of the folder.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from data_pipelines.catalogue import require_files
from data_pipelines.errors import DataError
from data_pipelines.examples import Examples, load_annotated
from data_pipelines.frames import Crop
from data_pipelines.sources import PictureFiles, PictureSource

PICTURES = "img_align_celeba"
LANDMARKS = "list_landmarks_align_celeba.txt"
PARTITION = "list_eval_partition.txt"
IDENTITY = "identity_CelebA.txt"
MAFL_TRAINING = "training.txt"
MAFL_TESTING = "testing.txt"
NUM_POINTS = 5
COUNTS = {LANDMARKS: 202_599, MAFL_TRAINING: 19_000, MAFL_TESTING: 1_000}

Split = Literal["train", "mafl_train", "mafl_validation", "mafl_test"]


@dataclass(frozen=True)
class CelebATables:
    """What is published about each picture, in the order of the landmark list.

    Attributes:
      names: 000001.jpg and so on.
      keypoints_px: float32 `[num, 5, 2]`, left eye, right eye, nose, left and right mouth corner,
        (x, y) in pixels of the 178x218 pictures.
      partition: `[num]`, 0 for training, 1 for validation, 2 for test.
      identity: `[num]`, the person.
      mafl_training, mafl_testing: names, in the order of their lists.
    """

    names: tuple[str, ...]
    keypoints_px: np.ndarray
    partition: np.ndarray
    identity: np.ndarray
    mafl_training: tuple[str, ...]
    mafl_testing: tuple[str, ...]


def read_tables(root) -> CelebATables:
    """Reads the five lists.

    Raises:
      DataError: names every missing file at once, or the line that is not as published.
    """
    root = Path(root)
    mafl = root / "MAFL" if (root / "MAFL").is_dir() else root
    require_files(
        "celeb_a",
        [root / LANDMARKS, root / PARTITION, root / IDENTITY]
        + [mafl / MAFL_TRAINING, mafl / MAFL_TESTING],
    )
    landmarks = _read_list(root / LANDMARKS, numbers=2 * NUM_POINTS, heading=2)
    tables = CelebATables(
        names=tuple(landmarks),
        keypoints_px=np.array(list(landmarks.values()), np.float32).reshape(-1, NUM_POINTS, 2),
        partition=_aligned(root / PARTITION, landmarks),
        identity=_aligned(root / IDENTITY, landmarks),
        mafl_training=tuple(_read_list(mafl / MAFL_TRAINING, numbers=0)),
        mafl_testing=tuple(_read_list(mafl / MAFL_TESTING, numbers=0)),
    )
    _check_mafl(tables, mafl)
    return tables


def split_names(
    tables: CelebATables, split: Split, *, drop_test_identities: bool = False
) -> tuple[str, ...]:
    """Names of the pictures of one split.

    `train` is CelebA's training partition without MAFL's test and validation pictures; `mafl_train`
    and `mafl_validation` are the first nine tenths and the last tenth of MAFL's training list.

    Args:
      tables: as read.
      split: which.
      drop_test_identities: takes every picture of a person of MAFL's test list out of `train`
        (the papers take out the listed pictures only).
    """
    num_validation = len(tables.mafl_training) // 10
    mafl = {
        "mafl_train": tables.mafl_training[:-num_validation],
        "mafl_validation": tables.mafl_training[-num_validation:],
        "mafl_test": tables.mafl_testing,
    }
    if split in mafl:
        return mafl[split]
    if split != "train":
        raise ValueError(f"split is {split!r}; it must be 'train', {', '.join(map(repr, mafl))}")
    held_out = np.isin(tables.names, mafl["mafl_validation"] + mafl["mafl_test"])
    if drop_test_identities:
        held_out |= _of_test_identities(tables)
    chosen = (tables.partition == 0) & ~held_out
    return tuple(np.array(tables.names)[chosen].tolist())


def count_splits(tables: CelebATables) -> dict[str, int]:
    """Pictures in each split, persons in `train`, and what of `train` shows MAFL test persons."""
    counts = {split: len(split_names(tables, split)) for split in get_args(Split)}
    in_train = np.isin(tables.names, split_names(tables, "train"))
    return {
        "pictures": len(tables.names),
        "training_partition": int(np.sum(tables.partition == 0)),
        **counts,
        "train_identities": len(np.unique(tables.identity[in_train])),
        "train_of_test_identities": int(np.sum(in_train & _of_test_identities(tables))),
    }


def listed_counts(tables: CelebATables) -> dict[str, tuple[int, int]]:
    """By list the number of its pictures, and the published number (a part of them may do)."""
    found = (tables.names, tables.mafl_training, tables.mafl_testing)
    return {
        file: (len(names), published)
        for (file, published), names in zip(COUNTS.items(), found, strict=True)
    }


def open_pictures(root, names: Sequence[str], *, crop: Crop = "squash_inner") -> PictureFiles:
    """The named pictures of the folder `img_align_celeba`.

    Args:
      root: the folder above it.
      names: see `split_names`.
      crop: `squash_inner` is the frame of the MAFL protocol (178x218 squashed to 160x160, the
        central 128); `centre` is isotropic, the central 178x178.
    """
    require_files("celeb_a", [Path(root) / PICTURES])
    return PictureFiles(Path(root) / PICTURES, tuple(names), crop=crop)


def load_labelled_pictures(
    pictures: PictureSource, tables: CelebATables, *, size: int, workers: int | None = None
) -> Examples:
    """Reads pictures (of a MAFL split) into memory, with their keypoints in the frame.

    Raises:
      DataError: a picture that cannot be read; nothing is left out.
    """
    row = {name: index for index, name in enumerate(tables.names)}
    keypoints_px = tables.keypoints_px[[row[name] for name in pictures.names]]
    fix = "restore the published CelebA files"
    return load_annotated(pictures, keypoints_px, size=size, fix=fix, workers=workers)


def _read_list(path: Path, *, numbers: int, heading: int = 0) -> dict[str, list[int]]:
    """Name and whole numbers on each line; a heading begins with the count of lines."""
    lines = path.read_text().splitlines()
    values: dict[str, list[int]] = {}
    for number, line in enumerate(lines[heading:], start=heading + 1):
        name, *cells = line.split() or [""]
        if len(cells) != numbers or not name.endswith(".jpg") or name in values:
            raise DataError(
                f"{path}: line {number} is {line!r}; a new name.jpg and {numbers} numbers expected"
            )
        try:
            values[name] = [int(cell) for cell in cells]
        except ValueError:
            raise DataError(f"{path}: line {number}: {line!r} has a non-number") from None
    if heading and lines[0].strip() != str(len(values)):
        raise DataError(
            f"{path}: line 1 announces {lines[0].strip()!r} pictures, {len(values)} follow"
        )
    return values


def _aligned(path: Path, names: Iterable[str]) -> np.ndarray:
    """The one number of each name, in the order of `names`."""
    values = _read_list(path, numbers=1)
    try:
        return np.array([values[name][0] for name in names])
    except KeyError as missing:
        raise DataError(f"{path}: no line for {missing.args[0]}") from None


def _check_mafl(tables: CelebATables, folder: Path) -> None:
    both = set(tables.mafl_training) & set(tables.mafl_testing)
    if both:
        raise DataError(f"{folder}: {min(both)} is in both {MAFL_TRAINING} and {MAFL_TESTING}")
    unknown = {*tables.mafl_training, *tables.mafl_testing} - set(tables.names)
    if unknown:
        raise DataError(f"{folder}: {min(unknown)} of MAFL is not in {LANDMARKS}")
    if len(tables.mafl_training) < 10 or not tables.mafl_testing:
        raise DataError(f"{folder}: {MAFL_TRAINING} needs 10 names or more, {MAFL_TESTING} one")


def _of_test_identities(tables: CelebATables) -> np.ndarray:
    persons = tables.identity[np.isin(tables.names, tables.mafl_testing)]
    return np.isin(tables.identity, persons)
