"""Pictures of a data set for what is fitted after training."""

from typing import Any

import numpy as np

from data_pipelines.load.values import AlignmentData, Data

WARPED, KNOWN = 100, 400  # pictures at most: that were not trained on, and training ones


def kept_back(data: Data | AlignmentData) -> np.ndarray | None:
    """Pictures that were not trained on: kept back, of the validation, else of the test."""
    if isinstance(data, AlignmentData):
        every = [test.images for test in data.tests.values()]
    else:
        held = [each.images for each in (data.validation, data.test) if each is not None]
        every = held if data.kept_back is None else [data.kept_back]
    return spread_out(every[0], WARPED) if every else None


def known_pictures(data: Data | AlignmentData) -> np.ndarray:
    """Some of the training pictures."""
    if isinstance(data, AlignmentData):
        return spread_out(data.images, KNOWN)
    return next(data.batches(batch_size=min(KNOWN, data.num_train), seed=0))["source"]


def spread_out(images: Any, count: int) -> np.ndarray:
    """At most so many of the pictures, from the first to the last."""
    rows = np.linspace(0, len(images) - 1, min(count, len(images))).round().astype(int)
    return images[rows]
