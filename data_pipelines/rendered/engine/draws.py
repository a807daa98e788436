"""Random numbers of every rendered data set: streams, parameters, choices, colours, light, film."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.random import Generator

from c3jax.files.errors import DataError

SPLITS = ("train", "validation", "test")


def check(split: str, index: int, size: int):
    """Refuses an unknown split, a negative index and a size below 16 pixels."""
    if split not in SPLITS:
        raise DataError(f"split: expected one of {SPLITS}, got {split!r}")
    if index < 0 or size < 16:
        raise DataError(f"expected index >= 0 and size >= 16, got index {index}, size {size}")


def stream_of(streams: Sequence[str], seed: int, split: str, name: str, *key: int) -> Generator:
    """The random numbers of one of some streams, for a key of integers of 0 or more."""
    entropy = (seed, SPLITS.index(split), streams.index(name), *key)
    return Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


class Drawn(SimpleNamespace):
    """Named parameters whose arrays are float32; what makes one draws them in their order."""

    def __init__(self, **values: Any):
        arrays = {n: v.astype(np.float32) for n, v in values.items() if isinstance(v, np.ndarray)}
        super().__init__(**values | arrays)


def weighted(rng: Generator, chances: Sequence[float]) -> int:
    """A position, with chances that need not add to 1."""
    return int(rng.choice(len(chances), p=np.array(chances) / np.sum(chances)))


def pick(rng: Generator, chances: dict[str, float]) -> str:
    """A key of a dictionary of chances."""
    return list(chances)[weighted(rng, list(chances.values()))]


def positive(rng: Generator, mean: float, deviation: float) -> float:
    """A normal number, or 0 in place of a negative one."""
    return max(0.0, float(rng.normal(mean, deviation)))


def any_colour(rng: Generator, low: float = 0.05, high: float = 0.95) -> np.ndarray:
    """Any colour, mostly near grey, seldom violet [3]."""
    value, chroma, hue = rng.uniform(low, high), rng.beta(1.0, 2.6), rng.uniform(-0.1, 0.75)
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (hue - np.array([0, 1 / 3, 2 / 3])))
    return (value * (1 - chroma * (1 - wheel))).astype(np.float32)


def draw_light(rng: Generator, bright: float = 1.0) -> Drawn:
    """A lamp in front, from a side or above, the light of the sky, and a rim.

    `bright` scales lamp and sky.
    """
    azimuth, height = rng.uniform(-1.3, 1.3), rng.uniform(-0.25, 1.0)
    direction = [np.sin(azimuth) * np.cos(height), np.sin(height), np.cos(azimuth) * np.cos(height)]
    warm = rng.normal(0, 0.06)
    return Drawn(
        key=np.array(direction),  # the way to the lamp [3]
        key_colour=bright * (rng.uniform(0.45, 1.0) * np.array([1 + warm, 1, 1 - warm])),
        ambient=bright * (rng.uniform(0.16, 0.5) * (1 + rng.normal(0, 0.08, 3))),  # of the sky
        rim=positive(rng, 0, 0.35),
        shine=rng.uniform(0.02, 0.16),
    )


def draw_film(rng: Generator) -> Drawn:
    """Blur, noise, contrast and tint of one picture."""
    return Drawn(
        blur=positive(rng, 0.15, 0.25),  # pixels of a picture of 64
        noise=abs(rng.normal(0, 0.012)),
        contrast=float(np.exp(rng.normal(0, 0.1))),
        tint=1 + rng.normal(0, 0.03, 3),
    )
