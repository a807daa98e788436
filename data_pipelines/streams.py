"""Endless iterators of training pairs: the same examples in the same order from every source.

A stream yields `dict(source=uint8[b, S, S, 3], target=uint8[b, S, S, 3])` from any `start_step` on;
`b` is this process's part of the global batch. TensorFlow is imported when `tf_stream` is called.
"""

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np

from data_pipelines.sampling import pair_indices, shard
from data_pipelines.sources import PictureSource

Batch = dict[str, np.ndarray]


def memory_stream(
    images: np.ndarray,
    *,
    masks: np.ndarray | None = None,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    shard_index: int = 0,
    shard_count: int = 1,
) -> Iterator[Batch]:
    """Pairs of pictures that are held in memory.

    Args:
      images: uint8 `[num, S, S, 3]`, at least two.
      masks: bool `[num, S, S]` of what they show; the batches hold those of the sources as `mask`.
      batch_size: pairs in the global batch, over all processes.
      seed: of the order.
      start_step: the first batch is that of this step.
      shard_index, shard_count: this process, and the number of processes.

    Raises:
      ValueError: an argument out of its range, a batch that does not divide by `shard_count`.
    """
    indices = _indices_by_step(
        len(images),
        batch_size=batch_size,
        seed=seed,
        shard_index=shard_index,
        shard_count=shard_count,
    )
    indices(start_step)  # refuse bad arguments now, not at the first batch

    def batch(step: int) -> Batch:
        source, target = indices(step)
        found = {"source": images[source], "target": images[target]}
        return found if masks is None else found | {"mask": masks[source]}

    return map(batch, count(start_step))


def listed_stream(
    images: np.ndarray,
    pairs: np.ndarray,
    categories: np.ndarray,
    *,
    masks: np.ndarray | None = None,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    shard_index: int = 0,
    shard_count: int = 1,
) -> Iterator[Batch]:
    """Batches of listed pairs of pictures in memory, each pair once an epoch.

    Args:
      images: uint8 `[num, S, S, 3]`.
      pairs: int `[n, 2]`, rows of the source and the target pictures, at least two pairs.
      categories: int `[n]`, of each pair; the batches hold them as `category`.
      masks: as in `memory_stream`.
      batch_size, seed, start_step, shard_index, shard_count: as in `memory_stream`.

    Raises:
      ValueError: as `memory_stream`.
    """
    indices = _indices_by_step(
        len(pairs),
        batch_size=batch_size,
        seed=seed,
        shard_index=shard_index,
        shard_count=shard_count,
    )
    indices(start_step)  # refuse bad arguments now, not at the first batch

    def batch(step: int) -> Batch:
        rows = indices(step)[0]
        source, target = pairs[rows].T
        found = {"source": images[source], "target": images[target], "category": categories[rows]}
        return found if masks is None else found | {"mask": masks[source]}

    return map(batch, count(start_step))


def tf_stream(
    pictures: PictureSource,
    *,
    size: int,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    shard_index: int = 0,
    shard_count: int = 1,
    workers: int | None = None,
) -> Iterator[Batch]:
    """Pairs of pictures that are decoded as they are needed, by tf.data in `workers` threads.

    Equal to `memory_stream` of the same pictures up to one grey level (the two resizers round
    differently).

    Args:
      pictures: a folder's files (`folder.find_folder`) or other source, at least two.
      size: side S of the square pictures, pixels.
      batch_size, seed, start_step, shard_index, shard_count: as in `memory_stream`.
      workers: threads; None takes the number of cores.

    Raises:
      ValueError: as `memory_stream`.
      DataError: TensorFlow is not installed; while iterating, a picture that cannot be read.
    """
    indices = _indices_by_step(
        len(pictures.names),
        batch_size=batch_size,
        seed=seed,
        shard_index=shard_index,
        shard_count=shard_count,
    )
    pairs_per_step = indices(start_step).shape[1]
    from data_pipelines.tf_pictures import decoded_batches

    return decoded_batches(
        pictures,
        indices,
        start_step=start_step,
        pairs_per_step=pairs_per_step,
        size=size,
        workers=workers,
    )


def _indices_by_step(
    num_examples: int, *, batch_size: int, seed: int, shard_index: int, shard_count: int
) -> Callable[[int], np.ndarray]:
    """From a step to this process's int64 `[2, b]`: sources, then targets."""

    def indices(step: int) -> np.ndarray:
        pair = pair_indices(int(step), batch_size=batch_size, num_examples=num_examples, seed=seed)
        return np.stack([shard(side, shard_index, shard_count) for side in pair])

    return indices
