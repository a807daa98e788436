"""Errors of regressed keypoints, one protocol each."""

import dataclasses

import numpy as np
import pytest

from c3jax.tools.measure import evaluation
from data_pipelines.load import Evaluation

SHAPE = (9, 9)  # pixels -> [-1, 1]: x / 4 - 1


def faces(keypoints_px, **fields):
    """Annotated black pictures."""
    keypoints_px = np.asarray(keypoints_px, np.float32)
    return Evaluation(np.zeros((len(keypoints_px), *SHAPE, 3), np.uint8), keypoints_px, **fields)


def normalized(points_px):
    return np.asarray(points_px, np.float32) / 4 - 1


def random_faces(count, seed=0):
    """Eyes about a tenth of the picture around (2, 3) and (6, 3), a mouth around (4, 6)."""
    random = np.random.default_rng(seed)
    return np.array([[2, 3], [6, 3], [4, 6]]) + random.normal(0, 0.4, (count, 3, 2))


def test_a_regressor_counts_from_the_corner_of_the_picture():
    # Twice the landmark, from the corner; with one face the shortest weights are exact on it.
    found = evaluation.regress(
        normalized([[[2, 0]], [[0, 2]]]), [[[4, 0]], [[0, 4]]], normalized([[[3, 1]]]), SHAPE
    )
    np.testing.assert_allclose(found, [[[6, 2]]], atol=1e-5)


def test_one_face_gives_the_regressor_of_least_norm():
    # One row (2, 0), one value 4: the shortest weights are (2, 0), so what lies across is dropped.
    found = evaluation.regress(normalized([[[2, 0]]]), [[[4, 0]]], normalized([[[1, 7]]]), SHAPE)
    np.testing.assert_allclose(found, [[[2, 0]]], atol=1e-5)


def test_the_undistorted_error_takes_the_stretch_out():
    # x twice as long as y. Eyes 4 px apart in x; one keypoint misses by 2 px in x, one by 1 in y.
    test = faces([[[2, 2], [6, 2]]], stretch=np.array([2.0]))
    predicted_px = np.array([[[4, 2], [6, 3]]])
    assert evaluation.mean_error(predicted_px, test) == pytest.approx(100 * (2 / 4 + 1 / 4) / 2)
    expected = 100 * (1 / 2 + 1 / 2) / 2
    assert evaluation.undistorted_error(predicted_px, test) == pytest.approx(expected)


def test_parts_of_the_test_faces_are_measured_with_the_same_regressor(results):
    fit, test, _, known, whole = results
    parts = {"common": slice(0, 3), "challenging": slice(3, None)}
    split = dataclasses.replace(test, parts=parts)
    found = evaluation.evaluate_landmarks(*2 * [lambda images: known[id(images)]], fit, split)
    errors = found["nme_of_parts_percent"]
    mean = (3 * errors["common"] + 2 * errors["challenging"]) / 5
    assert mean == pytest.approx(whole["nme_percent"], rel=1e-5)
    assert errors["common"] != errors["challenging"]
    assert ("its common faces", errors["common"]) in evaluation.error_rows(found)


def test_few_shot_draws_faces_without_replacement_and_stops_at_what_there_is():
    keypoints_px, test = random_faces(10), faces(random_faces(5, seed=1))
    landmarks, tested = normalized(random_faces(10, seed=2)), normalized(random_faces(5, seed=3))
    found = evaluation.few_shot(landmarks, keypoints_px, tested, test)
    assert list(found) == ["1", "5", "10"]
    assert found["1"]["deviation"] > 0
    # Ten of ten faces are all faces, in whatever order.
    whole = evaluation.regression_error(landmarks, keypoints_px, tested, test)
    assert found["10"]["mean"] == pytest.approx(whole, rel=1e-3)
    assert found["10"]["deviation"] == pytest.approx(0, abs=1e-2 * whole)
    assert evaluation.few_shot(landmarks, keypoints_px, tested, test) == found


def test_landmarks_that_follow_the_keypoints_are_found_backwards():
    keypoints_px, test_px = random_faces(10), random_faces(5, seed=1)
    test = faces(test_px)

    def landmarks(points_px):  # from the corner a linear map of the keypoints
        return normalized(0.5 * points_px[:, ::-1])

    fitted = (landmarks(keypoints_px), keypoints_px)
    assert evaluation.backward_error(*fitted, landmarks(test_px), test) < 0.01
    # A landmark on its own is not told by the annotations; moved by the eyes' distance, 100 %.
    moved = landmarks(test_px)
    eyes = np.linalg.norm(test_px[:, 0] - test_px[:, 1], axis=-1)
    moved[:, 2, 1] += eyes / 4
    assert evaluation.backward_error(*fitted, moved, test) == pytest.approx(100 / 3, rel=1e-3)


@pytest.fixture(scope="module")
def results():
    """Of a detector that sees the keypoints of the pictures, a little shifted."""
    fit, test, validation = (
        faces(random_faces(n, seed=n), stretch=np.full(n, 1.2)) for n in (10, 5, 4)
    )
    known = {
        id(part.images): normalized(part.keypoints_px + 0.3) for part in (fit, test, validation)
    }
    still = np.zeros((99, 3, 2), np.float32)
    found = evaluation.evaluate_landmarks(
        lambda images: known[id(images)], lambda images: still[: len(images)], fit, test, validation
    )
    return fit, test, validation, known, found


def test_the_landmarks_object_has_every_protocol(results):
    fit, test, validation, known, found = results
    tested = known[id(test.images)], test
    both = [
        np.concatenate([known[id(fit.images)], known[id(validation.images)]]),
        np.concatenate([fit.keypoints_px, validation.keypoints_px]),
    ]
    all_error = evaluation.regression_error(*both, *tested)
    assert found["nme_fitted_on_all_percent"] == pytest.approx(all_error)
    assert (found["fitted_on"], found["fitted_on_all"], found["tested_on"]) == (10, 14, 5)
    # Keypoints that are landmarks but for a shift: exact with an intercept, not without.
    assert found["nme_with_intercept_percent"] < 0.01 < found["nme_percent"]
    # A detector that never moves predicts the mean shape (a constant, by one weight).
    mean_shape = found["mean_shape_nme_percent"]
    assert found["untrained_nme_percent"] == pytest.approx(mean_shape, rel=1e-3)
    assert list(found["few_shot_nme_percent"]) == ["1", "5", "10"]
    assert "least norm" in found["protocol"]


def test_what_is_not_known_is_left_out(results):
    fit, test, _, known, _ = results
    plain = [dataclasses.replace(part, stretch=None) for part in (fit, test)]
    found = evaluation.evaluate_landmarks(*2 * [lambda images: known[id(images)]], *plain)
    absent = {"nme_undistorted_percent", "nme_fitted_on_all_percent", "fitted_on_all"}
    assert not absent & found.keys()


def test_rows_of_the_tables_are_short(results):
    rows = dict(evaluation.error_rows(results[-1]))
    assert rows["in an undistorted frame"] == results[-1]["nme_undistorted_percent"]
    means = [draw["mean"] for draw in results[-1]["few_shot_nme_percent"].values()]
    assert rows["fitted on 1 / 5 / 10 faces"] == " / ".join(f"{mean:.2f}" for mean in means)
    assert evaluation.error_rows({"nme_percent": 1.0}) == []
