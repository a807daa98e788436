"""Rendered three-dimensional heads: the data set that needs no download."""

from data_pipelines.rendered_faces.arrays import load_arrays
from data_pipelines.rendered_faces.chunks import renderer_digest
from data_pipelines.rendered_faces.correspondence import true_correspondence
from data_pipelines.rendered_faces.renderer import render_face

__all__ = ["load_arrays", "render_face", "renderer_digest", "true_correspondence"]
