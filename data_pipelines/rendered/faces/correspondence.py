"""True correspondence between two rendered faces."""

import numpy as np
from numpy.typing import ArrayLike


def true_correspondence(
    surface_source: np.ndarray,
    mask_source: np.ndarray,
    surface_target: np.ndarray,
    mask_target: np.ndarray,
    points_px: ArrayLike,
    *,
    tolerance: float = 0.6,
) -> tuple[np.ndarray, np.ndarray]:
    """Carries points of one rendered face to another by their canonical coordinates.

    Args:
      surface_source: [h, w, 3] of the face that the points lie on, as from `render_face`.
      mask_source: bool [h, w].
      surface_target: [h, w, 3] of the other face, of any size.
      mask_target: bool [h, w].
      points_px: [n, 2], (x, y) in pixels of the source, rounded to the nearest pixel.
      tolerance: in centimetres on the mean head; where the nearest coordinate of the target is
        farther away than this, the point is hidden there.

    Returns:
      Points [n, 2] in pixels of the target, float64, and visible bool [n]. A point that is not
      on the source's mask is NaN and not visible.
    """
    height, width = mask_source.shape
    columns, rows = np.round(np.asarray(points_px, np.float64)).astype(int).T
    inside = (columns >= 0) & (rows >= 0) & (columns < width) & (rows < height)
    inside[inside] = mask_source[rows[inside], columns[inside]]
    target_rows, target_columns = np.nonzero(mask_target)
    stock = surface_target[target_rows, target_columns].astype(np.float32)
    carried = np.full((len(columns), 2), np.nan)
    visible = np.zeros(len(columns), bool)
    for i in np.flatnonzero(inside):
        offset = stock - surface_source[rows[i], columns[i]].astype(np.float32)
        distance = np.einsum("pk,pk->p", offset, offset)
        best = distance.argmin()
        carried[i] = target_columns[best], target_rows[best]
        visible[i] = distance[best] <= tolerance**2
    return carried, visible
