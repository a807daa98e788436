"""A run of objects, or of pairs of objects, as stacked arrays."""

import functools
from pathlib import Path

import numpy as np

from data_pipelines.rendered_objects.catalogue import MODULES, NUM_KEYPOINTS
from data_pipelines.rendered_objects.renderer import render_object
from data_pipelines.rendering.arrays import Stock
from data_pipelines.rendering.chunks import source_digest, stacked

CODE = (
    "camera", "catalogue", "correspondence", "lofts", "paint", "pairs", "parameters", "renderer",
    *(f"categories/{name}" for name in MODULES),
)  # fmt: skip
LARGE = ("image", "mask", "surface", "depth")


def field_specs(size):
    """Shape and type of each field of one object."""
    return {
        "image": ((size, size, 3), np.uint8),
        "category": ((), np.int64),
        "keypoints": ((NUM_KEYPOINTS, 2), np.float32),
        "keypoint_valid": ((NUM_KEYPOINTS,), np.bool_),
        "visible": ((NUM_KEYPOINTS,), np.bool_),
        "box": ((4,), np.float32),
        "mask": ((size, size), np.bool_),
        "surface": ((size, size, 3), np.float32),
        "depth": ((size, size), np.float32),
    }


@functools.cache
def renderer_digest():
    """Twelve hexadecimal digits that change with the renderer's source."""
    return source_digest(Path(__file__).parent, CODE)


def render_chunk(split, size, seed, categories, fields, indices):
    """The fields of some objects, stacked."""
    objects = [
        render_object(split, i, size=size, seed=seed, categories=categories) for i in indices
    ]
    return stacked(objects, field_specs(size), fields)


def stock(split, size, seed, categories):
    """All objects of a split."""
    render = functools.partial(render_chunk, split, size, seed, tuple(categories))
    return Stock("objects", f"{split} objects of {size} px", render, field_specs(size), LARGE)
