"""Random numbers of every rendered data set: streams, parameters, choices, colours, light, film."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.random import Generator

from data_pipelines.errors import DataError

SPLITS = ("train", "validation", "test")

Kind = TypeVar("Kind")


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


class Single:
    """Parameters whose arrays are float32."""

    def __post_init__(self):
        for name, value in list(vars(self).items()):
            if isinstance(value, np.ndarray):
                object.__setattr__(self, name, value.astype(np.float32))


def sampled(draw: Callable, *arguments: Any) -> Any:
    """A field of a dataclass whose value is draw(rng, *arguments)."""
    return dataclasses.field(metadata={"draw": draw, "arguments": arguments})


def uniform(*arguments: Any) -> Any:
    """A field that is drawn evenly between low and high."""
    return sampled(Generator.uniform, *arguments)


def normal(*arguments: Any) -> Any:
    """A field that is drawn from a normal distribution with a mean and a deviation."""
    return sampled(Generator.normal, *arguments)


def degrees(low: float = 0, high: float = 0) -> Any:
    """A field in radians that is drawn evenly between two angles in degrees."""
    return sampled(lambda rng, low, high: np.radians(rng.uniform(low, high)), low, high)


def drawn(rng: Generator, kind: type[Kind], **given: Any) -> Kind:
    """A `kind` whose sampled fields are drawn one after the other.

    `given` holds values of the fields that are not sampled, and tuples of other arguments for
    those that are.
    """
    values = dict(given)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if "draw" in field.metadata:
            arguments = given.get(field.name, field.metadata["arguments"])
            values[field.name] = field.metadata["draw"](rng, *arguments)
    return kind(**values)


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


@dataclass(frozen=True)
class Light(Single):
    """A lamp in front, from a side or above, the light of the sky, and a rim."""

    key: np.ndarray  # the way to the lamp [3]
    key_colour: np.ndarray  # [3]
    ambient: np.ndarray  # colour of the sky [3]
    rim: float
    shine: float


def draw_light(rng: Generator, bright: float = 1.0) -> Light:
    """The light of one picture; `bright` scales lamp and sky."""
    azimuth, height = rng.uniform(-1.3, 1.3), rng.uniform(-0.25, 1.0)
    direction = [np.sin(azimuth) * np.cos(height), np.sin(height), np.cos(azimuth) * np.cos(height)]
    warm = rng.normal(0, 0.06)
    return Light(
        key=np.array(direction),
        key_colour=bright * (rng.uniform(0.45, 1.0) * np.array([1 + warm, 1, 1 - warm])),
        ambient=bright * (rng.uniform(0.16, 0.5) * (1 + rng.normal(0, 0.08, 3))),
        rim=positive(rng, 0, 0.35),
        shine=float(rng.uniform(0.02, 0.16)),
    )


@dataclass(frozen=True)
class Film(Single):
    """Blur, noise, contrast and tint of one picture."""

    blur: float = sampled(positive, 0.15, 0.25)  # pixels of a picture of 64
    noise: float = sampled(lambda rng: abs(rng.normal(0, 0.012)))
    contrast: float = sampled(lambda rng: float(np.exp(rng.normal(0, 0.1))))
    tint: np.ndarray = sampled(lambda rng: 1 + rng.normal(0, 0.03, 3))  # [3]
