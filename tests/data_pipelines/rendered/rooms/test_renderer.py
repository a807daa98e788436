"""What every rendered room must be: deterministic, furnished, its corners where surfaces meet."""

import numpy as np
import pytest

from data_pipelines.rendered.rooms import KEYPOINT_NAMES, SURFACES, render_room
from data_pipelines.rendered.rooms.camera import Camera, Room, keypoints, visible_part
from data_pipelines.rendered.rooms.furniture import Piece
from data_pipelines.rendered.rooms.materials import Material
from data_pipelines.rendered.rooms.renderer import build, look
from data_pipelines.rendered.rooms.tracing import blocked, trace

ROOM = Room(4.0, 2.5, 5.0)
# Looks straight at the far wall from 4 m, 90 degrees wide.
CAMERA = Camera(eye=np.array([0.0, 1.25, 4.0]), yaw=0.0, pitch=0.0, roll=0.0, focal=0.5)
PLAIN = Material(np.ones(3), np.ones(3))


def looking(**angles):
    return Camera(**vars(CAMERA) | angles)


@pytest.fixture(scope="module")
def rooms():
    return [render_room("train", index) for index in range(12)]


def test_rays_and_projection_are_inverse():
    camera = looking(yaw=0.3, pitch=-0.1, roll=0.05)
    points = camera.eye[:, None] + 2.5 * camera.rays(8)
    x, y = camera.project(points)
    columns, rows = np.meshgrid(np.arange(8), np.arange(8))
    np.testing.assert_allclose(x * 8 - 0.5, columns.ravel(), atol=1e-5)
    np.testing.assert_allclose(y * 8 - 0.5, rows.ravel(), atol=1e-5)


def test_worked_corners_and_ends_of_edges():
    points, shares, valid = keypoints(ROOM, CAMERA)
    assert valid.all()
    # The far wall is 4 m away: half its width is a quarter of the picture.
    np.testing.assert_allclose(shares[:, 0], [0.25, 0.5 + 0.5 * 1.25 / 4])
    np.testing.assert_allclose(shares[:, 3], [0.75, 0.5 - 0.5 * 1.25 / 4])
    # The edges leave the picture sideways, 2 m before the camera.
    np.testing.assert_allclose(points[2, 4:], 2)
    np.testing.assert_allclose(shares[:, 4], [0, 0.5 + 0.5 * 1.25 / 2], atol=1e-6)


def test_edges_that_are_not_in_the_picture_have_no_part_in_it():
    away = looking(yaw=2.0)
    assert visible_part(ROOM.low, away, ROOM.depth) == (0, 0, False)
    # Turned aside, the camera sees the edge but not the corner where it begins.
    aside = looking(yaw=1.1)
    _, _, valid = keypoints(ROOM, aside)
    assert not valid[:4].all() and valid[4:].any()


def test_rays_meet_the_nearest_of_walls_boxes_and_ellipsoids():
    box = Piece(np.array([-0.5, 1.0, 1.0]), np.array([0.5, 1.5, 2.0]), PLAIN)
    ball = Piece(np.array([-2.0, 0.25, 1.0]), np.array([0.0, 2.25, 3.0]), PLAIN, is_round=True)
    eye = np.array([[0.0], [1.25], [4.0]])
    down = np.array([[0.0, 0, 0], [0, -1, 0.2], [-1, 0, -1]])
    hits = trace(eye, down, ROOM, [box])
    assert hits.pieces.tolist() == [0, -1, -1]
    np.testing.assert_allclose(hits.points[:, 0], [0, 1.25, 2])
    np.testing.assert_allclose(hits.normals[:, 0], [0, 0, 1])
    np.testing.assert_allclose(hits.points[:, 1], [0, 0, 4])
    np.testing.assert_allclose(hits.normals[:, 1], [0, 1, 0])
    side = trace(np.array([[-1.0], [1.25], [4.0]]), np.array([[0.0], [0], [-1]]), ROOM, [box, ball])
    assert side.pieces.tolist() == [1]
    np.testing.assert_allclose(side.points[:, 0], [-1, 1.25, 3])
    np.testing.assert_allclose(side.normals[:, 0], [0, 0, 1], atol=1e-6)
    ends = np.array([[0.0, 0, 1.9], [1.25, 1.25, 1.25], [0, 2.5, 0]])
    assert blocked(eye, ends, [box]).tolist() == [True, False, False]


def test_surfaces_meet_where_a_corner_is_seen(rooms):
    checked = 0
    meeting = {"floor": 0, "ceiling": 1}, {"left": 3, "right": 4}
    for room in rooms:
        for point in np.flatnonzero(room["visible"][:4]):
            level, side = KEYPOINT_NAMES[point].split("_")
            x, y = np.round(room["keypoints"][point]).astype(int)
            near = room["surface"][max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
            wanted = {meeting[0][level], meeting[1][side], SURFACES.index("far_wall")}
            furniture = (near == SURFACES.index("furniture")).any()
            at_border = min(x, y) < 2 or max(x, y) > 61
            checked += wanted <= set(near.ravel().tolist())
            assert furniture or at_border or wanted <= set(near.ravel().tolist())
    assert checked > 12


def test_corners_are_seen_in_some_pictures_and_hidden_in_others(rooms):
    valid, visible = (
        np.array([room[name] for room in rooms]) for name in ("keypoint_valid", "visible")
    )
    assert not (visible & ~valid).any()
    assert 0.5 < valid.mean() < 1 and 0.3 < visible.mean() < valid.mean()
    assert visible.any(0).all()
    points = np.array([room["keypoints"] for room in rooms])
    assert (points[valid] >= -0.51).all() and (points[valid] <= 63.51).all()
    assert not points[~valid].any()


def test_pictures_show_furniture(rooms):
    furniture = [(room["surface"] == SURFACES.index("furniture")).mean() for room in rooms]
    assert 0.05 < np.mean(furniture) < 0.6


def test_nothing_stands_in_something_else_or_before_the_camera():
    for index in range(6):
        scene = build("train", index, 0)
        eye = scene.view.camera.eye[:, None]
        assert not blocked(eye, eye - 0.5, scene.pieces)
        for piece in scene.pieces:
            assert (piece.low >= scene.room.low - 0.01).all(), piece
            assert (piece.high <= scene.room.high).all(), piece
            assert (piece.low < piece.high).all(), piece


def test_an_empty_room_shows_no_furniture():
    scene = build("train", 0, 0)._replace(pieces=[])
    assert (look(scene, 8).pieces == -1).all()
