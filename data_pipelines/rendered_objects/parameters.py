"""What is drawn at random for each picture: shape, look, view."""

import numpy as np

from data_pipelines.rendered_objects.catalogue import CATEGORIES, MODULES
from data_pipelines.rendering.draws import (
    SPLITS,
    any_colour,
    draw_film,
    draw_light,
    pick,
    seeded,
    single,
)

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


def generator(seed, split, stream, category, index):
    """The random numbers of one stream of one picture."""
    return seeded(
        seed, SPLITS.index(split), STREAMS.index(stream), CATEGORIES.index(category), index
    )


def pair_generator(seed, split, category):
    """The random numbers of the pairs of one category."""
    return generator(seed, split, "pairs", category, 0)


def draw_shape(category, rng):
    return MODULES[category].draw(rng)


def draw_pattern(rng):
    """A second colour over the first one."""
    return {
        "kind": pick(rng, PATTERNS),
        "colour": any_colour(rng) ** 2,
        "amount": float(rng.uniform(0.15, 0.9)),
        "axis": unit_vector(rng),
        "pitch": float(rng.uniform(4, 16)),  # stripes or spots along the diagonal
        "place": rng.uniform(0, 256, 2),
    }


def unit_vector(rng):
    v = rng.normal(size=3)
    return (v / np.linalg.norm(v)).astype(np.float32)


def colour_of(rule, rng, first):
    """A linear colour [3] and its gloss; `first` is the colour of the main material."""
    draws = {
        "paint": lambda: (any_colour(rng, 0.12, 0.95) ** 2, rng.uniform(0.2, 3)),
        "any": lambda: (any_colour(rng, 0.08, 0.95) ** 2, rng.uniform(0.2, 3)),
        "trim": lambda: (any_colour(rng, 0.05, 0.6) ** 2, rng.uniform(0, 2)),
        "dark": lambda: (any_colour(rng, 0.05, 0.35) ** 2, 0.4),
        "black": lambda: (any_colour(rng, 0.02, 0.12) ** 2, 0.5),
        "glass": lambda: (any_colour(rng, 0.1, 0.65) ** 2, 4.0),
        "light": lambda: (any_colour(rng, 0.7, 1.0) ** 2, 4.0),
        "metal": lambda: (any_colour(rng, 0.3, 0.85) ** 2, 3.0),
        "coat": lambda: (fur(rng), rng.uniform(0, 0.6)),
        "like": lambda: (alike(rng, first), rng.uniform(0, 2)),
    }
    colour, gloss = draws[rule]()
    return colour, float(gloss)


def fur(rng):
    """Mostly natural."""
    if rng.uniform() < 0.2:
        return any_colour(rng) ** 2
    a, b = COATS[rng.integers(0, len(COATS), 2)]
    return (a + rng.uniform() * (b - a)) ** 2


def alike(rng, first):
    """The first colour, lighter, darker, or another one."""
    kind = rng.uniform()
    if kind < 0.35:
        return first
    return first * rng.uniform(0.3, 1.6) if kind < 0.7 else any_colour(rng) ** 2


def draw_look(category, rng):
    """Colours [3, m], glosses [m] and patterns of the materials."""
    colours, glosses, patterns = [], [], []
    for rule in MODULES[category].MATERIALS.values():
        colour, gloss = colour_of(rule, rng, colours[0] if colours else None)
        colours.append(colour)
        glosses.append(gloss)
        patterns.append(draw_pattern(rng))
    return {
        "colours": np.clip(np.array(colours, np.float32).T, 0.002, 0.95),
        "glosses": np.array(glosses, np.float32),
        "patterns": patterns,
    }


def draw_view(category, rng):
    """Pose, place, light and film of one picture; angles in radians."""
    module = MODULES[category]
    light = draw_light(rng)
    return single(
        light
        | {
            "key_colour": BRIGHT * light["key_colour"],
            "ambient": BRIGHT * light["ambient"],
            "yaw": np.radians(module.YAW) + float(rng.uniform(-YAW, YAW)),
            "pitch": float(np.radians(rng.uniform(*module.PITCH))),
            "roll": float(rng.normal(0, 0.05)),
            "distance": float(rng.uniform(1.6, 5)),  # diagonals
            "fill": float(rng.uniform(*FILL)),
            "place": rng.beta(1.5, 1.5, 2),
            "shadow": float(rng.uniform(0.2, 0.75)),
        }
        | draw_film(rng)
    )
