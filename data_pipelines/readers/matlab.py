"""Annotations in MATLAB files, as several data sets publish them."""

from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.errors import DataError


def read_matlab(path: Path, *names: str) -> list[np.ndarray]:
    """The named arrays of a MATLAB file (version 7.3 cannot be read), as float64."""
    content = _load(path, names)
    try:
        return [np.asarray(content[name], np.float64) for name in names]
    except (ValueError, TypeError) as error:
        raise _damaged(path, error) from None


def read_matlab_struct(path: Path, name: str) -> dict[str, Any]:
    """The named struct of a MATLAB file: structs as dicts, struct arrays as lists, scalars bare."""
    found = _load(path, (name,), simplify_cells=True)[name]
    if not isinstance(found, dict):
        raise DataError(f"{path}: {name} is no struct; is it of another data set?")
    return found


def _load(path: Path, names: tuple[str, ...], **options) -> dict[str, Any]:
    from scipy.io import loadmat

    if not path.is_file():
        raise DataError(f"{path}: no such file; put the published annotations in place")
    try:
        content = loadmat(path, variable_names=names, **options)
    except Exception as error:  # the reader raises anything on a damaged file
        raise _damaged(path, error) from None
    if missing := [name for name in names if name not in content]:
        raise DataError(f"{path}: no array {missing[0]!r} in it; is it of another data set?")
    return content


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: cannot be read as a MATLAB file ({error}); replace it")
