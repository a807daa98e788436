"""What is drawn at random for each picture: shape, look, view."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine import draws
from data_pipelines.rendered.engine.draws import Film, Light, Single
from data_pipelines.rendered.objects.catalogue import CATEGORIES, MODULES

STREAMS = ("shape", "look", "view", "background", "film", "pairs")
PATTERNS = {"plain": 0.45, "cloud": 0.25, "stripes": 0.15, "spots": 0.15}
YAW = np.radians(20)  # half the range around three quarters
FILL = 0.7, 0.95  # longest side of the object's box, in shares of the picture
BORDER = 0.02
BRIGHT = 1.3  # more light than on faces
COATS = np.array(
    [[0.93, 0.9, 0.85], [0.75, 0.6, 0.42], [0.55, 0.36, 0.2], [0.35, 0.22, 0.14],
     [0.12, 0.1, 0.09], [0.5, 0.49, 0.48], [0.72, 0.45, 0.22]]
)  # fmt: skip


def generator(seed: int, split: str, category: str, index: int, stream: str) -> Generator:
    """The random numbers of one stream of one picture."""
    return draws.stream_of(STREAMS, seed, split, stream, CATEGORIES.index(category), index)


def draw_shape(category: str, rng: Generator) -> Any:
    """The `Shape` of one object of a category."""
    return MODULES[category].Shape.draw(rng)


def _unit_vector(rng: Generator) -> np.ndarray:
    v = rng.normal(size=3)
    return (v / np.linalg.norm(v)).astype(np.float32)


@dataclass(frozen=True)
class Pattern:
    """A second colour over the first one."""

    kind: str = draws.sampled(draws.pick, PATTERNS)
    colour: np.ndarray = draws.sampled(lambda rng: draws.any_colour(rng) ** 2)  # linear [3]
    amount: float = draws.uniform(0.15, 0.9)
    axis: np.ndarray = draws.sampled(_unit_vector)  # across the stripes [3]
    pitch: float = draws.uniform(4, 16)  # stripes or spots along the diagonal
    place: np.ndarray = draws.uniform(0, 256, 2)  # cell of the noise texture


@dataclass(frozen=True)
class Look:
    """Linear colours [3, m], glosses [m] and patterns of m materials."""

    colours: np.ndarray
    glosses: np.ndarray
    patterns: list[Pattern]


def _colour_of(rule, rng, first):
    """A linear colour [3] and its gloss; `first` is the colour of the main material."""
    rules = {
        "paint": lambda: (draws.any_colour(rng, 0.12, 0.95) ** 2, rng.uniform(0.2, 3)),
        "any": lambda: (draws.any_colour(rng, 0.08, 0.95) ** 2, rng.uniform(0.2, 3)),
        "trim": lambda: (draws.any_colour(rng, 0.05, 0.6) ** 2, rng.uniform(0, 2)),
        "dark": lambda: (draws.any_colour(rng, 0.05, 0.35) ** 2, 0.4),
        "black": lambda: (draws.any_colour(rng, 0.02, 0.12) ** 2, 0.5),
        "glass": lambda: (draws.any_colour(rng, 0.1, 0.65) ** 2, 4.0),
        "light": lambda: (draws.any_colour(rng, 0.7, 1.0) ** 2, 4.0),
        "metal": lambda: (draws.any_colour(rng, 0.3, 0.85) ** 2, 3.0),
        "coat": lambda: (_fur(rng), rng.uniform(0, 0.6)),
        "like": lambda: (_alike(rng, first), rng.uniform(0, 2)),
    }
    colour, gloss = rules[rule]()
    return colour, float(gloss)


def _fur(rng):
    """Mostly natural."""
    if rng.uniform() < 0.2:
        return draws.any_colour(rng) ** 2
    a, b = COATS[rng.integers(0, len(COATS), 2)]
    return (a + rng.uniform() * (b - a)) ** 2


def _alike(rng, first):
    """The first colour, lighter, darker, or another one."""
    kind = rng.uniform()
    if kind < 0.35:
        return first
    return first * rng.uniform(0.3, 1.6) if kind < 0.7 else draws.any_colour(rng) ** 2


def draw_look(category: str, rng: Generator) -> Look:
    """The materials of one object of a category."""
    colours: list[np.ndarray] = []
    glosses, patterns = [], []
    for rule in MODULES[category].MATERIALS.values():
        colour, gloss = _colour_of(rule, rng, colours[0] if colours else None)
        colours.append(colour)
        glosses.append(gloss)
        patterns.append(draws.drawn(rng, Pattern))
    return Look(
        colours=np.clip(np.array(colours, np.float32).T, 0.002, 0.95),
        glosses=np.array(glosses, np.float32),
        patterns=patterns,
    )


@dataclass(frozen=True)
class View(Single):
    """Pose, place, light and film of one picture; angles in radians."""

    light: Light = draws.sampled(draws.draw_light, BRIGHT)
    yaw: float = draws.sampled(lambda rng, middle: np.radians(middle) + rng.uniform(-YAW, YAW))
    pitch: float = draws.degrees()
    roll: float = draws.normal(0, 0.05)
    distance: float = draws.uniform(1.6, 5)  # diagonals
    fill: float = draws.uniform(*FILL)
    place: np.ndarray = draws.sampled(
        Generator.beta, 1.5, 1.5, 2
    )  # 0 is left and top, 1 the other ends
    shadow: float = draws.uniform(0.2, 0.75)
    film: Film = draws.sampled(draws.drawn, Film)


def draw_view(category: str, rng: Generator) -> View:
    """The view of one picture of a category."""
    module = MODULES[category]
    return draws.drawn(rng, View, yaw=(module.YAW,), pitch=module.PITCH)
