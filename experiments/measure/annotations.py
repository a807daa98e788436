"""Annotated pictures: what landmarks are fitted and tested on."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from c3jax import metrics

ARRAYS = (
    "images", "keypoints_px", "boxes_px", "masks", "surfaces", "stretch", "seen", "categories",
    "lengths_px",
)  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """Annotated pictures; points in pixels of the square picture, centres at integers.

    images: uint8 `[n, S, S, 3]`; keypoints_px: `[n, P, 2]`; boxes_px: `[n, 4]` or None; masks:
    bool `[n, S, S]` or None; surfaces: `[n, S, S, 3]` or None; eyes: the two points of the
    normaliser; stretch: `[n]`, how many times longer x is against y than in the originals, or None
    where no picture is distorted; parts: rows of subsets that are measured as well.

    Pictures of things without eyes also have seen: bool `[n, P]`, the points that count;
    categories: names `[n]`; lengths_px: `[n]`, the normaliser; normalizer: what that is.
    """

    images: np.ndarray
    keypoints_px: np.ndarray
    boxes_px: np.ndarray | None = None
    masks: np.ndarray | None = None
    surfaces: np.ndarray | None = None
    eyes: tuple[int, int] = (0, 1)
    stretch: np.ndarray | None = None
    parts: Mapping[str, slice] = field(default_factory=dict)
    seen: np.ndarray | None = None
    categories: np.ndarray | None = None
    lengths_px: np.ndarray | None = None
    normalizer: str = "inter-ocular distance"

    def __len__(self) -> int:
        return len(self.images)

    def select(self, rows) -> "Evaluation":
        """Some of the pictures, without parts."""
        given: dict[str, Any] = {name: getattr(self, name) for name in ARRAYS}
        chosen = {name: each[rows] for name, each in given.items() if each is not None}
        return dataclasses.replace(self, **chosen, parts={})

    def counted(self) -> np.ndarray:
        """Which points count, bool `[n, P]`: those that are seen, else all."""
        every = np.ones(np.shape(self.keypoints_px)[:2], bool)
        return every if self.seen is None else self.seen

    def unit_px(self) -> np.ndarray:
        """The normaliser of each picture `[n]`: a length of its own, else between the eyes."""
        if self.lengths_px is not None:
            return np.asarray(self.lengths_px)
        return np.asarray(
            metrics.inter_ocular_distance(jnp.asarray(self.keypoints_px), eyes=self.eyes)
        )
