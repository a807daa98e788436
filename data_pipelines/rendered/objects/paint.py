"""Colours of the surface of an object, and its shadow on the ground."""

import numpy as np

from data_pipelines.rendered.engine.background import CANVAS
from data_pipelines.rendered.engine.film import Surface
from data_pipelines.rendered.engine.textures import bell, look_up, noise_textures, smoothstep
from data_pipelines.rendered.objects.camera import Posed
from data_pipelines.rendered.objects.parameters import Look, Pattern

WRAP = np.full((3, 1), 0.15, np.float32)
CLOUD_CELLS = 60  # of the noise texture, across the diagonal


def _pattern_cover(pattern: Pattern, q: np.ndarray) -> np.ndarray:
    """How much a pattern covers the points [3, p] of an object."""
    if pattern.kind == "stripes":
        return smoothstep(np.sin(2 * np.pi * pattern.pitch * (pattern.axis @ q)), -0.2, 0.2)
    a, b = pattern.place
    row = a + CLOUD_CELLS * (q[0] + 0.6 * q[2])
    column = b + CLOUD_CELLS * (q[1] + 0.5 * q[2] - 0.2 * q[0])
    clouds = look_up(noise_textures()[0], row, column)
    return smoothstep(clouds, 0.5, 0.8) if pattern.kind == "spots" else smoothstep(clouds, -2, 2)


def painted(q: np.ndarray, materials: np.ndarray, look: Look) -> Surface:
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
