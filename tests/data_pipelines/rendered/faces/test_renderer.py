"""What every rendered face must be: deterministic, inside the picture, consistent with itself."""

import numpy as np
import pytest

from data_pipelines.rendered.engine.draws import Drawn
from data_pipelines.rendered.faces import render_face
from data_pipelines.rendered.faces.camera import placed, project
from data_pipelines.rendered.faces.hair_paint import LONG
from data_pipelines.rendered.faces.head import mean_head
from data_pipelines.rendered.faces.parameters import (
    draw_identity,
    draw_view,
    generator,
    identity_of,
)

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def faces():
    return [render_face("train", index) for index in range(80)]


def looked_up(face, points_px):
    columns, rows = np.round(points_px).astype(int).T
    return face["surface"][rows, columns].astype(np.float32)


def grown(mask):
    """The mask and its neighbours."""
    wide = np.pad(mask, 1)
    s = mask.shape[0]
    return np.any([wide[i : i + s, j : j + s] for i in range(3) for j in range(3)], axis=0)


def test_identities_of_the_splits_are_disjoint_and_have_several_pictures():
    ids = {s: [render_face(s, i, size=16)["identity"] for i in range(12)] for s in SPLITS}
    for split in SPLITS:
        others = set().union(*(ids[s] for s in SPLITS if s != split))
        assert not others & set(ids[split])
        assert 1 < len(set(ids[split])) < 12


def test_keypoints_lie_inside_the_picture_and_on_the_head(faces):
    for face in faces:
        points, size = face["keypoints"], 64
        assert points.min() >= 0.06 * size and points.max() <= 0.94 * size
        columns, rows = np.round(points).astype(int).T
        assert grown(face["mask"])[rows, columns].all()


def test_left_is_left_and_up_is_up_in_upright_frontal_faces(faces):
    left, right, nose, mouth_left, mouth_right = np.mean([f["keypoints"] for f in faces], axis=0)
    assert left[0] < nose[0] < right[0] and mouth_left[0] < nose[0] < mouth_right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])


def test_eyes_are_never_close_together_in_the_picture(faces):
    iod = [np.linalg.norm(f["keypoints"][0] - f["keypoints"][1]) for f in faces]
    assert min(iod) > 0.11 * 64


def test_visible_points_lie_on_their_own_canonical_coordinate(faces):
    head = mean_head()
    canonical = head.points68.on(head.vertices).T
    errors = []
    for face in faces:
        x, y = np.round(face["points68"]).astype(int).T
        seen = face["visible"] & (x >= 0) & (y >= 0) & (x < 64) & (y < 64)
        seen[seen] = face["mask"][y[seen], x[seen]]
        errors.append(
            np.linalg.norm(looked_up(face, face["points68"][seen]) - canonical[seen], axis=1)
        )
    errors = np.concatenate(errors)
    assert len(errors) > 3000
    # A pixel is 0.2 to 0.8 cm wide, more where the surface turns away.
    assert np.median(errors) < 0.25 and np.percentile(errors, 97) < 1.5


def test_keypoints_have_the_same_canonical_coordinate_on_every_face():
    head = mean_head()
    canonical = head.keypoints.on(head.vertices).T
    for index in range(6):
        face = render_face("test", index, size=128)
        error = np.linalg.norm(looked_up(face, face["keypoints"]) - canonical, axis=1)
        assert np.nanmedian(error) < 0.2


def test_five_points_agree_with_the_68(faces):
    for face in faces:
        five, many = face["keypoints"], face["points68"]
        iod = np.linalg.norm(five[0] - five[1])
        eyes = np.stack([many[36:42].mean(0), many[42:48].mean(0)])
        assert np.abs(eyes - five[:2]).max() < 0.12 * iod
        np.testing.assert_allclose(many[[30, 48, 54]], five[2:], atol=1e-3)


def test_the_68_points_follow_the_ibug_layout():
    flat = mean_head().points68.on(mean_head().vertices)[:2].T
    pairs = [(i, 16 - i) for i in range(9)] + [(17 + i, 26 - i) for i in range(5)]
    pairs += [(31, 35), (32, 34), (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    pairs += [(48, 54), (49, 53), (50, 52), (59, 55), (58, 56), (60, 64), (61, 63), (67, 65)]
    for left, right in pairs:
        np.testing.assert_allclose(flat[left] * [-1, 1], flat[right], atol=0.03)
        assert flat[left, 0] <= 0
    middle = [27, 28, 29, 30, 33, 51, 62, 66, 57, 8]
    assert np.abs(flat[middle, 0]).max() < 0.01 and (np.diff(flat[middle, 1]) < 0).all()
    assert (flat[[37, 38], 1] > flat[[41, 40], 1]).all()


def test_the_mask_has_long_hair_but_no_neck(faces):
    chin = -13.6  # lowest point of the mean head
    reach = {}
    for index, face in enumerate(faces):
        who = draw_identity(generator(0, "train", "identity", identity_of("train", index)))
        lowest = np.nanmin(face["surface"][..., 1])
        reach.setdefault(who.hair_style in LONG, []).append(lowest)
    assert min(reach[False]) > chin > -14
    assert min(reach[True]) < -16


def test_a_face_pushed_aside_stops_at_the_border():
    view = draw_view(generator(0, "train", "view", 0))
    keypoints = mean_head().keypoints.on(mean_head().vertices)
    for x, y in [(-9, -9), (9, 9), (9, -9)]:
        aside = Drawn(**vars(view) | {"shift": np.array([x, y])})
        points = project(keypoints, aside, placed(keypoints, aside))
        np.testing.assert_allclose(points.min() if x < 0 else points.max(), 0.5 + x / 9 * 0.425)
        assert points.min() > 0.06 and points.max() < 0.94


def test_the_mean_shape_is_a_poor_guess():
    points = np.stack([render_face("train", i, size=16)["keypoints"] + 0.5 for i in range(300)])
    iod = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1)
    error = np.linalg.norm(points - points.mean(0), axis=-1).mean(1) / iod
    assert 0.45 <= error.mean() <= 0.65


def test_few_pixels_of_a_head_are_white(faces):
    images, on_head = (np.stack([face[name] for face in faces]) for name in ("image", "mask"))
    assert (images[on_head] >= 254).mean() < 0.02
