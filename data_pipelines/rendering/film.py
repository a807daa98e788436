"""Pose, light and film."""

import numpy as np

from data_pipelines.rendering.textures import column


def rotation(yaw, pitch, roll):
    """Roll after yaw after pitch; positive yaw turns the nose to the image's right."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, pitch, roll))
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    lean = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (lean @ turn @ nod).astype(np.float32)


def lit(colour, normals, gloss, openness, view, *, wrap):
    """Diffuse light wrapped by `wrap` [3, 1], sky, a highlight and a rim [3, p]."""
    key = view["key"]
    diffuse = np.clip((key @ normals + wrap) / (1 + wrap), 0, None)
    half = key + np.float32([0, 0, 1])
    bright = np.clip((half / np.linalg.norm(half)) @ normals, 0, 1)
    for _ in range(4):  # to the 16th power
        bright = bright * bright
    edge = np.clip(1 - normals[2], 0, 1)
    rim = 0.25 * view["rim"] * edge * edge * edge * (normals[0] * -key[0] > 0)
    sky = column(view["ambient"]) * ((0.8 + 0.2 * normals[1]) * openness)
    light = column(view["key_colour"]) * diffuse * (0.4 + 0.6 * openness) + sky
    return colour * light + (view["shine"] * gloss * bright + rim) * column(view["key_colour"])


def halved(values):
    """Means of 2 x 2 samples [..., 2 s, 2 s]."""
    rows = values[..., 0::2, :] + values[..., 1::2, :]
    return 0.25 * (rows[..., 0::2] + rows[..., 1::2])


def blurred(picture, sigma):
    """Gaussian blur of [3, s, s]."""
    reach = np.arange(-3, 4)
    kernel = np.exp(-0.5 * (reach / sigma) ** 2).astype(np.float32)
    size = picture.shape[-1]
    for axis in (1, 2):
        wide = np.pad(picture, [(3, 3) if a == axis else (0, 0) for a in range(3)], mode="edge")
        shifts = (np.take(wide, np.arange(size) + i, axis) for i in range(7))
        picture = sum(k * s for k, s in zip(kernel / kernel.sum(), shifts, strict=True))
    return picture


def developed(linear, view, rng):
    """Linear light [3, s, s] to uint8 [s, s, 3]: tint, gamma 2, shoulder, blur, contrast, noise."""
    picture = np.sqrt(np.clip(linear, 0, None)) * column(view["tint"])[..., None]
    picture = np.where(picture > 0.75, 1 - 0.25 * np.exp((0.75 - picture) / 0.25), picture)
    sigma = view["blur"] * picture.shape[-1] / 64
    if sigma > 0.15:
        picture = blurred(picture, sigma)
    noise = view["noise"] * rng.standard_normal(picture.shape, np.float32)
    picture = 0.5 + (picture - 0.5) * view["contrast"] + noise
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0).copy()
