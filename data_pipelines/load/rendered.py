"""The rendered data sets: faces, cars and rooms with landmarks, pairs of objects."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from c3jax.files.errors import DataError
from c3jax.files.pairs import Pairs, Side
from c3jax.files.tested import DenseTruth, Evaluation, TestPairs
from data_pipelines.load.config import AlignmentDataConfig, DataConfig
from data_pipelines.load.pictures import data_of
from data_pipelines.load.values import AlignmentData, Data, nothing_to_train_on
from data_pipelines.rendered import faces as rendered_faces
from data_pipelines.rendered import objects as rendered_objects
from data_pipelines.rendered import rooms as rendered_rooms
from data_pipelines.rendered.objects.pairs import pool_size
from data_pipelines.sampling import same_category_pairs

PAIRS_PER_PICTURE = 4  # training pairs drawn for each rendered picture
Arrays = Callable[..., dict[str, np.ndarray]]


def read_faces(arrays: Arrays, split: str, count: int) -> Evaluation:
    """Annotated pictures of `rendered_faces`; `arrays` is its `load_arrays` for some size."""
    fields = ("image", "keypoints", "box", "mask", "surface", "identity")
    image, keypoints, box, mask, surface, identity = arrays(split, count, fields=fields).values()
    thirds = np.array_split(np.argsort(np.abs(yaw(keypoints)), kind="stable"), 3)
    parts = dict(zip(("frontal", "turned", "most turned"), thirds, strict=True))
    return Evaluation(image, keypoints, box, mask, surface, persons=identity, parts=parts)


def yaw(points: np.ndarray) -> np.ndarray:
    """How far noses are from the middle of the eyes, along their line, over their distance `[n]`.

    Args:
      points: left eye, right eye, nose and others, `[n, P, 2]`.
    """
    left, right, nose = points[:, 0], points[:, 1], points[:, 2]
    between = right - left
    return ((nose - (left + right) / 2) * between).sum(-1) / np.square(between).sum(-1)


def read_objects(arrays: Arrays, split: str, count: int) -> Evaluation:
    """Annotated pictures of `rendered_objects`; `arrays` is its `load_arrays` for some size."""
    fields = ("image", "category", "keypoints", "keypoint_valid", "visible", "box")
    found = arrays(split, count, fields=fields)
    low, high = np.split(found["box"], 2, axis=-1)
    return Evaluation(
        found["image"],
        found["keypoints"],
        boxes_px=found["box"],
        seen=found["visible"] & found["keypoint_valid"],
        categories=np.array(rendered_objects.CATEGORIES)[found["category"]],
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


# The arrays, what makes annotated pictures of them, and who is tested.
_CARS = functools.partial(rendered_objects.load_arrays, categories=("car",))
LANDMARKS: dict[str, tuple[Arrays, Callable[[Arrays, str, int], Evaluation], str]] = {
    "rendered_faces": (rendered_faces.load_arrays, read_faces, "other identities"),
    "rendered_cars": (_CARS, read_objects, "others"),
    "rendered_rooms": (rendered_rooms.load_arrays, read_rooms, "others"),
}


def landmarks(config: DataConfig, training: bool) -> Data:
    """Faces, cars or rooms: some to train on, others to fit and to test on."""
    arrays, read, tested = LANDMARKS[config.name]
    arrays = functools.partial(arrays, size=config.image_size, cache_dir=config.cache)
    fields = ("image", "mask") if read is read_faces else ("image",)
    train = arrays("train", config.train_examples, fields=fields) if training else {}
    fit = read(arrays, "validation", config.fit_examples)
    return data_of(
        config,
        train.get("image", fit.images),
        f"{config.train_examples:,} {config.name.replace('_', ' ')} ({tested} are tested)",
        masks=train.get("mask"),
        num_train=config.train_examples,
        kept_back=fit.images,
        fit=fit,
        test=read(arrays, "test", config.test_examples),
    )


def objects(config: AlignmentDataConfig, training: bool) -> AlignmentData:
    """Pairs within each category but one, which is tested apart."""
    every = rendered_objects.CATEGORIES
    if config.held_out not in every:
        raise DataError(
            f"--data.held-out {config.held_out} is none of the categories {', '.join(every)}"
        )
    seen, count = _seen_categories(config), config.train_examples
    where: Any = {"size": config.image_size, "cache_dir": config.cache}
    columns: dict[str, Any] = nothing_to_train_on(config.image_size)
    if training:
        found = rendered_objects.load_arrays(
            "train", count, categories=seen, fields=("image", "category", "mask"), **where
        )
        pairs = same_category_pairs(found["category"], PAIRS_PER_PICTURE * count, seed=0)
        columns = {"images": found["image"], "masks": found["mask"], "pairs": pairs}
        columns["categories"] = found["category"][pairs[:, 0]]

    def test(count: int, of: tuple[str, ...]) -> TestPairs:
        found = rendered_objects.load_pairs(config.tested, count, categories=of, **where)
        return _test_pairs(found)

    to_choose_by = {"validation": ", validation", "test": ""}[config.tested]
    apart = f"held-out category ({config.held_out}){to_choose_by}"
    return AlignmentData(
        name=config.name,
        description=f"{count:,} rendered pictures of {', '.join(seen)}",
        tests={
            f"seen categories{to_choose_by}": test(config.test_pairs, seen),
            apart: test(max(1, config.test_pairs // 3), (config.held_out,)),
        },
        **columns,
    )


def load_objects(
    config: DataConfig | AlignmentDataConfig,
) -> tuple[Evaluation, Evaluation] | None:
    """The objects of rendered pairs with their key points, of training and of the test pairs.

    None of other data.
    """
    if config.name != "rendered_objects" or not isinstance(config, AlignmentDataConfig):
        return None
    seen = _seen_categories(config)
    where: Any = {"categories": seen, "size": config.image_size, "cache_dir": config.cache}
    arrays = functools.partial(rendered_objects.load_arrays, **where)
    return (
        read_objects(arrays, "train", config.train_examples),
        read_objects(arrays, config.tested, pool_size(config.test_pairs, seen)),
    )


def _seen_categories(config: AlignmentDataConfig) -> tuple[str, ...]:
    return tuple(name for name in rendered_objects.CATEGORIES if name != config.held_out)


def _test_pairs(found: dict[str, np.ndarray]) -> TestPairs:
    """Test pairs of the arrays of `rendered_objects.load_pairs`; pairs without points are left out.

    A picture that occurs in several pairs is kept once.
    """
    usable = found["keypoint_valid"].any(-1)
    found = {name: values[usable] for name, values in found.items()}
    ends = np.stack([found["source_index"], found["target_index"]])
    _, first, rows = np.unique(ends, return_index=True, return_inverse=True)
    pictures = np.concatenate([found["source"], found["target"]])
    size, valid = pictures.shape[1], found["keypoint_valid"]

    def side(name: str, index: np.ndarray) -> Side:
        points = found[f"{name}_keypoints"].astype(np.float32)
        return Side(
            files=tuple(Path(f"rendered_objects/{number}") for number in index),
            sizes=np.full((len(index), 2), size),
            numbers=index,
            points_px=tuple(p[v] for p, v in zip(points, valid, strict=True)),
            boxes_px=found[f"{name}_box"].astype(np.float32),
        )

    categories = tuple(rendered_objects.CATEGORIES[number] for number in found["category"])
    sides = side("source", ends[0]), side("target", ends[1])
    pairs = Pairs("rendered_objects", *sides, np.zeros(len(categories), bool), categories)
    dense = DenseTruth(found["correspondence"], found["on_object"], found["visible"])
    source, target = rows.reshape(ends.shape)
    return TestPairs(pairs, pictures[first], source, target, dense)
