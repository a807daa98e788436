"""Pose, projection, light and film."""

import numpy as np

from data_pipelines.rendered_faces.fields import FIELDS
from data_pipelines.rendered_faces.grids import EYE_X
from data_pipelines.rendered_faces.hair_paint import hair_thickness
from data_pipelines.rendered_faces.head import grid_normals
from data_pipelines.rendered_faces.textures import column

SHIFT, BORDER = 0.17, 0.075  # shares of the picture: reach of the middle, closest to the border


def rotation(yaw, pitch, roll):
    """Roll after yaw after pitch; positive yaw turns the nose to the image's right."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, pitch, roll))
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    lean = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (lean @ turn @ nod).astype(np.float32)


def coefficients(who, view):
    """One number per deformation field [k]."""
    values = who["shape"] | {
        "jaw_drop": view["drop"],
        "mouth_close": 1.0,
        "smile": view["smile"],
        "pucker": view["pucker"],
        "eye_open": view["eye_open"],
        "beard": {"full": 1.0, "goatee": 0.4}.get(who["beard"], 0.0),
    }
    values["brow_height"] += view["brow_raise"]
    values["brow_inner"] -= 0.6 * view["frown"]
    return np.array([values[name] for name in FIELDS], np.float32)


def deformed(head, who, view):
    """This person's head with this expression, facing the camera: vertices and normals [3, n]."""
    # Not a BLAS call: its threads would only get in the way of other processes.
    offsets = np.einsum("k,kn->n", coefficients(who, view), head.fields)
    points = head.vertices + offsets.reshape(3, -1)
    hair = head.grids["hair"]
    thick = hair_thickness(*head.angles[:, hair.part], who)
    points[:, hair.part] += thick * grid_normals(points, hair)
    normals = np.concatenate([grid_normals(points, grid) for grid in head.grids.values()], axis=1)
    return points, normals


def turned(vectors, head, view):
    """The head turned, the chest turned a little, the neck between them [3, n]."""
    moved = rotation(view["yaw"], view["pitch"], view["roll"]) @ vectors
    body = rotation(0.35 * view["yaw"] + view["body"][0], 0, 0.2 * view["roll"] + view["body"][1])
    neck = head.grids["neck"].part
    share = np.clip((head.vertices[1, neck] + 15) / 7, 0, 1)
    moved[:, neck] = share * moved[:, neck] + (1 - share) * (body @ vectors[:, neck])
    return moved


def project(points, view, centre):
    """Points [3, n] in shares of the picture [2, n], y down."""
    scale = view["iod"] / (2 * EYE_X)
    nearness = scale * view["distance"] / (view["distance"] - points[2])
    return np.stack([centre[0] + points[0] * nearness, centre[1] - points[1] * nearness])


def placed(keypoints, view):
    """Where the head's origin goes [2]: the five points near the middle, inside the border."""
    flat = project(keypoints, view, np.zeros(2))
    low, high = flat.min(1), flat.max(1)
    middle, half = (low + high) / 2, (high - low) / 2
    wanted = 0.5 + SHIFT * view["shift"]
    return np.clip(wanted, BORDER + half, 1 - BORDER - half) - middle


def lit(colour, normals, gloss, openness, view):
    """Wrapped diffuse light, sky, a highlight and a rim [3, p]."""
    key = view["key"]
    wrap = np.float32([[0.30], [0.18], [0.13]])
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
