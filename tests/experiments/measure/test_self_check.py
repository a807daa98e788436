"""Whether landmarks are good, without labels: worked values, and planted faults that are named."""

import dataclasses

import numpy as np
import pytest

from c3jax.coordinates import numpy_grid
from c3jax.tools.errors import UsageError
from data_pipelines.load import AlignmentData, Data, Evaluation, values
from experiments.measure import self_check
from experiments.measure.self_check import (
    displacement_slope,
    measure_self_check,
    own_centroid_share,
)
from experiments.show.verdict import check_photos
from tests.experiments.tiny import smooth_picture

SIDE, COUNT = 64, 16
CELLS = numpy_grid((SIDE, SIDE))
SPOTS = np.array([[-0.3, -0.2], [0.35, -0.25], [0.0, 0.35]])  # of a red, a green and a blue disc


def objects(count):
    """Three discs, moved about together on a dark ground of low contrast."""
    rng = np.random.default_rng(0)
    found = []
    for index, shift in enumerate(rng.uniform(-0.3, 0.3, (count, 2))):
        ground = np.asarray(smooth_picture(SIDE, SIDE, index)).mean(-1, keepdims=True) * 0.15
        discs = [np.exp(-np.square(CELLS - spot - shift).sum(-1) / 0.02) for spot in SPOTS]
        found.append(np.clip(ground + 190 * np.stack(discs, -1), 0, 255))
    return np.stack(found).astype(np.uint8)


def discs_of(images):
    """A detector that follows exactly: the middle of each colour's disc, `[n, 3, 2]`."""
    bright = images.astype(float)
    bright = np.maximum(bright - 60 - (bright.sum(-1, keepdims=True) - bright), 0) ** 2
    return np.einsum("nhwk,hwc->nkc", bright, CELLS) / bright.sum((1, 2))[..., None]


def anywhere(images):
    """Points `[n, 1, 2]` that have nothing to do with what is there."""
    return np.random.default_rng(1).uniform(-0.9, 0.9, (len(images), 1, 2))


@pytest.fixture(scope="module")
def images():
    return objects(COUNT)


def test_the_slope_is_least_squares_about_the_mean_of_the_views():
    found, true = np.array([1.0, 2.0, 6.0]), np.array([0.0, 1.0, 2.0])
    assert displacement_slope(found, true) == pytest.approx(2.5)
    both = np.stack([found, found + 7], 1), true[:, None]  # where they are besides does not count
    assert displacement_slope(*both) == pytest.approx(2.5)
    assert displacement_slope(np.ones(3), true) == 0
    assert displacement_slope(found, np.ones(3)) is None
    assert displacement_slope(found * np.nan, true) is None


def test_the_share_of_the_own_centroid_is_a_worked_sum():
    # Of the first landmark one picture of four looks like the second one.
    first, second = [[0.0], [0.0], [0.0], [9.0]], [[8.0]] * 4
    features = np.stack([first, second], axis=1)
    np.testing.assert_allclose(own_centroid_share(features, 2), [(0.75 - 0.5) / 0.5, 1.0])


def test_equal_centroids_share_the_picture_and_are_chance():
    features = np.random.default_rng(0).normal(size=(30, 1, 4))
    np.testing.assert_allclose(own_centroid_share(np.repeat(features, 2, 1), 2), [0, 0], atol=1e-9)


def test_random_places_compete_with_the_landmarks():
    rng = np.random.default_rng(0)
    at_landmark = 5 + 0.1 * rng.normal(size=(200, 1, 4))
    elsewhere = rng.normal(size=(200, 5, 4))
    features = np.concatenate([at_landmark, elsewhere], axis=1)
    assert own_centroid_share(features[:, :2], 2)[1] == 1  # by elimination
    spot, none = own_centroid_share(features, 2)
    assert spot == 1 and none < self_check.ELSEWHERE


def test_warps_and_crops_are_the_same_every_time_and_crops_stay_inside():
    np.testing.assert_array_equal(self_check.fixed_warps(5), self_check.fixed_warps(5))
    crops = self_check.shifted_crops(50)
    assert crops.shape == (2, 50, 2, 3) and self_check.fixed_warps(5).shape == (4, 5, 2, 3)
    corners = np.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    seen = self_check.carry(crops, np.broadcast_to(corners, (2, 50, 4, 2)))
    assert np.abs(seen).max() <= 1 + 1e-6
    shifts = np.abs(crops[..., 2]) / 2
    assert 0.06 < shifts.max() <= 0.07
    np.testing.assert_allclose(crops[0, ..., 2], -crops[1, ..., 2])


