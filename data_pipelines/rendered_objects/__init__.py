"""Rendered three-dimensional objects of several categories, with true correspondence."""

from data_pipelines.rendered_objects.arrays import load_arrays
from data_pipelines.rendered_objects.catalogue import CATEGORIES, MODULES
from data_pipelines.rendered_objects.chunks import renderer_digest
from data_pipelines.rendered_objects.correspondence import dense_correspondence
from data_pipelines.rendered_objects.pairs import load_pairs
from data_pipelines.rendered_objects.renderer import render_object

KEYPOINT_NAMES = {name: tuple(module.KEYPOINTS) for name, module in MODULES.items()}

__all__ = [
    "CATEGORIES",
    "KEYPOINT_NAMES",
    "dense_correspondence",
    "load_arrays",
    "load_pairs",
    "render_object",
    "renderer_digest",
]
