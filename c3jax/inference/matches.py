"""Dense matches of a pair, in pixels of its pictures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from c3jax.confidence import Isotonic
from c3jax.coordinates import numpy_grid
from c3jax.inference.framing import bilinear, check_image

SLACK_PX = 0.5  # points may lie on the outer half of a border pixel


@dataclass(frozen=True)
class Matches:
    """Dense matches of a source and a target picture, in both directions.

    Points in pixels are (x, y) of the pictures as they were given, counted from 0 at the centre of
    the top left pixel. Cells cover a picture from corner pixel to corner pixel.

    Attributes:
      source_shape, target_shape: (height, width) of the pictures.
      to_target: T^{j->i} `[hs, ws, 2]`: for each cell of the source its place in the target, (x, y)
        in [-1, 1].
      to_source: T^{i->j} `[ht, wt, 2]`: for each cell of the target its place in the source.
      source_confidence, target_confidence: `[hs, ws]` and `[ht, wt]`, the score of the best match
        of each cell among all cells of the other picture: near 1 where there is but one, 1 / (cells
        there) where all are alike. Of `JLAD`, which has no scores, 1 / (1 + sigma). It is no
        probability: see `probability`.
      source_sigma, target_sigma: `[hs, ws]` and `[ht, wt]`, the uncertainty of the match of each
        cell; None of a network that predicts none.
      probability: from such scores to the probability that a match is off by less than a tenth of
        the side, as measured on warped and partly erased pictures; None where it was not measured.
    """

    source_shape: tuple[int, int]
    target_shape: tuple[int, int]
    to_target: Float[np.ndarray, "hs ws 2"]
    to_source: Float[np.ndarray, "ht wt 2"]
    source_confidence: Float[np.ndarray, "hs ws"]
    target_confidence: Float[np.ndarray, "ht wt"]
    source_sigma: Float[np.ndarray, "hs ws"] | None = None
    target_sigma: Float[np.ndarray, "ht wt"] | None = None
    probability: Isotonic | None = None

    def carry(self, points_px: Any, *, back: bool = False) -> Float[np.ndarray, "K 2"]:
        """Points of the source at their places in the target, in pixels of the two pictures.

        Args:
          points_px: `[K, 2]`, (x, y).
          back: points of the target, carried to the source.

        Raises:
          ValueError: points that are not `[K, 2]`, not finite or outside their picture.
        """
        places = self._normalized(points_px, back)
        carried = bilinear(self.to_source if back else self.to_target, places)
        return _pixels(carried, self.source_shape if back else self.target_shape)

    def confidence(self, points_px: Any, *, back: bool = False) -> Float[np.ndarray, " K"]:
        """Confidence at the points that `carry` takes."""
        cells = self.target_confidence if back else self.source_confidence
        return bilinear(cells[..., None], self._normalized(points_px, back))[:, 0]

    def sigma(self, points_px: Any, *, back: bool = False) -> Float[np.ndarray, " K"]:
        """Uncertainty at the points that `carry` takes.

        Raises:
          ValueError: the network predicts none, or points that `carry` refuses.
        """
        cells = self.target_sigma if back else self.source_sigma
        if cells is None:
            raise ValueError("these matches have no sigma: their network predicts no uncertainty")
        return bilinear(cells[..., None], self._normalized(points_px, back))[:, 0]

    def cells_px(self) -> tuple[np.ndarray, np.ndarray]:
        """All cells of the source, `[hs * ws, 2]` row by row, and their places in the target."""
        cells = numpy_grid(self.to_target.shape[:2])
        return (
            _pixels(cells, self.source_shape).reshape(-1, 2),
            _pixels(self.to_target, self.target_shape).reshape(-1, 2),
        )

    def mutual(self) -> np.ndarray:
        """Cells of the source that, carried there and back, are one cell away or less.

        Returns:
          bool `[hs, ws]`.
        """
        height, width = self.to_target.shape[:2]
        back = bilinear(self.to_source, self.to_target) - numpy_grid((height, width))
        return (np.abs(back) / 2 * [width - 1, height - 1] <= 1 + 1e-6).all(-1)

    def warp_source(self, source: Any) -> np.ndarray:
        """The source, looked up at T^{i->j} for every pixel of the target.

        Args:
          source: the picture, `[H, W, 3]`.

        Returns:
          `[Ht, Wt, 3]` of the same type.

        Raises:
          ValueError: if it is no picture, or has another size.
        """
        source = check_image("source", source)
        if source.shape[:2] != tuple(self.source_shape):
            raise ValueError(f"source must be {self.source_shape} px, got {source.shape[:2]}")
        rows = np.array_split(numpy_grid(self.target_shape), -(-self.target_shape[0] // 64))
        warped = [bilinear(source, bilinear(self.to_source, part)) for part in rows]  # for memory
        whole = np.concatenate(warped)
        return np.rint(whole).astype(np.uint8) if source.dtype == np.uint8 else whole

    def _normalized(self, points_px, back: bool) -> np.ndarray:
        height, width = self.target_shape if back else self.source_shape
        points_px = np.asarray(points_px, float)
        if points_px.ndim != 2 or points_px.shape[1] != 2:
            raise ValueError(f"points_px must have shape [K, 2], got {points_px.shape}")
        last = np.array([width, height]) - 1
        inside = ((points_px >= -SLACK_PX) & (points_px <= last + SLACK_PX)).all(-1)
        if not inside.all():
            row = int(np.argmin(inside))
            raise ValueError(
                f"points_px[{row}], {tuple(points_px[row].tolist())}, lies outside the "
                f"{width}x{height} pixels of the {'target' if back else 'source'}"
            )
        return 2 * points_px / np.maximum(last, 1) - 1


def _pixels(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return (points.astype(float) + 1) / 2 * (np.array(shape[::-1]) - 1)
