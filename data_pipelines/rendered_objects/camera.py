"""Pose and projection of an object."""

import numpy as np

from data_pipelines.rendered_objects.parameters import BORDER
from data_pipelines.rendering.film import rotation


def turn(view):
    """From the object's axes to the camera's: the object turns, the camera looks down."""
    return rotation(0, view["pitch"], view["roll"]) @ rotation(view["yaw"], 0, 0)


def projected(points, view):
    """Turned points [3, n] on a picture of one diagonal, the middle at 0 [2, n], y down."""
    nearness = view["distance"] / (view["distance"] - points[2])
    return np.stack([points[0] * nearness, -points[1] * nearness])


def frame(flat, view):
    """Scale and shift [2] in shares of the picture: as long as `fill`, inside the border."""
    low, high = flat.min(1), flat.max(1)
    scale = view["fill"] / (high - low).max()
    half = scale * (high - low) / 2
    reach = np.maximum(0.5 - BORDER - half, 0)
    middle = 0.5 + reach * (2 * view["place"] - 1)
    return scale, middle - scale * (low + high) / 2


def to_pixels(shares, size):
    """Shares of the picture to pixels whose centres lie at integers."""
    return shares * size - 0.5
