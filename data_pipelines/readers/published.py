"""What the readers of published lists check, refuse and compute."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.frames import Box


def inside(folder, name: str) -> Path:
    """The folder `name` that an archive is unpacked to, given that one or the one above it."""
    return Path(folder) / name if (Path(folder) / name).is_dir() else Path(folder)


def check_split(split: str, splits: Sequence[str]) -> None:
    """Raises DataError for a split that a data set has not."""
    if split not in splits:
        raise DataError(f"split is {split!r}; it must be one of {', '.join(splits)}")


def check_count(file: Path, found: int, *published: int, what: str = "faces") -> None:
    """Raises DataError unless a list is as long as one of the published ones."""
    if found not in published:
        expected = " or ".join(f"{count:,}" for count in published)
        raise DataError(f"{file}: {found:,} {what}, {expected} are published; download it anew")


def check_beside(folder: Path, pictures: Sequence[str], suffix: str) -> None:
    """Raises DataError for a picture of a folder without an annotation of its name beside it."""
    for file in sorted(folder.iterdir()):
        if file.suffix in pictures and not file.with_suffix(suffix).is_file():
            raise DataError(f"{file}: no {suffix} beside it; download it anew")


def hold_out_validation(count: int, split: str) -> slice:
    """Rows of `train` or `validation` in a training list of `count`: validation is the last tenth.

    IMM's split. Any other split has all rows.

    >>> hold_out_validation(26, "train"), hold_out_validation(26, "validation")
    (slice(0, 23, None), slice(23, 26, None))
    """
    num_train = count - round(0.1 * count)
    return {"train": slice(0, num_train), "validation": slice(num_train, count)}.get(
        split, slice(0, count)
    )


def box_of_points(points_px: np.ndarray) -> Box:
    """The tight box of points `[num_points, 2]`: from the centre of the first pixel to the last's.

    >>> box_of_points(np.array([[2, 9], [4, 5]]))
    (2.5, 5.5, 4.5, 9.5)
    """
    (x0, y0), (x1, y1) = points_px.min(0) + 0.5, points_px.max(0) + 0.5
    return float(x0), float(y0), float(x1), float(y1)
