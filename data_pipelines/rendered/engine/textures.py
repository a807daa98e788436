"""Building blocks of painting: noise, soft steps, mixing."""

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

PERIOD = 256


def smoothstep(x: np.ndarray, low: Any, high: Any) -> np.ndarray:
    """0 below low, 1 above high, smooth between."""
    t = np.clip((x - low) * np.float32(1 / (high - low)), 0, 1)
    return t * t * (3 - 2 * t)


def bell(x: np.ndarray) -> np.ndarray:
    """exp(-x^2 / 2)."""
    return np.exp(-0.5 * (x * x))


def column(colour: ArrayLike) -> np.ndarray:
    """A colour [3] as [3, 1]; anything else as it is."""
    colour = np.asarray(colour, np.float32)
    return colour[:, None] if colour.ndim == 1 else colour


def mix(colour: np.ndarray, other: ArrayLike, amount: Any) -> np.ndarray:
    """Covers a colour [3, p] with another, [3] or [3, p], by an amount [p]."""
    return colour + amount * (column(other) - colour)


@functools.cache
def noise_textures() -> tuple[np.ndarray, ...]:
    """Periodic textures of mean 0 and deviation 1: clouds, and strands along the first axis."""
    rng = np.random.Generator(np.random.PCG64(7))
    frequency = np.fft.fftfreq(PERIOD)
    fy, fx = np.meshgrid(frequency, frequency, indexing="ij")
    white = np.fft.fft2(rng.normal(size=(2, PERIOD, PERIOD)))
    cloud = 1 / (np.hypot(fx, fy) + 0.012) ** 1.4
    strand = bell(fy / 0.012) / (np.abs(fx) + 0.03) ** 0.6 * (np.abs(fx) > 0.01)
    textures = np.fft.ifft2(white * np.stack([cloud, strand])).real
    return tuple((t / t.std()).astype(np.float32) for t in textures)


def _split(position):
    """Two neighbouring cells and the share of the second."""
    low = np.floor(position)
    first = low.astype(np.int32)
    return first % PERIOD, (first + 1) % PERIOD, (position - low).astype(np.float32)


def look_up(texture: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Bilinear and periodic; row and column broadcast against each other."""
    r0, r1, fr = _split(row)
    c0, c1, fc = _split(column)
    upper = texture[r0, c0] * (1 - fc) + texture[r0, c1] * fc
    return upper * (1 - fr) + (texture[r1, c0] * (1 - fc) + texture[r1, c1] * fc) * fr
