"""Consistency of landmarks: worked values, and what perfect, fixed and broken detectors score."""

import numpy as np
import pytest

from c3jax.coordinates import numpy_grid, to_normalized
from data_pipelines.load import Evaluation
from experiments.measure import consistency
from experiments.measure.consistency import Found, Pairs, evaluate_consistency, random_pairs

SIZE, HEAD = 32, 12  # pixels of an image, and of the square head in it
CORNERS = np.array([[4, 6], [10, 3], [8, 9], [15, 12]])  # (x, y) of the head's corner by image
EYES = np.array([[2, 3], [8, 3]])  # on the head: 6 px apart
SPOTS = np.array([[1, 1], [5, 6], [10, 9]])


@pytest.fixture
def heads() -> Evaluation:
    """Four images of one square head, moved about; the surface is the place on the head."""
    masks = np.zeros((4, SIZE, SIZE), bool)
    surfaces = np.zeros((4, SIZE, SIZE, 3), np.float16)
    rows, columns = np.mgrid[:HEAD, :HEAD]
    for mask, surface, (x, y) in zip(masks, surfaces, CORNERS, strict=True):
        mask[y : y + HEAD, x : x + HEAD] = True
        surface[y : y + HEAD, x : x + HEAD] = np.stack([columns, rows, 0 * rows], -1)
    keypoints = (CORNERS[:, None] + EYES).astype(np.float32)
    images = np.zeros((4, SIZE, SIZE, 3), np.uint8)
    return Evaluation(images, keypoints, masks=masks, surfaces=surfaces)


def test_each_image_meets_another_one():
    pairs = random_pairs(5, 23)
    assert len(pairs) == 23
    assert (pairs.source != pairs.target).all()
    assert np.bincount(pairs.source).tolist() == pytest.approx([4.6] * 5, abs=0.7)
    np.testing.assert_array_equal(pairs, random_pairs(5, 23))
    with pytest.raises(ValueError, match="two pictures or more, got 1"):
        random_pairs(1, 3)


def test_a_field_carries_points_in_pixels():
    shift = np.array([0.5, -0.25], np.float32)  # of a square of 33 pixels: 8 and -4
    field = (numpy_grid((5, 5)) + shift)[None].astype(np.float32)
    carried = consistency.carry(np.array([[[10.0, 12.0]]]), field, (33, 33))
    np.testing.assert_allclose(carried, [[[18.0, 8.0]]], atol=1e-4)


def test_a_perfect_detector_and_flow_have_no_error(heads):
    pairs = random_pairs(4, 12)
    found = Found(_landmarks(CORNERS[:, None] + SPOTS), _shifts(pairs))
    result = evaluate_consistency(found, found, pairs, heads.images, heads)
    assert result["landmarks_true"]["px"] == pytest.approx(0, abs=1e-4)
    assert result["landmarks_true"]["seen_percent"] == 100
    assert result["landmarks_carried_by_flow"]["percent"] == pytest.approx(0, abs=1e-3)
    assert result["flow_true"]["px"] == pytest.approx(0, abs=1e-4)
    moved = np.linalg.norm(CORNERS[pairs.source] - CORNERS[pairs.target], axis=-1).mean()
    for name in ("landmarks_carried_by_flow", "flow_true"):
        assert result[name]["identity_px"] == pytest.approx(moved, rel=1e-4)
        assert result[name]["identity_percent"] == pytest.approx(moved / 6 * 100, rel=1e-4)


def test_a_detector_that_never_moves_is_seen_through_by_the_truth_alone(heads):
    pairs = Pairs(np.array([0, 1]), np.array([2, 3]))
    still = np.broadcast_to(np.array([[12.0, 11.0]]), (4, 1, 2))
    nowhere = np.broadcast_to(numpy_grid((3, 3)), (2, 3, 3, 2)).astype(np.float32)
    found = Found(_landmarks(still), nowhere)
    result = evaluate_consistency(found, found, pairs, heads.images, heads)
    assert result["landmarks_carried_by_flow"]["px"] == pytest.approx(0, abs=1e-4)
    moved = np.linalg.norm(CORNERS[pairs.source] - CORNERS[pairs.target], axis=-1)
    assert result["landmarks_true"]["px"] == pytest.approx(moved.mean(), rel=1e-3)
    assert result["landmarks_true"]["fixed_px"] == pytest.approx(moved.mean(), rel=1e-3)


def test_a_point_keeps_its_place_within_its_pixel_and_off_the_head_has_no_truth(heads):
    pairs = Pairs(np.array([0]), np.array([1]))
    points = np.array([[[0.0, 0.0], [5.0, 7.0], [5.3, 6.8]]])
    carried = consistency.true_positions(points, pairs, heads.masks, heads.surfaces)
    assert np.isnan(carried[0, 0]).all()
    np.testing.assert_allclose(carried[0, 1:], [[11, 4], [11.3, 3.8]])


def test_random_points_lie_on_the_head(heads):
    pairs = random_pairs(4, 6)
    points = consistency.random_head_points(pairs, heads.masks).astype(int)
    for image, (x, y) in zip(pairs.source, points.transpose(0, 2, 1), strict=True):
        assert heads.masks[image, y, x].all()


def test_without_annotations_percents_are_of_the_side_and_nothing_is_said_of_faces(heads):
    pairs = random_pairs(4, 3)
    found = Found(_landmarks(CORNERS[:, None] + SPOTS), _shifts(pairs))
    result = evaluate_consistency(found, found, pairs, heads.images)
    carried = result["landmarks_carried_by_flow"]
    assert carried["identity_percent"] == pytest.approx(100 / SIZE * carried["identity_px"])
    assert "landmarks_true" not in result and "flow_true" not in result
    assert result["normalizer"] == "side of the picture"
    assert result["protocol"].endswith("percent: of the side of the picture")


def test_all_landmarks_off_the_head_give_no_number_rather_than_nan(heads):
    pairs = random_pairs(4, 3)
    found = Found(np.full((4, 2, 2), -1.0, np.float32), _shifts(pairs))
    result = evaluate_consistency(found, found, pairs, heads.images, heads)
    assert result["landmarks_true"]["px"] is None
    assert result["landmarks_true"]["seen_percent"] == 0


def test_one_flow_for_all_measures_the_same_as_the_whole(heads):
    pairs = random_pairs(4, 5)
    found = Found(_landmarks(CORNERS[:, None] + SPOTS + 0.5), _shifts(pairs) + 0.1)
    whole = evaluate_consistency(found, found, pairs, heads.images, heads)
    one = consistency.carried_error(found, pairs, heads.images, heads)
    assert one == {name: whole["landmarks_carried_by_flow"][name] for name in ("px", "percent")}


def _landmarks(points_px) -> np.ndarray:
    return np.asarray(to_normalized(np.asarray(points_px, np.float32), (SIZE, SIZE)))


def _shifts(pairs: Pairs) -> np.ndarray:
    """The true fields: heads are moved, not turned."""
    moved_px = (CORNERS[pairs.target] - CORNERS[pairs.source])[:, None, None]
    return (numpy_grid((8, 8)) + 2 * moved_px / (SIZE - 1)).astype(np.float32)
