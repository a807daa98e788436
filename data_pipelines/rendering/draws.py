"""Random numbers of every rendered data set: streams, choices, colours, light and film."""

import numpy as np

SPLITS = ("train", "validation", "test")


def seeded(*key):
    """The random numbers that belong to a key of integers of 0 or more."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def weighted(rng, chances):
    """A position, with chances that need not add to 1."""
    return int(rng.choice(len(chances), p=np.array(chances) / np.sum(chances)))


def pick(rng, chances):
    """A key of a dictionary of chances."""
    return list(chances)[weighted(rng, list(chances.values()))]


def any_colour(rng, low=0.05, high=0.95):
    """Any colour, mostly near grey, seldom violet [3]."""
    value, chroma, hue = rng.uniform(low, high), rng.beta(1.0, 2.6), rng.uniform(-0.1, 0.75)
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (hue - np.array([0, 1 / 3, 2 / 3])))
    return (value * (1 - chroma * (1 - wheel))).astype(np.float32)


def single(values):
    """The same dictionary with its arrays in float32."""
    return {k: v.astype(np.float32) if isinstance(v, np.ndarray) else v for k, v in values.items()}


def draw_light(rng):
    """A lamp in front, from a side or above, the light of the sky, and a rim."""
    azimuth, height = rng.uniform(-1.3, 1.3), rng.uniform(-0.25, 1.0)
    direction = [np.sin(azimuth) * np.cos(height), np.sin(height), np.cos(azimuth) * np.cos(height)]
    warm = rng.normal(0, 0.06)
    return {
        "key": np.array(direction),
        "key_colour": rng.uniform(0.45, 1.0) * np.array([1 + warm, 1, 1 - warm]),
        "ambient": rng.uniform(0.16, 0.5) * (1 + rng.normal(0, 0.08, 3)),
        "rim": max(0.0, float(rng.normal(0, 0.35))),
        "shine": float(rng.uniform(0.02, 0.16)),
    }


def draw_film(rng):
    """Blur, noise, contrast and tint of one picture."""
    return {
        "blur": max(0.0, float(rng.normal(0.15, 0.25))),  # pixels of a picture of 64
        "noise": abs(float(rng.normal(0, 0.012))),
        "contrast": float(np.exp(rng.normal(0, 0.1))),
        "tint": 1 + rng.normal(0, 0.03, 3),
    }
