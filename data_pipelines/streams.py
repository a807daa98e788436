"""Endless iterators of training pairs: the same examples in the same order from every source.

A stream yields `dict(source=uint8[b, S, S, 3], target=uint8[b, S, S, 3])` from any `start_step` on;
`b` is this process's part of the global batch. TensorFlow is imported where pictures are streamed.
"""

from collections.abc import Iterator
from itertools import count

import numpy as np

from c3jax.files.sources import OnDisk
from data_pipelines.sampling import pair_indices, shard

Batch = dict[str, np.ndarray]


def stream(
    images: np.ndarray | OnDisk,
    *,
    pairs: np.ndarray | None = None,
    categories: np.ndarray | None = None,
    masks: np.ndarray | None = None,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    shard_index: int = 0,
    shard_count: int = 1,
    workers: int | None = None,
) -> Iterator[Batch]:
    """Pairs of pictures: any two, or those of a list, each once an epoch.

    tf.data decodes what is on the disk as it is needed. That equals the same pictures in memory up
    to one grey level (the two resizers round differently).

    Args:
      images: uint8 `[num, S, S, 3]`, or pictures on the disk; at least two.
      pairs: int `[n, 2]`, rows of the source and the target pictures, at least two pairs; None
        draws any two.
      categories: int `[n]`, of each listed pair; the batches hold them as `category`.
      masks: bool `[num, S, S]` of what is shown; the batches hold those of the sources as `mask`.
      batch_size: pairs in the global batch, over all processes.
      seed: of the order.
      start_step: the first batch is that of this step.
      shard_index, shard_count: this process, and the number of processes.
      workers: threads that decode; None takes the number of cores.

    Raises:
      ValueError: an argument out of its range, a batch that does not divide by `shard_count`.
      DataError: TensorFlow is not installed; while iterating, a picture that cannot be read.
    """
    num_examples = len(images if pairs is None else pairs)

    def drawn(step: int) -> np.ndarray:
        """This process's int64 `[2, b]`, of which listed pairs take the first row alone."""
        both = pair_indices(step, batch_size=batch_size, num_examples=num_examples, seed=seed)
        return np.stack([shard(side, shard_index, shard_count) for side in both])

    def rows(step: int) -> np.ndarray:
        """Sources, then targets."""
        found = drawn(int(step))
        return found if pairs is None else pairs[found[0]].T.astype(np.int64)

    def annotated(step: int, batch: Batch) -> Batch:
        if categories is not None:
            batch["category"] = categories[drawn(step)[0]]
        if masks is not None:
            batch["mask"] = masks[rows(step)[0]]
        return batch

    pairs_per_step = rows(start_step).shape[1]  # refuse bad arguments now, not at the first batch
    if isinstance(images, OnDisk):
        from data_pipelines.tf_pictures import decoded_batches

        batches = decoded_batches(
            images, rows, start_step=start_step, pairs_per_step=pairs_per_step, workers=workers
        )
    else:
        found = map(rows, count(start_step))
        batches = ({"source": images[row[0]], "target": images[row[1]]} for row in found)
    return map(annotated, count(start_step), batches)
