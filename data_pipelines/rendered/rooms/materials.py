"""Colours and patterns of what stands in a room; lengths in metres."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine.background import CANVAS, draw_background
from data_pipelines.rendered.engine.draws import any_colour, pick
from data_pipelines.rendered.engine.textures import look_up, noise_textures, smoothstep

CELLS = 40  # of the noise texture, in a metre
LINE = 0.008  # half width of joints
WOODS = np.array(
    [[0.80, 0.66, 0.48], [0.66, 0.48, 0.31], [0.50, 0.33, 0.20], [0.33, 0.21, 0.14],
     [0.93, 0.92, 0.90], [0.55, 0.53, 0.50]]
)  # fmt: skip


class Material(NamedTuple):
    """A colour in linear light, another one over it by a pattern, and light of its own."""

    colour: np.ndarray  # [3]
    other: np.ndarray  # [3]
    pattern: str = "plain"
    amount: float = 0.5
    pitch: float = 0.5  # metres
    place: float = 0.0
    glow: float = 0.0
    art: np.ndarray | None = None  # a picture [3, CANVAS, CANVAS]


def material(rng: Generator, colour: np.ndarray, pattern: str = "plain", **options) -> Material:
    """A material whose pattern has a darker or lighter or another colour."""
    other = any_colour(rng) ** 2 if rng.uniform() < 0.35 else colour * rng.uniform(0.35, 1.5)
    drawn = {"amount": rng.uniform(0.2, 0.9), "place": rng.uniform(0, 200)}
    return Material(colour, np.minimum(other, 0.95), pattern, **(drawn | options))


def wood(rng: Generator, pattern: str = "grain", **options) -> Material:
    """Wood, or white or grey varnish."""
    a, b = WOODS[rng.integers(0, len(WOODS), 2)]
    colour = (a + rng.uniform(0, 0.4) * (b - a)) ** 2
    return material(rng, colour, pattern, **({"amount": rng.uniform(0.2, 0.6)} | options))


def cloth(rng: Generator) -> Material:
    """Any colour, plain or patterned."""
    kinds = {"plain": 0.45, "cloud": 0.2, "stripes": 0.2, "tiles": 0.15}
    pitch = rng.uniform(0.12, 0.4)
    return material(rng, any_colour(rng, 0.2, 0.95) ** 2, pick(rng, kinds), pitch=pitch)


def wall_paint(rng: Generator) -> Material:
    """Mostly light; some with stripes or clouds."""
    kinds = {"plain": 0.6, "cloud": 0.2, "stripes": 0.2}
    options = {"amount": rng.uniform(0.05, 0.35), "pitch": rng.uniform(0.15, 0.5)}
    low, white = (0.5, rng.uniform(0.1, 0.8)) if rng.uniform() < 0.8 else (0.25, 0.0)
    colour = (1 - white) * any_colour(rng, low, 0.97) + white * 0.92
    return material(rng, colour**2, pick(rng, kinds), **options)


def flooring(rng: Generator) -> Material:
    """Boards, tiles or carpet."""
    kind = pick(rng, {"planks": 0.6, "tiles": 0.2, "cloud": 0.2})
    if kind == "planks":
        return wood(rng, kind, pitch=rng.uniform(0.1, 0.22))
    colour = any_colour(rng, 0.25, 0.85) ** 2
    return material(rng, colour, kind, pitch=rng.uniform(0.3, 0.6))


def painting(rng: Generator) -> Material:
    """An abstract picture."""
    return Material(np.zeros(3), np.zeros(3), "art", art=draw_background(rng))


def _lines(position, pitch):
    """How near points are to the multiples of a pitch: 1 on the joints."""
    off = np.abs(position / pitch - np.round(position / pitch)) * pitch
    return 1 - smoothstep(off, LINE, 2.5 * LINE)


def _cover(what: Material, u, v):
    """How much of the other colour shows at the points (u, v) of a face [p]."""
    pattern, pitch = what.pattern, what.pitch
    if pattern == "plain":
        return np.zeros_like(u)
    if pattern == "stripes":
        return smoothstep(np.sin(2 * np.pi * u / pitch), -0.2, 0.2)
    if pattern == "tiles":
        return np.maximum(_lines(u, pitch), _lines(v, pitch))
    if pattern == "panels":
        return _lines(u, pitch)
    if pattern == "drawers":
        return _lines(v, pitch)
    if pattern == "sky":
        return smoothstep(v, 0.9, 2.2)
    if pattern == "planks":
        row = np.floor(u / pitch)
        tone = np.modf(np.abs(np.sin(12.9898 * (row + what.place))) * 43758.5453)[0]
        shade = 0.5 * tone + 0.2 * smoothstep(_noise(what, 0.3 * v, 3 * u), -1.5, 1.5)
        return np.maximum(shade, _lines(u, pitch))
    grain = _noise(what, 3 * u, 0.4 * v) if pattern == "grain" else _noise(what, u, v)
    return smoothstep(grain, -1.5, 1.5)


def _noise(what: Material, u, v):
    return look_up(noise_textures()[0], what.place + CELLS * u, CELLS * v)


def painted(
    what: Material, u: np.ndarray, v: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Colour [3, p] at the points (u, v) of a face that reaches from low to high [2]."""
    if what.art is not None:
        column, row = ((t - a) / (b - a) for t, a, b in zip((u, v), low, high, strict=True))
        at = [np.clip((s * CANVAS).astype(int), 0, CANVAS - 1) for s in (1 - row, column)]
        return what.art[:, at[0], at[1]]
    share = (what.amount * _cover(what, u, v)).astype(np.float32)
    first, second = (np.asarray(c, np.float32)[:, None] for c in (what.colour, what.other))
    return first + share * (second - first)
