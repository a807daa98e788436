"""Work in threads beside the caller: a few items ahead of it, or a few behind."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
THREADS = min(4, os.cpu_count() or 1)  # each holds a picture, which may be large


def ahead(function: Callable[[Any], T], items: Iterable, *, threads: int = THREADS) -> Iterator[T]:
    """What a function gives for each item, in order; the next few are worked on meanwhile.

    >>> list(ahead(str, [1, 2, 3]))
    ['1', '2', '3']
    """
    waiting: deque[Future] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def behind(function: Callable[..., Any]) -> Iterator[Callable[..., None]]:
    """The function, called in threads. What it raises comes from a later call, or at the end."""
    waiting: deque[Future] = deque()
    with ThreadPoolExecutor(THREADS) as pool:

        def call(*arguments: Any) -> None:
            waiting.append(pool.submit(function, *arguments))
            if len(waiting) > THREADS:
                waiting.popleft().result()

        yield call
        while waiting:
            waiting.popleft().result()
