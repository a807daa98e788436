"""Which pictures meet in which step: a pure function of (step, seed), in NumPy alone.

Training can therefore start at any step, on any number of processes, and see the same pairs.
"""

from functools import lru_cache

import numpy as np


def pair_indices(
    step: int, *, batch_size: int, num_examples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the source and the target pictures of one global batch.

    Position p = step * batch_size + b lies in epoch e = p // n. With a permutation pi_e and a shift
    s_e in [1, n - 1], both drawn for that epoch, the source is pi_e(p mod n) and the target
    pi_e((p + s_e) mod n): no picture meets itself, and in each epoch each is source once and target
    once.

    Args:
      step: from 0.
      batch_size: pairs in the global batch.
      num_examples: n, at least 2.
      seed: 0 <= seed < 2**64.

    Returns:
      Two int64 arrays `[batch_size]`.
    """
    _at_least("step", step, 0)
    _at_least("batch_size", batch_size, 1)
    _at_least("num_examples", num_examples, 2)
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed is {seed}; it must be in [0, 2**64)")
    positions = step * batch_size + np.arange(batch_size)
    epochs, offsets = np.divmod(positions, num_examples)
    source, target = np.empty((2, batch_size), np.int64)
    for epoch in np.unique(epochs):
        order, shift = _epoch_order(seed, int(epoch), num_examples)
        here = epochs == epoch
        source[here] = order[offsets[here]]
        target[here] = order[(offsets[here] + shift) % num_examples]
    return source, target


def same_category_pairs(categories: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """Pairs of different pictures of one category, drawn at random, category by category in turn.

    Args:
      categories: `[num]`, of each picture; two pictures of each at least.
      count: number of pairs.
      seed: 0 <= seed < 2**64.

    Returns:
      int64 `[count, 2]`, source and target.
    """
    names, counts = np.unique(categories, return_counts=True)
    if counts.min() < 2:
        raise ValueError(f"category {names[counts.argmin()]} has one picture; a pair needs two")
    pairs = np.empty((count, 2), np.int64)
    for turn, name in enumerate(names):
        members, rows = np.flatnonzero(categories == name), np.arange(turn, count, len(names))
        random = np.random.default_rng([seed, turn])
        source = random.integers(len(members), size=len(rows))
        target = (source + random.integers(1, len(members), size=len(rows))) % len(members)
        pairs[rows] = members[np.stack([source, target], -1)]
    return pairs


def shard(indices: np.ndarray, shard_index: int, shard_count: int) -> np.ndarray:
    """One process's contiguous part of a global batch; the parts in order make up the batch.

    Example:
      >>> shard(np.arange(6), 1, 3).tolist()
      [2, 3]
    """
    _at_least("shard_count", shard_count, 1)
    if not 0 <= shard_index < shard_count:
        raise ValueError(f"shard_index is {shard_index}; it must be in [0, {shard_count})")
    if len(indices) % shard_count:
        raise ValueError(
            f"a batch of {len(indices)} does not divide into shard_count = {shard_count} parts"
        )
    return np.split(indices, shard_count)[shard_index]


@lru_cache(maxsize=4)
def _epoch_order(seed: int, epoch: int, num_examples: int) -> tuple[np.ndarray, int]:
    # Raw Philox bits are the same in every NumPy release; `Generator.permutation` may change.
    bits = np.random.Philox(key=np.array([seed, epoch], np.uint64))
    order = np.argsort(bits.random_raw(num_examples), kind="stable")
    shift = 1 + int(bits.random_raw()) % (num_examples - 1)
    order.setflags(write=False)
    return order, shift


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} is {value}; it must be at least {least}")
