"""Rendered rooms seen from inside, with the corners of their layouts."""

from data_pipelines.rendered_rooms.arrays import load_arrays
from data_pipelines.rendered_rooms.camera import KEYPOINT_NAMES
from data_pipelines.rendered_rooms.chunks import renderer_digest
from data_pipelines.rendered_rooms.renderer import SURFACES, render_room

__all__ = ["KEYPOINT_NAMES", "SURFACES", "load_arrays", "render_room", "renderer_digest"]
