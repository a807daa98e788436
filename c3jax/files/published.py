"""What the readers of published lists check, refuse and compute."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from c3jax.files.errors import DataError
from c3jax.files.frames import Box


def faulty(file, why: str) -> DataError:
    """The error for a published file that is not as published."""
    return DataError(f"{file}: {why}; download it anew")


@contextmanager
def reading(file, what: str) -> Iterator[None]:
    """Raises DataError where a published file is missing, or cannot be read as `what` it is."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{file}: no such file; put the published ones in place") from None
    except KeyError as missing:
        raise faulty(file, f"no field {missing}") from None
    except DataError:
        raise
    except Exception as error:  # some readers raise anything on a damaged file
        raise faulty(file, f"cannot be read as {what} ({error})") from None


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
        raise faulty(file, f"{found:,} {what}, {expected} are published")


def read_names(listed: Path, published: int, *, what: str = "faces") -> list[str]:
    """The names in a list, as many as are published."""
    names = listed.read_text().split()
    check_count(listed, len(names), published, what=what)
    return names


def read_matlab(path: Path, *names: str) -> list[np.ndarray]:
    """The named arrays of a MATLAB file (version 7.3 cannot be read), as float64."""
    content = _load(path, names)
    with reading(path, "a MATLAB file of numbers"):
        arrays = [np.asarray(content[name], np.float64) for name in names]
    return arrays


def read_matlab_struct(path: Path, name: str) -> dict[str, Any]:
    """The named struct of a MATLAB file: structs as dicts, struct arrays as lists, scalars bare."""
    found = _load(path, (name,), simplify_cells=True)[name]
    if not isinstance(found, dict):
        raise DataError(f"{path}: {name} is no struct; is it of another data set?")
    return found


def _load(path: Path, names: tuple[str, ...], **options) -> dict[str, Any]:
    from scipy.io import loadmat

    with reading(path, "a MATLAB file"), open(path, "rb") as file:
        content = loadmat(file, variable_names=names, **options)
    if missing := [name for name in names if name not in content]:
        raise DataError(f"{path}: no array {missing[0]!r} in it; is it of another data set?")
    return content


def check_beside(folder: Path, pictures: Sequence[str], suffix: str) -> None:
    """Raises DataError for a picture of a folder without an annotation of its name beside it."""
    for file in sorted(folder.iterdir()):
        if file.suffix in pictures and not file.with_suffix(suffix).is_file():
            raise faulty(file, f"no {suffix} beside it")


def visible(files: Iterable[Path]) -> list[Path]:
    """Files that are not hidden, sorted."""
    return sorted(file for file in files if not file.name.startswith("."))


def hold_out_validation(count: int, split: str) -> slice:
    """Rows of `train` or `validation` in a training list of `count`: validation is the last tenth.

    IMM's split. Any other split has all rows.

    >>> hold_out_validation(26, "train"), hold_out_validation(26, "validation")
    (slice(0, 23, None), slice(23, 26, None))
    """
    num_train = count - round(0.1 * count)
    rows = {"train": slice(0, num_train), "validation": slice(num_train, count)}
    return rows.get(split, slice(0, count))


def box_of_points(points_px: np.ndarray) -> Box:
    """The tight box of points `[num_points, 2]`: from the centre of the first pixel to the last's.

    >>> box_of_points(np.array([[2, 9], [4, 5]]))
    (2.5, 5.5, 4.5, 9.5)
    """
    (x0, y0), (x1, y1) = points_px.min(0) + 0.5, points_px.max(0) + 0.5
    return float(x0), float(y0), float(x1), float(y1)