def test_points_are_inside_the_copies_that_show_them():
    double = np.array([[0.5, 0, 0], [0, 0.5, 0]])[None, None]  # the middle, enlarged
    points = np.array([[[0.4, -0.4], [0.6, 0.0]]])
    assert self_check.is_inside(double, points).tolist() == [[[True, False]]]


def test_a_detector_that_follows_exactly_is_good(images):
    found = check_photos(discs_of, images)
    assert found["follow"] == pytest.approx(1, abs=0.02)
    assert found["warp_error_percent"] < 1 and found["same_spot"] > 0.9
    assert found["still"] == found["coinciding"] == found["elsewhere"] == []
    assert (found["verdict"], found["pictures"], found["made_on"]) == ("good", 16, "photos")
    assert found["sentence"].startswith("Good: the landmarks follow the object")


def test_a_detector_that_never_moves_follows_nothing(images):
    found = check_photos(lambda seen: np.broadcast_to(SPOTS, (len(seen), 3, 2)), images)
    assert found["follow"] == pytest.approx(0, abs=1e-6)
    assert found["still"] == [0, 1, 2] and found["verdict"] == "poor"
    assert (
        "follow 0 % of a shift" in found["sentence"] and "stand still: 0, 1, 2" in found["sentence"]
    )


PLANTED = {
    "still": (lambda images, own: np.broadcast_to([0.1, 0.2], (len(images), 1, 2)), [3]),
    "coinciding": (lambda images, own: own[:, 1:2] + 0.01, [1, 3]),
    "elsewhere": (lambda images, own: anywhere(images), [3]),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_landmark_is_named(fault, images):
    plant, numbers = PLANTED[fault]

    def detect(seen):
        own = discs_of(seen)
        return np.concatenate([own, plant(seen, own)], axis=1)

    found = check_photos(detect, images)
    assert found[fault] == numbers
    others = {name for name in PLANTED if found[name]} - {fault}
    assert others <= {"elsewhere"} and not {0, 1, 2} & set(found["elsewhere"])
    assert ", ".join(map(str, numbers)) in found["sentence"] and found["verdict"] != "good"


def test_without_the_package_the_spots_are_unknown_and_it_says_why(images, monkeypatch):
    def missing(*wanted):
        raise UsageError("the package is not installed")

    monkeypatch.setattr(self_check, "find_file", missing)
    found = check_photos(discs_of, images)
    assert found["same_spot"] is None and found["reason"] == "the package is not installed"
    assert found["elsewhere"] == [] and found["verdict"] == "good"
    assert "same spot" not in found["sentence"]


def test_one_landmark_has_no_other_to_be_told_from(images):
    found = measure_self_check(lambda seen: discs_of(seen)[:, :1], images[:2], "test pictures")
    assert found["same_spot"] is None and "two landmarks" in found["reason"]
    with pytest.raises(ValueError, match="two pictures or more, got 1"):
        measure_self_check(discs_of, images[:1], "test pictures")


def test_test_pictures_come_before_kept_back_ones_and_those_before_training_ones():
    preview, kept, tested = (np.full((n, 2, 2, 3), n, np.uint8) for n in (5, 8, 210))
    test = Evaluation(tested, np.zeros((210, 1, 2)))
    data = Data("folder", "", 5, batches=None, preview=preview, kept_back=kept, test=test)
    found, what = self_check.pictures_of(data)
    assert (len(found), what) == (200, "test pictures")
    data = dataclasses.replace(data, test=None)
    found, what = self_check.pictures_of(data)
    assert len(found) == 8 and "kept back" in what
    found, what = self_check.pictures_of(dataclasses.replace(data, kept_back=None))
    assert len(found) == 5 and what.startswith("training pictures: of fewer than 40 photos none")
    other = dataclasses.replace(data, kept_back=None, name="lsun")
    assert self_check.pictures_of(other)[1] == "training pictures"


def test_pairs_are_checked_on_the_pictures_of_their_first_test():
    images, rows = np.zeros((70, 2, 2, 3), np.uint8), np.zeros((3, 2), int)
    data = AlignmentData("pairs", "", images, rows, np.zeros(3, int), {})
    found, what = self_check.pictures_of(data)
    assert (len(found), what) == (64, "training pictures")
    tested = {"seen": values.TestPairs(None, images[:6], rows[:, 0], rows[:, 1])}
    found, what = self_check.pictures_of(dataclasses.replace(data, tests=tested))
    assert (len(found), what) == (6, "test pictures")
