"""A run of faces as stacked arrays."""

import functools
from pathlib import Path

import numpy as np

from data_pipelines.rendered_faces.renderer import render_face
from data_pipelines.rendering.arrays import Stock
from data_pipelines.rendering.chunks import source_digest, stacked

CODE = (
    "camera", "face_paint", "fields", "glasses", "grids", "hair_paint", "head", "parameters",
    "renderer",
)  # fmt: skip
LARGE = ("image", "mask", "surface")


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
    return source_digest(Path(__file__).parent, CODE)


def render_chunk(split, size, seed, fields, indices):
    """The fields of some faces, stacked."""
    faces = [render_face(split, index, size=size, seed=seed) for index in indices]
    return stacked(faces, field_specs(size), fields)


def stock(split, size, seed):
    """All faces of a split."""
    render = functools.partial(render_chunk, split, size, seed)
    return Stock("faces", f"{split} faces of {size} px", render, field_specs(size), LARGE)
