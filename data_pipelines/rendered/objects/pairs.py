"""Pairs of different objects of one category, with their dense true correspondence."""

import functools
from collections.abc import Sequence

import numpy as np

from data_pipelines.rendered.objects.catalogue import CATEGORIES
from data_pipelines.rendered.objects.correspondence import dense_correspondence
from data_pipelines.rendered.objects.parameters import generator
from data_pipelines.rendered.objects.renderer import geometry, posed


def pool_size(count: int, categories: Sequence[str]) -> int:
    """About `count` pictures: as many of each category, at least two."""
    return len(categories) * max(2, -(-count // len(categories)))


@functools.cache
def pair_indices(split: str, count: int, seed: int, categories: tuple[str, ...]) -> np.ndarray:
    """Source and target [2, count]: two pictures of one category; the categories take turns.

    Every picture of the pool is a source before one is for the second time.
    """
    num, members = len(categories), pool_size(count, categories) // len(categories)
    pairs = np.empty((count, 2), np.int64)
    for position, category in enumerate(categories):
        rng = generator(seed, split, category, 0, "pairs")
        wanted = len(range(position, count, num))
        rounds = [rng.permutation(members) for _ in range(1 + wanted // members)]
        source = np.concatenate(rounds)[:wanted]
        target = (source + rng.integers(1, members, wanted)) % members
        pairs[position::num] = np.stack([source, target], -1) * num + position
    return pairs.T


def render_pair(
    split: str, index: int, *, size: int, seed: int, count: int, categories: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Dense correspondence of pair `index` of `count` pairs, by field."""
    shown = []
    for picture in pair_indices(split, count, seed, categories)[:, index]:
        thing = posed(split, picture, seed, categories)
        shown.append(geometry(thing, size) | {"category": CATEGORIES.index(thing.category)})
    points, on_object, visible = dense_correspondence(*shown)
    return {"correspondence": points, "on_object": on_object, "visible": visible}
