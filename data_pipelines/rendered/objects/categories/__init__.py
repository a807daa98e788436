"""One module per category: what is drawn, how it is built, its materials and key points.

Every module has
  SHAPE: rows of parameters, drawn one after the other, with the least and the greatest value or a
    function of the random numbers; `absent` names the parts that an object lacks;
  kind(rng), if objects are of kinds: parameters that take the place of those in SHAPE;
  build(shape): its parts in their order, [3, rows, columns] each, the same rows and columns for
    every shape; x to the object's left as seen from its front, y up, z to its front;
  MATERIALS: for each, its rule of colour (see `paint.draw_look`), then where it is: pairs of a
    pattern of parts and a slice of their cells. Later materials win; the first is everywhere else;
  KEYPOINTS: part, row and column of each;
  YAW: the turn from the front to three quarters; PITCH: range of the camera's height; degrees;
  STANDS: whether it stands on the ground.
"""

from collections.abc import Callable
from types import SimpleNamespace as Shape

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.objects.lofts import mirrored

__all__ = ["ALL", "SIDES", "Shape", "both", "degrees", "on", "pair"]

SIDES = ("left", -1), ("right", 1)
ALL = np.s_[:]  # cells of a part


def degrees(low: float, high: float) -> Callable[[Generator], float]:
    """Draws an angle in radians evenly between two in degrees."""
    return lambda rng: np.radians(rng.uniform(low, high))


def both(name: str, right: np.ndarray) -> dict[str, np.ndarray]:
    """A part on the right [3, rows, columns] and its mirror image on the left."""
    return {f"{name}_left": mirrored(right), f"{name}_right": right}


def on(part: str, row: int, **columns: int) -> dict[str, tuple]:
    """Key points in one row of a part, by the names of their columns."""
    return {point: (part, row, column) for point, column in columns.items()}


def pair(point: str, part: str, row: int, left: int, right: int) -> dict[str, tuple]:
    """A key point on the left and on the right part of two; {} is the side in the names."""
    return {
        point.format(side): (part.format(side), row, column)
        for side, column in (("left", left), ("right", right))
    }
