"""Rendered things without eyes in the experiments: objects and rooms, with points that are seen."""

import functools
from collections.abc import Callable

import numpy as np

from experiments.common.data import Data, DataConfig, batches_in_memory
from experiments.measure.annotations import Evaluation

Arrays = Callable[..., dict[str, np.ndarray]]


def load(config: DataConfig, training: bool) -> Data:
    """Cars of `rendered_objects`, or `rendered_rooms`: fitted on validation, tested on test ones.

    Raises:
      DataError: numbers that cannot be.
    """
    arrays, read, noun = {
        "rendered_cars": (_cars, read_objects, "cars"),
        "rendered_rooms": (_rooms, read_rooms, "rooms"),
    }[config.name]
    arrays = functools.partial(arrays, size=config.image_size, cache_dir=config.cache)
    fit = read(arrays, "validation", config.fit_examples)
    images = fit.images
    if training:
        images = arrays("train", config.train_examples, fields=("image",))["image"]
    batches, preview = batches_in_memory(images)
    return Data(
        name=config.name,
        description=f"{config.train_examples:,} rendered {noun} (others are tested)",
        num_train=config.train_examples,
        batches=batches,
        preview=preview,
        fit=fit,
        test=read(arrays, "test", config.test_examples),
    )


def read_objects(arrays: Arrays, split: str, count: int) -> Evaluation:
    """Annotated pictures of `rendered_objects`; `arrays` is its `load_arrays` for some size."""
    from data_pipelines.rendered_objects import CATEGORIES

    fields = ("image", "category", "keypoints", "keypoint_valid", "visible", "box")
    found = arrays(split, count, fields=fields)
    low, high = np.split(found["box"], 2, axis=-1)
    return Evaluation(
        found["image"],
        found["keypoints"],
        boxes_px=found["box"],
        seen=found["visible"] & found["keypoint_valid"],
        categories=np.array(CATEGORIES)[found["category"]],
        lengths_px=(high - low).max(-1),
        normalizer="longest side of the true object box",
    )


def read_rooms(arrays: Arrays, split: str, count: int) -> Evaluation:
    """Annotated pictures of `rendered_rooms`; `arrays` is its `load_arrays` for some size."""
    found = arrays(split, count, fields=("image", "keypoints", "visible"))
    size = found["image"].shape[1]
    return Evaluation(
        found["image"],
        found["keypoints"],
        seen=found["visible"],
        categories=np.full(count, "room"),
        lengths_px=np.full(count, np.hypot(size, size)),
        normalizer="diagonal of the picture",
    )


def _cars(split: str, count: int, **options) -> dict[str, np.ndarray]:
    from data_pipelines.rendered_objects import load_arrays

    return load_arrays(split, count, categories=("car",), **options)


def _rooms(split: str, count: int, **options) -> dict[str, np.ndarray]:
    from data_pipelines.rendered_rooms import load_arrays

    return load_arrays(split, count, **options)
