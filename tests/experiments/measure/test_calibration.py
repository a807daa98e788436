"""What is fitted after training: on which pictures, and what comes out."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from c3jax.coordinates import numpy_grid
from c3jax.inference.calibration import Calibration
from c3jax.models.reading import Read
from data_pipelines.load import AlignmentData, Data, Evaluation, values
from experiments.measure import calibration
from experiments.measure.calibration import (
    calibrate,
    calibration_of,
    erase,
    fit_calibration,
    fit_landmarks,
    fit_matches,
    kept_back,
    known_pictures,
    probability,
)
from experiments.registry import load_aligner, load_detector
from tests.experiments.tiny import SIZE, smooth_picture, write_run


def photos(count):
    return np.stack([np.asarray(smooth_picture(SIZE, SIZE, seed)) for seed in range(count)])


def data_of(images, **sets):
    def batches(batch_size, seed):
        yield {"source": images[:batch_size]}

    return Data("folder", "", len(images), batches, images[:5], **sets)


@pytest.fixture(scope="module")
def joint(tmp_path_factory):
    """A run that finds landmarks and matches."""
    return write_run(tmp_path_factory.mktemp("runs") / "joint", "jlad")


def test_a_square_is_erased_and_nothing_else():
    images = photos(3)
    erased = erase(images, 0)
    side = round(calibration.ERASED * SIZE)
    for before, after in zip(images, erased, strict=True):
        rows, columns = np.nonzero((before != after).any(-1))
        assert 1 <= np.ptp(rows) < side and 1 <= np.ptp(columns) < side
        mean = before.mean((0, 1)).astype(np.uint8)
        assert (after[rows, columns] == mean).all()
    assert (erase(images, 1) != erased).any()


def test_what_follows_is_near_and_what_is_unseen_or_not_finite_does_not_count():
    values = np.array([[1.0, 2.0, 3.0, np.nan, 5.0]])
    errors = np.array([[1.0, 9.0, 9.0, 0.0, 0.0]])
    seen = np.array([[True, True, True, True, False]])
    found = probability(values, errors, 5.0, seen, increasing=False)
    np.testing.assert_allclose(found([1, 3, 5]), [1, 0, 0])
    assert probability(values * np.nan, errors, 5.0, seen, increasing=False) is None


def test_pictures_that_were_kept_back_come_first_and_training_ones_are_never_taken():
    images, kept, tested = photos(50), photos(8), photos(3)
    test = Evaluation(tested, np.zeros((3, 1, 2)))
    data = data_of(images, kept_back=kept, test=test)
    assert len(kept_back(data)) == 8
    assert len(kept_back(replace(data, kept_back=None))) == 3
    assert kept_back(replace(data, kept_back=None, test=None)) is None
    assert len(known_pictures(data)) == 50
    rows = np.zeros((3, 2), int)
    tests = {"test": values.TestPairs(None, tested, rows[:, 0], rows[:, 1])}
    pairs = AlignmentData("pairs", "", images, rows, np.zeros(3, int), tests)
    assert len(kept_back(pairs)) == 3 and len(known_pictures(pairs)) == 50
    assert kept_back(replace(pairs, tests={})) is None


def test_a_joint_model_gets_all_of_it_and_its_run_keeps_it(joint, tmp_path):
    trained = SimpleNamespace(
        step=7,
        model=SimpleNamespace(
            landmarks=lambda trained: load_detector(joint),
            match=lambda trained: load_aligner(joint),
        ),
    )
    calibrate(trained, data_of(photos(44), kept_back=photos(8)), joint)
    stored = json.loads((joint / calibration.FILE).read_text())
    assert stored["step"] == 7 and set(stored) == {"step", "landmarks", "matches", "object"}
    known = calibration_of(joint, 7)
    for name, falls in (("landmarks", True), ("matches", False)):
        inputs, outputs = getattr(known, name)
        steps = -np.diff(outputs) if falls else np.diff(outputs)
        assert (np.diff(inputs) >= 0).all() and (steps >= 0).all()
        assert outputs.min() >= 0 and outputs.max() <= 1
    assert len(known.object.distances) == 44
    assert calibration_of(joint, 6) == calibration_of(tmp_path, 7) == Calibration()
    for model in (load_detector(joint), load_aligner(joint)):
        np.testing.assert_array_equal(model.calibration.matches, known.matches)


def test_without_pictures_to_spare_nothing_is_claimed(joint):
    detector, aligner = load_detector(joint), load_aligner(joint)
    assert fit_calibration(detector, aligner, None, photos(39)) == Calibration()
    assert fit_calibration(None, None, photos(8), photos(44)) == Calibration()


def test_landmarks_that_follow_a_warp_are_sure_and_those_that_stay_are_not(joint, monkeypatch):
    """A detector of the brightest spot whose spread is 1, beside a still one whose spread is 9."""

    cells = numpy_grid((SIZE, SIZE))

    def locate(model, images):
        bright = np.maximum(images[..., 0].astype(float) - 128, 0) ** 2
        spot = np.einsum("nhw,hwc->nc", bright, cells) / np.maximum(bright.sum((1, 2)), 1)[:, None]
        points = np.stack([spot, np.full_like(spot, 0.5)], 1)
        return points, np.tile([1.0, 9.0], (len(images), 1)), images.mean((1, 2))

    monkeypatch.setattr(calibration, "locate", locate)
    away = np.square(cells - np.array([[0.1, -0.2], [-0.2, 0.1]])[:, None, None]).sum(-1)
    images = np.repeat((255 * np.exp(-away / 0.02))[..., None], 3, -1).astype(np.uint8)
    found = fit_landmarks(None, images)
    assert found(1.0) > 0.7 > 0.4 > found(9.0)


def test_matches_whose_scores_tell_right_from_wrong_are_told_apart(monkeypatch):
    """A matcher that finds each cell where it was, with a high score where nothing has moved."""
    images = np.full((4, 8, 8, 3), 50, np.uint8)
    still = np.tile(np.eye(2, 3, dtype=np.float32), (calibration.VIEWS, 4, 1, 1))
    moved = (np.arange(calibration.VIEWS) % 2).reshape(-1, 1, 1)
    still[..., 2] += 0.5 * moved
    views = images + 50 * moved[..., None, None].astype(np.uint8)
    monkeypatch.setattr(calibration, "warped", lambda images: (still, views))

    def match(source, target):
        same = (source == target).all((1, 2, 3))
        scores = np.broadcast_to(np.where(same, 0.9, 0.1)[:, None, None], (len(source), 3, 5))
        places = np.broadcast_to(numpy_grid((3, 5)), (len(source), 3, 5, 2))
        return Read(places, places, scores, scores)

    found = fit_matches(SimpleNamespace(match=match), images)
    np.testing.assert_allclose(found([0.1, 0.9]), [0, 1])
