"""Rendering in other processes."""

from collections.abc import Callable, Iterator
from typing import Any


def in_processes(function: Callable, jobs: list[tuple], workers: int | None) -> Iterator[Any]:
    """Yields function(*job) for each job in its order; None workers are one per core.

    The processes start without a fork and do not run the caller's main module. The function goes
    to them by its name, so its module must be importable. One worker is this process.
    """
    from joblib import Parallel, cpu_count, delayed, parallel_config

    workers = max(1, min(workers or cpu_count(), len(jobs)))
    with parallel_config("loky", inner_max_num_threads=1):
        pool = Parallel(workers, return_as="generator", batch_size=1)
    yield from pool(delayed(function)(*job) for job in jobs)
