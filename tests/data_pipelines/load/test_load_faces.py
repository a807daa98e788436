"""Rendered faces as annotated pictures."""

import numpy as np
from numpy.testing import assert_allclose

from data_pipelines.load.rendered import read_faces, yaw

EYES_AND_MOUTH = np.array([[-1.0, 0], [1, 0], [0, 1], [-0.5, 2], [0.5, 2]])


def faces(asides):
    """Key points whose noses are so far aside, in a plane that is turned and enlarged."""
    points = np.tile(EYES_AND_MOUTH, (len(asides), 1, 1))
    points[:, 2, 0] = 2 * np.array(asides)  # the eyes are 2 apart
    turn = 7 * np.array([[0.8, 0.6], [-0.6, 0.8]])
    return points @ turn + 30


def test_yaw_is_how_far_the_nose_is_aside_whatever_the_place_size_and_tilt():
    assert_allclose(yaw(faces([0.0, 0.25, -0.5])), [0, 0.25, -0.5], atol=1e-12)


def test_thirds_of_faces_by_how_far_they_are_turned():
    keypoints = faces([0.5, -0.1, 0.0, -0.9, 0.2, 0.3])

    def arrays(split, count, fields):
        blank = np.zeros((count, 4, 4))
        found = {name: blank for name in fields} | {"keypoints": keypoints}
        return found | {"identity": np.arange(count), "image": np.zeros((count, 4, 4, 3))}

    found = read_faces(arrays, "test", 6)
    rows = {name: sorted(part) for name, part in found.parts.items()}
    assert rows == {"frontal": [1, 2], "turned": [4, 5], "most turned": [0, 3]}
    assert len(found.select(found.parts["turned"])) == 2
