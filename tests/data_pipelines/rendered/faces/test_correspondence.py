"""Points carried from one rendered face to another by their canonical coordinates."""

import numpy as np
import pytest

from data_pipelines.rendered.faces import render_face, true_correspondence


@pytest.fixture(scope="module")
def faces():
    return [render_face("test", index, size=96) for index in range(6)]


def carry(a, b, points, **options):
    return true_correspondence(a["surface"], a["mask"], b["surface"], b["mask"], points, **options)


def test_worked_value_on_two_small_maps():
    source, target = np.zeros((2, 3, 3), np.float16), np.full((3, 2, 3), np.nan, np.float16)
    source[..., 0] = [[1, 2, 3], [4, 5, 6]]
    target[..., 0] = [[6, 5], [4, 3], [2, 9]]
    on = np.ones((2, 3), bool), np.ones((3, 2), bool)
    target[..., 1:] = 0
    points, visible = true_correspondence(
        source, on[0], target, on[1], [[1, 1], [2, 0], [0, 0], [5, 0]], tolerance=0.5
    )
    np.testing.assert_array_equal(points, [[1, 0], [1, 1], [0, 2], [np.nan, np.nan]])
    np.testing.assert_array_equal(visible, [True, True, False, False])


def test_a_face_corresponds_to_itself(faces):
    rows, columns = np.nonzero(faces[0]["mask"])
    points = np.stack([columns, rows], -1)[::37]
    carried, visible = carry(faces[0], faces[0], points)
    assert visible.all()
    assert np.abs(carried - points).max(1).mean() < 0.1


def test_keypoints_are_carried_to_keypoints_of_another_person(faces):
    for a, b in zip(faces, faces[1:], strict=False):
        carried, visible = carry(a, b, a["keypoints"])
        assert visible.sum() >= 3
        assert np.abs(carried - b["keypoints"])[visible].max() < 3.5


def test_there_and_back_again(faces):
    for a, b in zip(faces, faces[1:], strict=False):
        inner = a["points68"][17:]
        carried, visible = carry(a, b, inner)
        back, seen = carry(b, a, carried[visible])
        assert seen.mean() > 0.95
        assert np.median(np.linalg.norm(back - inner[visible], axis=1)) < 1.5


def test_the_far_ear_is_hidden_and_the_background_corresponds_to_nothing(faces):
    face = faces[0]
    half = face["mask"] & (face["surface"][..., 0] < 0)
    rows, columns = np.nonzero(face["mask"] & (face["surface"][..., 0] > 2))
    _, visible = true_correspondence(
        face["surface"], face["mask"], face["surface"], half, np.stack([columns, rows], -1)[::50]
    )
    assert not visible.any()
    rows, columns = np.nonzero(~face["mask"])
    carried, visible = carry(face, face, np.stack([columns, rows], -1)[:5])
    assert not visible.any() and np.isnan(carried).all()
