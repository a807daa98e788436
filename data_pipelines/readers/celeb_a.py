"""CelebA and its MAFL lists: the published files in a folder, or prepared by TFDS.

The folder holds what the authors publish, under their names:

    img_align_celeba/             202,599 pictures of 178x218, 000001.jpg and so on
    list_landmarks_align_celeba.txt
    list_eval_partition.txt
    identity_CelebA.txt
    MAFL/training.txt             19,000 names; the last tenth is the validation split
    MAFL/testing.txt              1,000 names

MAFL's two lists may also lie beside the others. Without the folder of pictures, `tfds` reads
them from the archive img_align_celeba.zip.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from c3jax.files.catalogue import find, require_files
from c3jax.files.crops import Crop
from c3jax.files.errors import DataError
from c3jax.files.published import check_count, check_split
from c3jax.files.sources import Pictures

NAME = "celeb_a"
PICTURES = "img_align_celeba"
LANDMARKS = "list_landmarks_align_celeba.txt"
PARTITION = "list_eval_partition.txt"
IDENTITY = "identity_CelebA.txt"
MAFL_TRAINING = "training.txt"
MAFL_TESTING = "testing.txt"
NUM_POINTS = 5
COUNTS = find(NAME).counts  # of the lists

Split = Literal["train", "train_of_others", "mafl_train", "mafl_validation", "mafl_test"]


@dataclass(frozen=True)
class CelebATables:
    """What is published about each picture, in the order of the landmark list.

    Attributes:
      names: 000001.jpg and so on.
      keypoints_px: float32 `[num, 5, 2]`, left eye, right eye, nose, left and right mouth corner,
        (x, y) in pixels of the 178x218 pictures.
      partition: `[num]`, 0 for training, 1 for validation, 2 for test.
      identity: `[num]`, the person.
      mafl_training, mafl_testing: rows, in the order of MAFL's lists.
    """

    names: tuple[str, ...]
    keypoints_px: np.ndarray
    partition: np.ndarray
    identity: np.ndarray
    mafl_training: np.ndarray
    mafl_testing: np.ndarray


def read_tables(root) -> CelebATables:
    """Reads the five lists."""
    lists = _lists(Path(root))
    require_files(NAME, lists)
    faces, partition, identity, training, testing = lists
    landmarks = _read_list(faces, numbers=2 * NUM_POINTS, heading=2)
    row = {name: index for index, name in enumerate(landmarks)}
    mafl = [_read_list(file, numbers=0) for file in (training, testing)]
    if both := mafl[0].keys() & mafl[1].keys():
        where = f"{training.parent}: {min(both)}"
        raise DataError(f"{where} is in both {MAFL_TRAINING} and {MAFL_TESTING}")
    if unknown := (mafl[0].keys() | mafl[1].keys()) - row.keys():
        raise DataError(f"{training.parent}: {min(unknown)} of MAFL is not in {LANDMARKS}")
    if len(mafl[0]) < 10 or not mafl[1]:
        asked = f"{MAFL_TRAINING} needs 10 names or more, {MAFL_TESTING} one"
        raise DataError(f"{training.parent}: {asked}")
    return CelebATables(
        names=tuple(landmarks),
        keypoints_px=np.array(list(landmarks.values()), np.float32).reshape(-1, NUM_POINTS, 2),
        partition=_aligned(partition, landmarks),
        identity=_aligned(identity, landmarks),
        mafl_training=np.array([row[name] for name in mafl[0]]),
        mafl_testing=np.array([row[name] for name in mafl[1]]),
    )


def split_rows(tables: CelebATables, split: Split) -> np.ndarray:
    """Rows of the pictures of one split.

    `train` is CelebA's training partition without MAFL's test and validation pictures,
    `train_of_others` what of it shows no person of MAFL's test set; `mafl_train` and
    `mafl_validation` are the first nine tenths and the last tenth of MAFL's training list.

    C3 4.1 has "around 20k face images from 10k identities" of CelebA, which has 202,599 of 10,177,
    and says that "identities appeared in CelebA are removed from MAFL and AFLW". That cannot be
    meant literally: MAFL lies inside CelebA, and nothing of it would be left. In `train`, as in
    JLAD 4.3, MAFL's test pictures are left out, and others of the same persons stay.
    """
    num_validation = len(tables.mafl_training) // 10
    train = tables.partition == 0
    train[tables.mafl_training[-num_validation:]] = train[tables.mafl_testing] = False
    others = ~np.isin(tables.identity, tables.identity[tables.mafl_testing])
    rows = {
        "train": np.flatnonzero(train),
        "train_of_others": np.flatnonzero(train & others),
        "mafl_train": tables.mafl_training[:-num_validation],
        "mafl_validation": tables.mafl_training[-num_validation:],
        "mafl_test": tables.mafl_testing,
    }
    check_split(split, tuple(rows))
    return rows[split]


def count_splits(tables: CelebATables) -> dict[str, int]:
    """Pictures in each split, and persons in both splits to train on."""
    persons = {
        f"{split}_identities": len(np.unique(tables.identity[split_rows(tables, split)]))
        for split in ("train", "train_of_others")
    }
    return {
        "pictures": len(tables.names),
        "training_partition": int(np.sum(tables.partition == 0)),
        **{split: len(split_rows(tables, split)) for split in get_args(Split)},
        **persons,
    }


def check_published(tables: CelebATables, root: Path) -> None:
    """Raises DataError unless the lists are as long as those that are published."""
    found = map(len, (tables.names, tables.mafl_training, tables.mafl_testing))
    for (file, published), count in zip(COUNTS.items(), found, strict=True):
        check_count(root / file, count, published)


def missing_files(root: Path, prepared: Path) -> list[Path]:
    """What is not in place: lists, and pictures in a folder, an archive or prepared by TFDS."""
    files = _lists(root)
    archived = (root / f"{PICTURES}.zip").is_file()
    if not archived and not any((prepared / NAME).glob("*/dataset_info.json")):
        files.append(root / PICTURES)
    return [file for file in files if not file.exists()]


def open_pictures(
    root, tables: CelebATables, *, prepared="data", crop: Crop = "squash_inner"
) -> Pictures:
    """All pictures: those of the folder `img_align_celeba`, else what TFDS prepares of the archive.

    `prepared` is the folder that TFDS writes to. `squash_inner` is the frame of the MAFL protocol
    (178x218 squashed to 160x160, the central 128); `centre` is isotropic, the central 178x178.
    """
    folder, contents = Path(root) / PICTURES, None
    if not folder.is_dir():
        from data_pipelines.tfds import open_celeb_a

        contents = open_celeb_a(Path(root), tables, prepared=prepared)
    points = tables.keypoints_px
    return Pictures(folder, tables.names, crop=crop, keypoints_px=points, contents=contents)


def _lists(root: Path) -> list[Path]:
    mafl = root / "MAFL" if (root / "MAFL").is_dir() else root
    lists = [root / LANDMARKS, root / PARTITION, root / IDENTITY]
    return [*lists, mafl / MAFL_TRAINING, mafl / MAFL_TESTING]


def _read_list(path: Path, *, numbers: int, heading: int = 0) -> dict[str, list[int]]:
    """Name and whole numbers on each line; a heading begins with the count of lines."""
    lines = path.read_text().splitlines()
    values: dict[str, list[int]] = {}
    for number, line in enumerate(lines[heading:], start=heading + 1):
        name, *cells = line.split() or [""]
        if len(cells) != numbers or not name.endswith(".jpg") or name in values:
            expected = f"a new name.jpg and {numbers} numbers"
            raise DataError(f"{path}: line {number} is {line!r}; {expected} expected")
        try:
            values[name] = [int(cell) for cell in cells]
        except ValueError:
            raise DataError(f"{path}: line {number}: {line!r} has a non-number") from None
    if heading and lines[0].strip() != str(len(values)):
        announced = lines[0].strip()
        raise DataError(f"{path}: line 1 announces {announced!r} pictures, {len(values)} follow")
    return values


def _aligned(path: Path, names: Iterable[str]) -> np.ndarray:
    """The one number of each name, in the order of `names`."""
    values = _read_list(path, numbers=1)
    try:
        return np.array([values[name][0] for name in names])
    except KeyError as missing:
        raise DataError(f"{path}: no line for {missing.args[0]}") from None
