"""Rendered three-dimensional objects of several categories, with true correspondence."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from c3jax.files.errors import DataError
from data_pipelines.rendered.engine.arrays import Arrays, Scene, load
from data_pipelines.rendered.objects import pairs, renderer
from data_pipelines.rendered.objects.catalogue import CATEGORIES, KEYPOINT_NAMES, NUM_KEYPOINTS
from data_pipelines.rendered.objects.pairs import dense_correspondence
from data_pipelines.rendered.objects.renderer import render_object

__all__ = [
    "CATEGORIES",
    "KEYPOINT_NAMES",
    "dense_correspondence",
    "load_arrays",
    "load_pairs",
    "pair_scene",
    "render_object",
    "scene_of",
]

POOL_FIELDS = ("image", "category", "keypoints", "keypoint_valid", "visible", "box", "mask")
# Fields of the source and of the target, and how their names go on.
SIDED = {"image": "", "keypoints": "_keypoints", "box": "_box", "mask": "_mask"}


def scene_of(categories: Sequence[str]) -> Scene:
    """Objects of some categories, which take turns."""
    categories = renderer.checked(categories)
    return Scene(
        name="rendered_objects",
        noun="objects",
        package=__name__,
        render=functools.partial(render_object, categories=categories),
        fields={
            "image": ((None, None, 3), np.uint8),
            "category": ((), np.int64),
            "keypoints": ((NUM_KEYPOINTS, 2), np.float32),
            "keypoint_valid": ((NUM_KEYPOINTS,), np.bool_),
            "visible": ((NUM_KEYPOINTS,), np.bool_),
            "box": ((4,), np.float32),
            "mask": ((None, None), np.bool_),
            "surface": ((None, None, 3), np.float32),
            "depth": ((None, None), np.float32),
        },
        variant="all" if categories == CATEGORIES else "+".join(categories),
    )


def pair_scene(categories: Sequence[str], count: int) -> Scene:
    """The dense correspondence of `count` pairs of objects of some categories."""
    return dataclasses.replace(
        scene_of(categories),
        name="rendered_object_pairs",
        noun="pairs",
        render=functools.partial(pairs.render_pair, count=count, categories=tuple(categories)),
        fields={
            "correspondence": ((None, None, 2), np.float32),
            "on_object": ((None, None), np.bool_),
            "visible": ((None, None), np.bool_),
        },
    )


def load_arrays(
    split: str, count: int, *, categories: Sequence[str] = CATEGORIES, **options: Any
) -> Arrays:
    """Arrays [count, ...] of the fields of `render_object`, all but `vertices_px`.

    The categories take turns; options: see `engine.arrays.load`.
    """
    return load(scene_of(categories), split, count, **options)


def load_pairs(
    split: str,
    count: int,
    *,
    categories: Sequence[str] = CATEGORIES,
    dense: bool = True,
    **options: Any,
) -> Arrays:
    """Pairs of pictures of different objects of one category.

    The pictures come from a pool of about `count`, the first of `load_arrays`, so that each
    occurs about twice.

    Args:
      split: 'train', 'validation' or 'test'.
      count: number of pairs, at least 1; the categories take turns.
      categories: names, some of CATEGORIES.
      dense: with the three dense fields.
      **options: see `engine.arrays.load`; all but `fields`.

    Returns:
      Arrays [count, ...]: `source_index`, `target_index` (of `render_object` with these
      categories), `category`, `source`, `target` (pictures), `source_keypoints`,
      `target_keypoints`, `keypoint_valid` (seen in both), `source_box`, `target_box`,
      `source_mask`, `target_mask`; dense: `correspondence` [count, S, S, 2], `on_object`,
      `visible`, as `dense_correspondence` returns them.

    Raises:
      DataError: for a count below 1, or an unknown category or split.
      OSError: names the file or folder that cannot be written.
    """
    categories = renderer.checked(categories)
    if count < 1:
        raise DataError(f"expected count >= 1, got count {count}")
    number = pairs.pool_size(count, categories)
    pool = load_arrays(split, number, categories=categories, fields=POOL_FIELDS, **options)
    source, target = pairs.pair_indices(split, count, options.get("seed", 0), categories)
    found = {"source_index": source, "target_index": target, "category": pool["category"][source]}
    for field, name in SIDED.items():
        found |= {f"source{name}": pool[field][source], f"target{name}": pool[field][target]}
    found["keypoint_valid"] = pool["visible"][source] & pool["visible"][target]
    if dense:
        found |= load(pair_scene(categories, count), split, count, **options)
    return found
