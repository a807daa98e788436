"""Annotations in MATLAB files, as the proposal-flow data sets publish them."""

from pathlib import Path

import numpy as np

from data_pipelines.errors import DataError


def read_matlab(path: Path, *names: str) -> list[np.ndarray]:
    """The named arrays of a MATLAB file, as float64.

    Raises:
      DataError: no such file, not a MATLAB file (version 7.3 cannot be read), no such array.
    """
    from scipy.io import loadmat

    if not path.is_file():
        raise DataError(f"{path}: no such file; put the published annotations in place")
    try:
        content = loadmat(path, variable_names=names)
        return [np.asarray(content[name], np.float64) for name in names]
    except KeyError as missing:
        raise DataError(f"{path}: no array {missing} in it; is it of another data set?") from None
    except Exception as error:  # the reader raises anything on a damaged file
        raise DataError(f"{path}: cannot be read as a MATLAB file ({error}); replace it") from None
