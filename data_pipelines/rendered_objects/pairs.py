"""Pairs of different objects of one category, with their dense true correspondence."""

import functools

import numpy as np

from data_pipelines.errors import DataError
from data_pipelines.rendered_objects.arrays import folder_name, load_arrays
from data_pipelines.rendered_objects.catalogue import CATEGORIES
from data_pipelines.rendered_objects.correspondence import dense_correspondence
from data_pipelines.rendered_objects.parameters import pair_generator
from data_pipelines.rendered_objects.renderer import category_of, checked, geometry, posed
from data_pipelines.rendering.arrays import Stock, load

POOL_FIELDS = ("image", "category", "keypoints", "keypoint_valid", "visible", "box", "mask")
DENSE_FIELDS = ("correspondence", "on_object", "visible")
SIDED = ("keypoints", "box", "mask")  # fields of the source and of the target


def pool_size(count, categories):
    """About `count` pictures: as many of each category, at least two."""
    return len(categories) * max(2, -(-count // len(categories)))


def pair_indices(split, count, seed, categories):
    """Source and target [count]: two pictures of one category; the categories take turns.

    Every picture of the pool is a source before one is for the second time.
    """
    num, members = len(categories), pool_size(count, categories) // len(categories)
    pairs = np.empty((count, 2), np.int64)
    for position, category in enumerate(categories):
        rng = pair_generator(seed, split, category)
        wanted = len(range(position, count, num))
        rounds = [rng.permutation(members) for _ in range(1 + wanted // members)]
        source = np.concatenate(rounds)[:wanted]
        target = (source + rng.integers(1, members, wanted)) % members
        pairs[position::num] = np.stack([source, target], -1) * num + position
    return pairs.T


def render_pairs(split, count, size, seed, categories, fields, numbers):
    """Dense correspondence of some of the `count` pairs, stacked."""
    source, target = pair_indices(split, count, seed, categories)[:, list(numbers)]
    found = {name: [] for name in fields}
    for pair in zip(source, target, strict=True):
        shown = []
        for index in pair:
            category = category_of(index, categories)
            shown.append(
                geometry(posed(split, index, seed, category), size)
                | {"category": CATEGORIES.index(category)}
            )
        for name, value in zip(DENSE_FIELDS, dense_correspondence(*shown), strict=True):
            if name in found:
                found[name].append(value)
    return {name: np.stack(values) for name, values in found.items()}


def dense_stock(split, count, size, seed, categories):
    """Correspondence of all pairs."""
    specs = {
        "correspondence": ((size, size, 2), np.float32),
        "on_object": ((size, size), np.bool_),
        "visible": ((size, size), np.bool_),
    }
    render = functools.partial(render_pairs, split, count, size, seed, tuple(categories))
    return Stock("pairs", f"{split} pairs of {size} px", render, specs, DENSE_FIELDS)


def load_pairs(
    split,
    count,
    *,
    size=64,
    seed=0,
    categories=CATEGORIES,
    cache_dir=None,
    workers=None,
    progress=True,
    dense=True,
):
    """Pairs of pictures of different objects of one category.

    The pictures come from a pool of about `count`, the first of `load_arrays`, so that each
    occurs about twice.

    Args:
      split: 'train', 'validation' or 'test'.
      count: number of pairs, at least 1; the categories take turns.
      size: width and height in pixels.
      seed: another seed is another population.
      categories: names, some of CATEGORIES.
      cache_dir: folder that holds the folders of files; None keeps nothing.
      workers: processes; None is one per core.
      progress: show rate and time left on standard error.
      dense: with the three dense fields.

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
    checked(split, 0, size, categories)
    if count < 1:
        raise DataError(f"expected count >= 1, got count {count}")
    options = {"cache_dir": cache_dir, "workers": workers, "progress": progress}
    number = pool_size(count, categories)
    pool = load_arrays(
        split, number, size=size, seed=seed, categories=categories, fields=POOL_FIELDS, **options
    )
    source, target = pair_indices(split, count, seed, categories)
    pairs = {"source_index": source, "target_index": target, "category": pool["category"][source]}
    pairs |= {"source": pool["image"][source], "target": pool["image"][target]}
    for name in SIDED:
        pairs |= {f"source_{name}": pool[name][source], f"target_{name}": pool[name][target]}
    pairs["keypoint_valid"] = pool["visible"][source] & pool["visible"][target]
    if dense:
        name = folder_name("rendered_object_pairs", split, count, size, seed, categories)
        stock = dense_stock(split, count, size, seed, categories)
        pairs |= load(stock, count, folder_name=name, **options)
    return pairs
