"""Averages of what is known."""

import numpy as np


def finite_mean(values) -> float | None:
    """Mean of the values that are finite; None if there are none."""
    values = np.asarray(values)
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None
