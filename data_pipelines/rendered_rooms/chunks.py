"""A run of rooms as stacked arrays."""

import functools
from pathlib import Path

import numpy as np

from data_pipelines.rendered_rooms.camera import KEYPOINT_NAMES
from data_pipelines.rendered_rooms.renderer import render_room
from data_pipelines.rendering.arrays import Stock
from data_pipelines.rendering.chunks import source_digest, stacked

CODE = ("camera", "furniture", "materials", "parameters", "renderer", "tracing")
LARGE = ("image", "surface")


def field_specs(size):
    """Shape and type of each field of one room."""
    points = len(KEYPOINT_NAMES)
    return {
        "image": ((size, size, 3), np.uint8),
        "keypoints": ((points, 2), np.float32),
        "keypoint_valid": ((points,), np.bool_),
        "visible": ((points,), np.bool_),
        "surface": ((size, size), np.uint8),
    }


@functools.cache
def renderer_digest():
    """Twelve hexadecimal digits that change with the renderer's source."""
    return source_digest(Path(__file__).parent, CODE)


def render_chunk(split, size, seed, fields, indices):
    """The fields of some rooms, stacked."""
    rooms = [render_room(split, index, size=size, seed=seed) for index in indices]
    return stacked(rooms, field_specs(size), fields)


def stock(split, size, seed):
    """All rooms of a split."""
    render = functools.partial(render_chunk, split, size, seed)
    return Stock("rooms", f"{split} rooms of {size} px", render, field_specs(size), LARGE)
