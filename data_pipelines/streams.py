"""Endless iterators of training pairs, the same examples in the same order from every source.

A stream yields `dict(source=uint8[b, S, S, 3], target=uint8[b, S, S, 3])` from any `start_step` on;
`b` is this process's part of the global batch. TensorFlow is imported when `tf_stream` is called.
"""

from collections.abc import Iterator
from itertools import count

import numpy as np

from data_pipelines.sampling import pair_indices, shard

Batch = dict[str, np.ndarray]


def memory_stream(
    images: np.ndarray,
    *,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    shard_index: int = 0,
    shard_count: int = 1,
) -> Iterator[Batch]:
    """Pairs of pictures that are held in memory.

    Args:
      images: uint8 `[num, S, S, 3]`, at least two.
      batch_size: pairs in the global batch, over all processes.
      seed: of the order.
      start_step: the first batch is that of this step.
      shard_index, shard_count: this process and the number of processes.
    """
    pairs = _index_pairs(
        len(images),
        batch_size=batch_size,
        seed=seed,
        start_step=start_step,
        shard_index=shard_index,
        shard_count=shard_count,
    )
    return ({"source": images[source], "target": images[target]} for source, target in pairs)


def _index_pairs(
    num_examples: int, *, batch_size, seed, start_step, shard_index, shard_count
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    def indices(step):
        pair = pair_indices(step, batch_size=batch_size, num_examples=num_examples, seed=seed)
        return tuple(shard(side, shard_index, shard_count) for side in pair)

    indices(start_step)  # refuse bad arguments now, not at the first batch
    return map(indices, count(start_step))
