"""Many examples through a function that is compiled for one size of batch."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np


def in_batches(function: Callable, *arrays: np.ndarray, size: int) -> Any:
    """`function(*arrays)`, called with `size` rows at a time.

    The last batch is filled up with copies of the last row, so that there is one compilation, and
    what is computed of the copies is left out.

    Args:
      function: of arrays with a common first axis; returns a pytree of arrays with that axis, row n
        of them from row n of the arguments.
      arrays: of one length, at least 1.
      size: rows of each call.

    Returns:
      the pytree, its leaves NumPy arrays of all rows.

    >>> in_batches(lambda x, y: {"sum": x + y}, np.arange(3), np.ones(3), size=2)
    {'sum': array([1., 2., 3.])}
    """
    count, parts = len(arrays[0]), []
    for begin in range(0, count, size):
        rows = np.minimum(np.arange(begin, begin + size), count - 1)
        outputs = function(*(array[rows] for array in arrays))
        parts.append(jax.tree.map(lambda leaf, n=count - begin: np.asarray(leaf)[:n], outputs))
    return jax.tree.map(lambda *pieces: np.concatenate(pieces), *parts)
