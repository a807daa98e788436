"""Backgrounds: gradients, blobs, stripes, boxes and clouds on a 96 x 96 canvas."""

import numpy as np

from data_pipelines.rendered_faces.paint import look_up, noise_textures, smoothstep
from data_pipelines.rendered_faces.parameters import hue

CANVAS = 96


def draw_background(rng):
    """A linear-light picture [96, 96, 3]; the same for every size of the face picture."""
    t = (np.arange(CANVAS, dtype=np.float32) + 0.5) / CANVAS
    x, y = np.meshgrid(t, t)
    angle = rng.uniform(0, 2 * np.pi)
    ramp = smoothstep((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle), -0.7, 0.7)
    picture = hue(rng) * (1 - ramp)[..., None] + hue(rng) * ramp[..., None]
    clouds = look_up(noise_textures()[0], 256 * rng.uniform() + y * rng.uniform(30, 160), 256 * rng.uniform() + x * rng.uniform(30, 160))
    picture = picture * (1 + rng.uniform(0, 0.3) * clouds)[..., None]
    for _ in range(rng.integers(0, 9)):
        kind = rng.choice(['blob', 'box', 'stripes', 'disc'])
        cx, cy = rng.uniform(0, 1, 2)
        a = rng.uniform(0, np.pi)
        along, across = (x - cx) * np.cos(a) + (y - cy) * np.sin(a), (y - cy) * np.cos(a) - (x - cx) * np.sin(a)
        w, h = rng.uniform(0.04, 0.4, 2)
        soft = rng.choice([0.012, 0.05])
        if kind == 'blob':
            cover = np.exp(-0.5 * ((along / w) ** 2 + (across / h) ** 2))
        elif kind == 'disc':
            cover = smoothstep(1 - np.hypot(along / w, across / h), 0, 4 * soft)
        else:
            cover = smoothstep(np.minimum(w - np.abs(along), h - np.abs(across)), 0, soft)
        if kind == 'stripes':
            cover = cover * smoothstep(np.sin(along * rng.uniform(15, 120)), -0.3, 0.3)
        cover = (rng.uniform(0.3, 1.0) * cover)[..., None]
        picture = picture + cover * (hue(rng) - picture)
    return np.clip(picture, 0, 1).astype(np.float32) ** 2


def resized(picture, side):
    """Bilinear, pixel areas aligned."""
    at = np.clip((np.arange(side) + 0.5) * CANVAS / side - 0.5, 0, CANVAS - 1)
    low = np.minimum(at.astype(int), CANVAS - 2)
    share = (at - low).astype(np.float32)
    rows = picture[low] * (1 - share)[:, None, None] + picture[low + 1] * share[:, None, None]
    return rows[:, low] * (1 - share)[None, :, None] + rows[:, low + 1] * share[None, :, None]
