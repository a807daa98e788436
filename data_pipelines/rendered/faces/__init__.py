"""Rendered three-dimensional heads: the data set that needs no download."""

import functools

import numpy as np

from data_pipelines.rendered.engine.arrays import Scene, load
from data_pipelines.rendered.faces.renderer import render_face, true_correspondence

__all__ = ["SCENE", "load_arrays", "render_face", "true_correspondence"]

SCENE = Scene(
    name="rendered_faces",
    noun="faces",
    package=__name__,
    render=render_face,
    fields={
        "image": ((None, None, 3), np.uint8),
        "keypoints": ((5, 2), np.float32),
        "points68": ((68, 2), np.float32),
        "visible": ((68,), np.bool_),
        "mask": ((None, None), np.bool_),
        "surface": ((None, None, 3), np.float16),
        "box": ((4,), np.float32),
        "identity": ((), np.int64),
    },
)

# (split, count, *, size=64, seed=0, cache_dir=None, workers=None, progress=True, fields=None)
load_arrays = functools.partial(load, SCENE)
