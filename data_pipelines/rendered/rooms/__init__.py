"""Rendered rooms seen from inside, with the corners of their layouts."""

import functools

import numpy as np

from data_pipelines.rendered.engine.arrays import Scene, load
from data_pipelines.rendered.rooms.camera import KEYPOINT_NAMES
from data_pipelines.rendered.rooms.renderer import SURFACES, render_room

__all__ = ["KEYPOINT_NAMES", "SCENE", "SURFACES", "load_arrays", "render_room"]

SCENE = Scene(
    name="rendered_rooms",
    noun="rooms",
    package=__name__,
    render=render_room,
    fields={
        "image": ((None, None, 3), np.uint8),
        "keypoints": ((8, 2), np.float32),
        "keypoint_valid": ((8,), np.bool_),
        "visible": ((8,), np.bool_),
        "surface": ((None, None), np.uint8),
    },
)

# (split, count, *, size=64, seed=0, cache_dir=None, workers=None, progress=True, fields=None)
load_arrays = functools.partial(load, SCENE)
