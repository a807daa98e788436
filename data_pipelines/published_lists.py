"""What the readers of published lists check and refuse."""

import math
from collections.abc import Sequence
from pathlib import Path

from data_pipelines.errors import DataError


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


def read_floats(where: str, cells: Sequence[str]) -> list[float]:
    """Numbers, or a DataError that begins with `where`."""
    values = []
    for cell in cells:
        try:
            values.append(float(cell))
        except ValueError:
            values.append(math.nan)
        if not math.isfinite(values[-1]):
            raise DataError(f"{where}: {cell!r} is not a number; download the file anew")
    return values
