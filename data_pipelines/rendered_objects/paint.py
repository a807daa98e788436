"""Colours of the surface of an object, and its shadow on the ground."""

import numpy as np

from data_pipelines.rendering.background import CANVAS
from data_pipelines.rendering.textures import bell, look_up, noise_textures, smoothstep

WRAP = np.full((3, 1), 0.15, np.float32)
CLOUD_CELLS = 60  # of the noise texture, across the diagonal


def pattern_cover(pattern, q):
    """How much a pattern covers the points [3, p] of an object."""
    if pattern["kind"] == "stripes":
        return smoothstep(np.sin(2 * np.pi * pattern["pitch"] * (pattern["axis"] @ q)), -0.2, 0.2)
    a, b = pattern["place"]
    clouds = look_up(
        noise_textures()[0],
        a + CLOUD_CELLS * (q[0] + 0.6 * q[2]),
        b + CLOUD_CELLS * (q[1] + 0.5 * q[2] - 0.2 * q[0]),
    )
    return smoothstep(clouds, 0.5, 0.8) if pattern["kind"] == "spots" else smoothstep(clouds, -2, 2)


def painted(q, materials, look):
    """Colour [3, p], gloss [p] at points [3, p] of an object made of materials [p]."""
    colour = look["colours"][:, materials]
    for number in np.unique(materials):
        pattern = look["patterns"][number]
        if pattern["kind"] == "plain":
            continue
        here = np.flatnonzero(materials == number)
        cover = pattern["amount"] * pattern_cover(pattern, q[:, here])
        colour[:, here] += cover * (pattern["colour"][:, None] - colour[:, here])
    return colour, look["glosses"][materials]


def openness(q):
    """Less light reaches the lower half of an object [p]."""
    return 0.65 + 0.35 * smoothstep(q[1], -0.45, 0.15)


def shadowed(picture, solid, view, matrix, scale, shift):
    """Darkens the background where the object stands."""
    ground = solid.points[1].min()
    low = solid.points[1] < ground + 0.08
    x, z = solid.points[0][low], solid.points[2][low]
    middle = np.array([(x.min() + x.max()) / 2, ground, (z.min() + z.max()) / 2])
    half = np.array([x.max() - x.min(), z.max() - z.min()]) / 2 + 0.04
    flat = scale * matrix[:2, [0, 2]] * [[1], [-1]] + np.array([[0, 0], [1e-3, 1e-3]])
    at = shift + scale * (matrix[:2] @ middle) * [1, -1]
    share = (np.arange(CANVAS) + 0.5) / CANVAS
    x, y = np.meshgrid(share - at[0], share - at[1])
    u, v = np.linalg.inv(flat) @ np.stack([x.ravel(), y.ravel()])
    distance = np.hypot(u / half[0], v / half[1]).reshape(CANVAS, CANVAS)
    return picture * (1 - view["shadow"] * bell(distance)).astype(np.float32)
