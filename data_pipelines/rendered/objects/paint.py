"""The materials of an object as they are drawn, their colours, and its shadow on the ground."""

from types import SimpleNamespace

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine import draws
from data_pipelines.rendered.engine.background import CANVAS
from data_pipelines.rendered.engine.film import Surface
from data_pipelines.rendered.engine.textures import bell, look_up, noise_textures, smoothstep
from data_pipelines.rendered.objects.camera import Posed
from data_pipelines.rendered.objects.catalogue import MODULES

WRAP = np.full((3, 1), 0.15, np.float32)
CLOUD_CELLS = 60  # of the noise texture, across the diagonal
PATTERNS = {"plain": 0.45, "cloud": 0.25, "stripes": 0.15, "spots": 0.15}
COATS = np.array(
    [[0.93, 0.9, 0.85], [0.75, 0.6, 0.42], [0.55, 0.36, 0.2], [0.35, 0.22, 0.14],
     [0.12, 0.1, 0.09], [0.5, 0.49, 0.48], [0.72, 0.45, 0.22]]
)  # fmt: skip


def _draw_pattern(rng: Generator) -> SimpleNamespace:
    """A second colour over the first one."""
    return SimpleNamespace(
        kind=draws.pick(rng, PATTERNS),
        colour=draws.any_colour(rng) ** 2,  # linear [3]
        amount=rng.uniform(0.15, 0.9),
        axis=_unit_vector(rng),  # across the stripes [3]
        pitch=rng.uniform(4, 16),  # stripes or spots along the diagonal
        place=rng.uniform(0, 256, 2),  # cell of the noise texture
    )


def _unit_vector(rng: Generator) -> np.ndarray:
    v = rng.normal(size=3)
    return (v / np.linalg.norm(v)).astype(np.float32)


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
    return rules[rule]()


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


def draw_look(category: str, rng: Generator) -> draws.Drawn:
    """Linear colours [3, m], glosses [m] and patterns of the m materials of one object."""
    colours: list[np.ndarray] = []
    glosses, patterns = [], []
    for rule, *_ in MODULES[category].MATERIALS.values():
        colour, gloss = _colour_of(rule, rng, colours[0] if colours else None)
        colours.append(colour)
        glosses.append(gloss)
        patterns.append(_draw_pattern(rng))
    return draws.Drawn(
        colours=np.clip(np.array(colours, np.float32).T, 0.002, 0.95),
        glosses=np.array(glosses, np.float32),
        patterns=patterns,
    )


def _pattern_cover(pattern: SimpleNamespace, q: np.ndarray) -> np.ndarray:
    """How much a pattern covers the points [3, p] of an object."""
    if pattern.kind == "stripes":
        return smoothstep(np.sin(2 * np.pi * pattern.pitch * (pattern.axis @ q)), -0.2, 0.2)
    a, b = pattern.place
    row = a + CLOUD_CELLS * (q[0] + 0.6 * q[2])
    column = b + CLOUD_CELLS * (q[1] + 0.5 * q[2] - 0.2 * q[0])
    clouds = look_up(noise_textures()[0], row, column)
    return smoothstep(clouds, 0.5, 0.8) if pattern.kind == "spots" else smoothstep(clouds, -2, 2)


def painted(q: np.ndarray, materials: np.ndarray, look: draws.Drawn) -> Surface:
    """An object of materials [p] at points [3, p]; less light reaches its lower half."""
    colour = look.colours[:, materials]
    for number in np.unique(materials):
        pattern = look.patterns[number]
        if pattern.kind == "plain":
            continue
        here = np.flatnonzero(materials == number)
        cover = pattern.amount * _pattern_cover(pattern, q[:, here])
        colour[:, here] += cover * (pattern.colour[:, None] - colour[:, here])
    openness = 0.65 + 0.35 * smoothstep(q[1], -0.45, 0.15)
    return Surface(colour, look.glosses[materials], openness)


def shadowed(picture: np.ndarray, thing: Posed) -> np.ndarray:
    """Darkens the background [3, n, n] where the object stands."""
    solid, matrix, scale = thing.solid, thing.matrix, thing.scale
    ground = solid.points[1].min()
    low = solid.points[1] < ground + 0.08
    x, z = solid.points[0][low], solid.points[2][low]
    middle = np.array([(x.min() + x.max()) / 2, ground, (z.min() + z.max()) / 2])
    half = np.array([x.max() - x.min(), z.max() - z.min()]) / 2 + 0.04
    flat = scale * matrix[:2, [0, 2]] * [[1], [-1]] + np.array([[0, 0], [1e-3, 1e-3]])
    at = thing.shift + scale * (matrix[:2] @ middle) * [1, -1]
    share = (np.arange(CANVAS) + 0.5) / CANVAS
    x, y = np.meshgrid(share - at[0], share - at[1])
    u, v = np.linalg.inv(flat) @ np.stack([x.ravel(), y.ravel()])
    distance = np.hypot(u / half[0], v / half[1]).reshape(CANVAS, CANVAS)
    return picture * (1 - thing.view.shadow * bell(distance)).astype(np.float32)
