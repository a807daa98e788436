"""Pose, light and film."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine.draws import Drawn
from data_pipelines.rendered.engine.textures import column

SAMPLES = 2  # of light, along each side of a pixel


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Roll after yaw after pitch; positive yaw turns the nose to the image's right."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, pitch, roll))
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    lean = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (lean @ turn @ nod).astype(np.float32)


def looking(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """From the axes of things to those of a camera: they turn by yaw, it looks down by pitch."""
    return rotation(0, pitch, roll) @ rotation(yaw, 0, 0)


class Surface(NamedTuple):
    """What light falls on, components first."""

    colour: np.ndarray  # linear [3, p]
    gloss: np.ndarray  # [p]
    openness: np.ndarray  # to the light [p]


def lit(surface: Surface, normals: np.ndarray, light: Drawn, *, wrap: np.ndarray) -> np.ndarray:
    """Diffuse light wrapped by `wrap` [3, 1], sky, a highlight and a rim [3, p]."""
    colour, gloss, openness = surface
    key = light.key
    diffuse = np.clip((key @ normals + wrap) / (1 + wrap), 0, None)
    half = key + np.array([0, 0, 1], np.float32)
    bright = np.clip((half / np.linalg.norm(half)) @ normals, 0, 1)
    for _ in range(4):  # to the 16th power
        bright = bright * bright
    edge = np.clip(1 - normals[2], 0, 1)
    rim = 0.25 * light.rim * edge * edge * edge * (normals[0] * -key[0] > 0)
    sky = column(light.ambient) * ((0.8 + 0.2 * normals[1]) * openness)
    lamp = column(light.key_colour)
    diffuse = lamp * diffuse * (0.4 + 0.6 * openness) + sky
    return colour * diffuse + (light.shine * gloss * bright + rim) * lamp


def _blurred(picture, sigma):
    """Gaussian blur of [3, s, s]."""
    reach = np.arange(-3, 4)
    kernel = np.exp(-0.5 * (reach / sigma) ** 2).astype(np.float32)
    size = picture.shape[-1]
    for axis in (1, 2):
        wide = np.pad(picture, [(3, 3) if a == axis else (0, 0) for a in range(3)], mode="edge")
        shifts = (np.take(wide, np.arange(size) + i, axis) for i in range(7))
        picture = sum(k * s for k, s in zip(kernel / kernel.sum(), shifts, strict=True))
    return picture


def developed(light: np.ndarray, size: int, film: Drawn, rng: Generator) -> np.ndarray:
    """A picture, uint8 [s, s, 3], of linear light: tint, gamma 2, shoulder, blur, contrast, noise.

    The light [3, 4 s s] has 2 x 2 samples a pixel.
    """
    light = light.reshape(3, SAMPLES * size, SAMPLES * size)
    rows = light[:, 0::2] + light[:, 1::2]
    light = 0.25 * (rows[..., 0::2] + rows[..., 1::2])
    picture = np.sqrt(np.clip(light, 0, None)) * column(film.tint)[..., None]
    picture = np.where(picture > 0.75, 1 - 0.25 * np.exp((0.75 - picture) / 0.25), picture)
    sigma = film.blur * size / 64
    if sigma > 0.15:
        picture = _blurred(picture, sigma)
    noise = film.noise * rng.standard_normal(picture.shape, np.float32)
    picture = 0.5 + (picture - 0.5) * film.contrast + noise
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0).copy()
