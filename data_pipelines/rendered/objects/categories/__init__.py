"""One module per category: what is drawn, how it is built, its materials and key points.

Every module has
  Shape: the drawn parameters, with Shape.draw(rng); `absent` names the parts that an object lacks;
  build(shape): its parts in their order, [3, rows, columns] each, the same rows and columns for
    every shape; x to the object's left as seen from its front, y up, z to its front;
  CELLS: for each part (material, first row, end row, first column, end column) of the cells that
    are not of the first material; bounds that are left out reach to the ends;
  MATERIALS: rule of colour of each material (see `parameters.draw_look`);
  KEYPOINTS: part, row and column of each;
  YAW: the turn from the front to three quarters; PITCH: range of the camera's height; degrees;
  STANDS: whether it stands on the ground.
"""

from typing import Self

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine.draws import drawn
from data_pipelines.rendered.objects.lofts import mirrored

SIDES = ("left", -1), ("right", 1)


class Drawn:
    """Parameters of the shape of one object, drawn in the order of their fields."""

    absent: tuple[str, ...] = ()

    @classmethod
    def draw(cls, rng: Generator) -> Self:
        """The next object."""
        return drawn(rng, cls)


def both(name: str, right: np.ndarray) -> dict[str, np.ndarray]:
    """A part on the right [3, rows, columns] and its mirror image on the left."""
    return {f"{name}_left": mirrored(right), f"{name}_right": right}
