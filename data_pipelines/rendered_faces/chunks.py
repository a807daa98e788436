"""A run of faces as stacked arrays."""

import functools
import hashlib
from pathlib import Path

import numpy as np

from data_pipelines.rendered_faces.renderer import render_face

CODE = (
    "background", "camera", "face_paint", "fields", "glasses", "grids", "hair_paint", "head",
    "parameters", "raster", "renderer", "textures",
)  # fmt: skip


def field_specs(size):
    """Shape and type of each field of one face."""
    return {
        "image": ((size, size, 3), np.uint8),
        "keypoints": ((5, 2), np.float32),
        "points68": ((68, 2), np.float32),
        "visible": ((68,), np.bool_),
        "mask": ((size, size), np.bool_),
        "surface": ((size, size, 3), np.float16),
        "box": ((4,), np.float32),
        "identity": ((), np.int64),
    }


@functools.cache
def renderer_digest():
    """Twelve hexadecimal digits that change with the renderer's source."""
    digest = hashlib.sha256()
    for name in CODE:
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()[:12]


def render_chunk(split, indices, size, seed, fields):
    """The fields of some faces, stacked."""
    faces = [render_face(split, index, size=size, seed=seed) for index in indices]
    specs = field_specs(size)
    return {
        name: np.stack([np.asarray(face[name], specs[name][1]) for face in faces])
        for name in fields
    }
