"""What is loaded: batches to train on, beside what is fitted and tested."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from c3jax.files.tested import Evaluation, TestPairs
from data_pipelines.streams import stream

NUM_PREVIEW = 64
Batches = Callable[..., Iterator[dict[str, np.ndarray]]]


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
