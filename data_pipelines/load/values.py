"""What is loaded: batches to train on, annotated pictures and pairs to fit and test on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from data_pipelines.pairs import Pairs
from data_pipelines.streams import stream

NUM_PREVIEW = 64
Batches = Callable[..., Iterator[dict[str, np.ndarray]]]


@dataclass(frozen=True)
class Evaluation:
    """Annotated pictures; points in pixels of the square picture, centres at integers.

    images: uint8 `[n, S, S, 3]`; keypoints_px: `[n, P, 2]`; boxes_px: `[n, 4]` or None; masks:
    bool `[n, S, S]` or None; surfaces: `[n, S, S, 3]` or None; eyes: the two points of the
    normaliser; persons: `[n]`, who is shown, or None; stretch: `[n]`, how many times longer x is
    against y than in the originals, or None where no picture is distorted; parts: rows of subsets
    that are measured as well.

    Pictures of things without eyes also have seen: bool `[n, P]`, the points that count;
    categories: names `[n]`; lengths_px: `[n]`, the normaliser; normalizer: what that is.
    """

    images: np.ndarray
    keypoints_px: np.ndarray
    boxes_px: np.ndarray | None = None
    masks: np.ndarray | None = None
    surfaces: np.ndarray | None = None
    eyes: tuple[int, int] = (0, 1)
    persons: np.ndarray | None = None
    stretch: np.ndarray | None = None
    parts: Mapping[str, slice | np.ndarray] = field(default_factory=dict)
    seen: np.ndarray | None = None
    categories: np.ndarray | None = None
    lengths_px: np.ndarray | None = None
    normalizer: str = "inter-ocular distance"

    def __len__(self) -> int:
        return len(self.images)

    def select(self, rows) -> "Evaluation":
        """Some of the pictures, without parts."""
        columns = {n: each for n, each in vars(self).items() if isinstance(each, np.ndarray)}
        return replace(self, **{n: each[rows] for n, each in columns.items()}, parts={})

    def counted(self) -> np.ndarray:
        """Which points count, bool `[n, P]`: those that are seen, else all."""
        every = np.ones(np.shape(self.keypoints_px)[:2], bool)
        return every if self.seen is None else self.seen


@dataclass(frozen=True)
class Data:
    """A training stream and, where there are annotations, what to fit and test on.

    name, description: for people; batches(batch_size=, seed=, start_step=): endless batches of
    `source`, `target` and, of rendered faces, the sources' `mask`, or this process's part of them
    (options of `streams.stream`); preview: some training pictures, uint8; num_train: pictures to
    train on; validation: faces of the fitting list that the protocol keeps back; kept_back: those
    of a folder, or rendered, that are not trained on, uint8 `[n, S, S, 3]`, or None.
    """

    name: str
    description: str
    num_train: int
    batches: Batches
    preview: np.ndarray
    fit: Evaluation | None = None
    test: Evaluation | None = None
    validation: Evaluation | None = None
    kept_back: np.ndarray | None = None


@dataclass(frozen=True)
class DenseTruth:
    """The true correspondence of pairs, from source pixels to target pixels.

    points_px: float `[n, S, S, 2]`; on_object, visible: bool `[n, S, S]` (`visible` in the target).
    """

    points_px: np.ndarray
    on_object: np.ndarray
    visible: np.ndarray


@dataclass(frozen=True)
class TestPairs:
    """Annotated pairs, and their pictures squashed to squares.

    images: uint8 `[m, S, S, 3]`; source, target: the rows of each pair's pictures, `[n]`.
    """

    pairs: Pairs
    images: np.ndarray
    source: np.ndarray
    target: np.ndarray
    dense: DenseTruth | None = None

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True)
class AlignmentData:
    """What an alignment experiment works on.

    images: uint8 `[num, S, S, 3]`, or pictures that are indexed as such and read when they are
    asked for; pairs: `[n, 2]` rows of them; categories: int `[n]`; tests: by name, the first is
    the one that counts; masks: bool `[num, S, S]` of the objects, or None; others: the pictures
    that synthetic pairs are made of in the pre-training, if not these.
    """

    name: str
    description: str
    images: Any
    pairs: np.ndarray
    categories: np.ndarray
    tests: dict[str, TestPairs]
    masks: np.ndarray | None = None
    others: "AlignmentData | None" = None

    @property
    def to_warp(self) -> "AlignmentData":
        """What synthetic pairs are made of in the pre-training."""
        return self.others or self

    @property
    def num_train(self) -> int:
        """Pairs to train on."""
        return len(self.pairs)

    def batches(self, **options: Any) -> Iterator[dict[str, np.ndarray]]:
        """Endless batches of `source`, `target` and `category`; options of `streams.stream`."""
        columns = {"pairs": self.pairs, "categories": self.categories, "masks": self.masks}
        return stream(self.images, **(columns | options))


def nothing_to_train_on(size: int) -> dict[str, np.ndarray]:
    """The columns of `AlignmentData` where there is no training."""
    images = np.empty((0, size, size, 3), np.uint8)
    return {"images": images, "pairs": np.empty((0, 2), int), "categories": np.empty(0, int)}
