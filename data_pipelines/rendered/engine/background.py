"""Backgrounds: gradients, clouds, blobs, boxes, stripes, discs and bars on one canvas."""

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine.draws import any_colour
from data_pipelines.rendered.engine.textures import bell, look_up, noise_textures, smoothstep

CANVAS = 72
SHAPES = ("blob", "blob", "box", "box", "disc", "disc", "bar", "stripes", "leaves")


def _cloud(rng, x, y, low, high):
    """A random piece of the cloud texture, between `low` and `high` cells across."""
    (row, col), (fy, fx) = rng.uniform(0, 256, 2), rng.uniform(low, high, 2)
    return look_up(noise_textures()[0], row + y * fy, col + x * fx)


def _cover_of(shape, rng, x, y):
    """How much a random shape covers each point [n, n]."""
    cx, cy = rng.uniform(0, 1, 2).astype(np.float32)
    angle = rng.uniform(0, np.pi) if rng.uniform() < 0.5 else rng.choice([0.0, np.pi / 2])
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along, across = (x - cx) * c + (y - cy) * s, (y - cy) * c - (x - cx) * s
    width, height = rng.uniform(0.04, 0.4, 2).astype(np.float32)
    soft = np.float32(rng.choice([0.015, 0.06]))
    pitch = np.float32(rng.uniform(15, 120))
    if shape == "blob":
        return bell(np.hypot(along / width, across / height))
    if shape == "disc":
        return smoothstep(1 - np.hypot(along / width, across / height), 0, 4 * soft)
    if shape == "bar":
        return smoothstep(0.3 * width - np.abs(along), 0, soft)
    if shape == "leaves":
        return smoothstep(_cloud(rng, x, y, 40, 140), 0.3, 1.3) * bell(2 * (along - width))
    box = smoothstep(np.minimum(width - np.abs(along), height - np.abs(across)), 0, soft)
    return box * smoothstep(np.sin(along * pitch), -0.3, 0.3) if shape == "stripes" else box


def draw_background(rng: Generator) -> np.ndarray:
    """A picture in linear light [3, 72, 72], whatever the size of the picture."""
    t = ((np.arange(CANVAS) + 0.5) / CANVAS).astype(np.float32)
    x, y = t[None, :], t[:, None]
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.array([np.cos(angle), np.sin(angle)], np.float32)
    ramp = smoothstep((x - 0.5) * slope[0] + (y - 0.5) * slope[1], -0.7, 0.7)
    first, second = any_colour(rng)[:, None, None], any_colour(rng)[:, None, None]
    picture = first + ramp * (second - first)
    rough = np.float32(0.2 * rng.beta(0.7, 2))
    picture = picture * (1 + rough * _cloud(rng, x, y, 20, 160))
    for shape in rng.choice(SHAPES, rng.integers(0, 10)):
        cover = np.float32(rng.uniform(0.3, 1.0)) * _cover_of(shape, rng, x, y)
        picture = picture + cover * (any_colour(rng)[:, None, None] - picture)
    return np.clip(picture, 0, 1) ** 2


def resized(picture: np.ndarray, side: int) -> np.ndarray:
    """Bilinear, with the areas of the pixels aligned: [3, n, n] to [3, side, side]."""
    at = np.clip((np.arange(side) + 0.5) * CANVAS / side - 0.5, 0, CANVAS - 1)
    low = np.minimum(at.astype(int), CANVAS - 2)
    share = (at - low).astype(np.float32)
    rows = picture[:, low] * (1 - share[:, None]) + picture[:, low + 1] * share[:, None]
    return rows[:, :, low] * (1 - share) + rows[:, :, low + 1] * share
