"""PCK: an example by hand for each definition, and the whole table against slow NumPy."""

import json
from pathlib import Path

import numpy as np
import pytest

from c3jax.files.pairs import Pairs, Side
from c3jax.tools.measure.pck import DEFINITIONS, pck_table
from tests.reference import pck as reference

KEYS = ("0.05", "0.10", "0.15")


def pictures(sizes, points, *, numbers=None, boxes=None):
    return Side(
        files=tuple(Path(f"{index}.png") for index in range(len(sizes))),
        sizes=np.array(sizes),
        numbers=np.arange(len(sizes)) if numbers is None else np.array(numbers),
        points_px=tuple(np.array(p, np.float32) for p in points),
        boxes_px=None if boxes is None else np.array(boxes, np.float32),
    )


def one_pair(source, target):
    target = Side(**{**vars(target), "numbers": target.numbers + 1})
    return Pairs("one", source, target, np.array([False]))


def normalized(points_px, size):
    return np.array([2 * np.array(points_px, float) / (np.array(size) - 1) - 1])


def per_pair(table, name, direction):
    found = table["definitions"][name][direction]
    assert found["per_pair"] == found["per_point"]  # of a single pair
    return tuple(found["per_pair"][key] for key in KEYS)


FOUR = [[1, 1], [2, 2], [3, 3], [4, 4]]
HUNDREDS = [[100, 100], [100, 200], [50, 50], [0, 0]]


@pytest.mark.parametrize(
    ("name", "end", "other", "carried", "expected"),
    [
        # To 224x224 x halves, 446 to 223 steps, and y stays; 224 px times .05 is 11.2.
        (
            "scnet",
            pictures([(447, 224)], [[[100, 100], [200, 100], [300, 50], [20, 20]]]),
            pictures([(50, 60)], [FOUR]),
            [[122, 100], [200, 112], [300, 73], [90, 20]],  # off by 11, 12, 23 and 35 px there
            (25, 50, 75),
        ),
        # The longer side of the target is 300: 15, 30 and 45 px, whatever the source.
        (
            "img",
            pictures([(200, 300)], [HUNDREDS]),
            pictures([(900, 20)], [FOUR]),
            [[100, 114], [116, 200], [50, 81], [28, 36]],  # off by 14, 16, 31 and 45.6 px
            (25, 50, 75),
        ),
        # To 240x240 the target's y halves, 478 to 239 steps; 240 px times .05 is 12.
        (
            "img240",
            pictures([(240, 479)], [HUNDREDS]),
            pictures([(30, 20)], [FOUR]),
            [[100, 123], [113, 200], [50, 1], [40, 0]],  # off by 11.5, 13, 24.5 and 40 px there
            (25, 50, 75),
        ),
        # The target's box is 100x40: 5, 10 and 15 px; the source's box does not matter.
        (
            "bbox",
            pictures([(200, 150)], [[[20, 30], [60, 40], [90, 50]]], boxes=[[10, 20, 110, 60]]),
            pictures([(40, 40)], [FOUR[:3]], boxes=[[0, 0, 9, 9]]),
            [[24, 30], [60, 46], [101, 50]],  # off by 4, 6 and 11 px
            (100 / 3, 200 / 3, 100),
        ),
    ],
)
def test_a_definition_by_hand(name, end, other, carried, expected):
    carried = normalized(carried, end.sizes[0])
    if name == "scnet":
        pair, direction = one_pair(end, other), "target_to_source"
    else:
        pair, direction = one_pair(other, end), "source_to_target"
    table = pck_table(carried, carried, pair)
    np.testing.assert_allclose(per_pair(table, name, direction), expected, rtol=1e-6)


def test_bbox_kp_by_hand_in_both_directions():
    # The source's points span 40x80: 4, 8 and 12 px in either picture.
    source = pictures([(100, 150)], [[[10, 20], [50, 100], [30, 60]]])
    target = pictures([(220, 120)], [[[0, 0], [200, 100], [7, 9]]])
    to_target = [[3, 0], [200, 107], [7, 22]]  # off by 3, 7 and 13 px
    to_source = [[10, 20], [50, 109], [30, 67]]  # off by 0, 9 and 7 px
    table = pck_table(
        normalized(to_target, (220, 120)),
        normalized(to_source, (100, 150)),
        one_pair(source, target),
    )
    found = per_pair(table, "bbox-kp", "source_to_target")
    np.testing.assert_allclose(found, [100 / 3, 200 / 3, 200 / 3], rtol=1e-6)
    found = per_pair(table, "bbox-kp", "target_to_source")
    np.testing.assert_allclose(found, [100 / 3, 200 / 3, 100], rtol=1e-6)


def random_pairs(num=40, num_pictures=12, *, seed=0):
    """Pairs of non-square pictures with 1 to 6 points, boxes and categories, and predictions."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(20, 400, (num_pictures, 2))
    numbers = np.stack([rng.choice(num_pictures, 2, replace=False) for _ in range(num)])
    counts = rng.integers(1, 7, num)
    corners = rng.uniform(0, 1, (2, num, 2, 2))
    ends, predicted = [], []
    for side in (0, 1):
        size = sizes[numbers[:, side]]
        points = [rng.uniform(0, s - 1, (p, 2)) for s, p in zip(size, counts, strict=True)]
        boxes = np.sort(corners[side] * size[:, None], axis=1).reshape(num, 4)
        ends.append(pictures(size, points, numbers=numbers[:, side], boxes=boxes))
        shares = [2 * p / (s - 1) - 1 for p, s in zip(points, size, strict=True)]
        predicted.append(np.full((num, counts.max(), 2), np.nan))  # beyond the points of a pair
        for pair, share in enumerate(shares):
            predicted[-1][pair, : len(share)] = share + rng.normal(0, 0.15, share.shape)
    categories = tuple(rng.choice(["car", "duck", "mug"], num).tolist())
    pairs = Pairs("random", *ends, np.zeros(num, bool), categories)
    return pairs, predicted[1], predicted[0]


@pytest.fixture(scope="module")
def random_table():
    pairs, predicted_targets, predicted_sources = random_pairs()
    table = pck_table(predicted_targets, predicted_sources, pairs, draws=100, seed=3)
    return (
        pairs,
        {"source_to_target": predicted_targets, "target_to_source": predicted_sources},
        table,
    )


EVERY = [(d, direction) for d in DEFINITIONS for direction in d.directions]


@pytest.mark.parametrize(
    ("definition", "direction"), EVERY, ids=[f"{d.name}-{w}" for d, w in EVERY]
)
def test_the_table_equals_slow_numpy_of_the_published_definitions(
    random_table, definition, direction
):
    pairs, predicted, table = random_table
    found = table["definitions"][definition.name][direction]
    end = pairs.target if direction == "source_to_target" else pairs.source
    times = np.random.default_rng(3).multinomial(
        pairs.num_pictures, np.full(pairs.num_pictures, 1 / pairs.num_pictures), size=100
    )
    for key in KEYS:
        correct = [
            reference.correct_points(
                predicted[direction][n, : len(end.points_px[n])],
                end.points_px[n].astype(float) + 1,
                end.sizes[n],
                definition.frame,
                reference.length_of(
                    definition.name, end.sizes[n], end.boxes_px[n], pairs.source.points_px[n]
                ),
                float(key),
            )
            for n in range(len(pairs))
        ]
        expected = reference.averages(correct, pairs.categories)
        bounds = reference.interval(
            correct, pairs.categories, pairs.source.numbers, pairs.target.numbers, times
        )
        for name, value in expected.items():
            np.testing.assert_allclose(found[name][key], value, rtol=1e-5, err_msg=name)
            np.testing.assert_allclose(found["interval"][name][key], bounds[name], rtol=1e-5)
            low, high = found["interval"][name][key]
            assert low < found[name][key] < high
        for category, result in found["categories"].items():
            mine = [
                c for c, name in zip(correct, pairs.categories, strict=True) if name == category
            ]
            assert result["pairs"] == len(mine)
            value = 100 * np.mean([np.mean(c) for c in mine])
            np.testing.assert_allclose(result["per_pair"][key], value, rtol=1e-5)


def test_pixels_counted_from_1_and_from_0_agree():
    sizes = [(300, 225), (17, 224)]
    points = [[[0, 0], [299, 224], [13.25, 100]], [[16, 223], [0, 5], [8, 111.5]]]
    found, _ = pictures(sizes, points).points()
    for pair, size in enumerate(sizes):
        for axis in (0, 1):
            published = [reference.normalize(p[axis] + 1, size[axis]) for p in points[pair]]
            np.testing.assert_allclose(found[pair, :, axis], published, atol=1e-6)


def test_perfect_predictions_are_all_correct():
    pairs, *_ = random_pairs(num=8)
    target, source = (end.points()[0] for end in (pairs.target, pairs.source))
    table = pck_table(target, source, pairs, draws=20)
    for found in table["definitions"].values():
        for result in found.values():
            # A single key point has no extent, but its distance is 0 as well, but for rounding.
            if "the box of the source key points" not in result["definition"]:
                assert set(result["per_pair"].values()) == {100}
                assert result["interval"]["per_point"]["0.05"] == [100, 100]


def test_the_table_is_ready_for_json_and_says_what_it_means(random_table):
    pairs, _, table = random_table
    assert json.loads(json.dumps(table)) == table
    assert table["pairs"] == 40 and table["pictures"] == pairs.num_pictures
    assert table["points"] == sum(map(len, pairs.source.points_px))
    assert "100 bootstrap draws" in table["interval"]
    assert table["definitions"]["scnet"]["target_to_source"]["definition"] == (
        "scnet: target key points carried to the source squashed to 224x224 px, correct within "
        "alpha times 224 px; percent (CNNGeo, WeakAlign, NC-Net, C3)"
    )
    other = table["definitions"]["img"]["source_to_target"]["definition"]
    assert "the longer side of the target picture" in other


def test_definitions_without_their_ingredients_are_left_out():
    pairs, predicted_targets, predicted_sources = random_pairs(num=6)
    bare = Pairs(
        "bare",
        *(
            pictures(end.sizes, end.points_px, numbers=end.numbers)
            for end in (pairs.source, pairs.target)
        ),
        pairs.flipped,
    )
    table = pck_table(predicted_targets, predicted_sources, bare, draws=5)["definitions"]
    assert set(table) == {"scnet", "img", "img240", "bbox-kp"}
    assert "mean_of_categories" not in table["img"]["source_to_target"]


def test_a_picture_in_several_pairs_is_resampled_as_one():
    """Ten pairs of ten pictures, or ten copies of one pair: the copies say less."""
    sizes, points = [(100, 100)] * 10, [[[50, 50]]] * 10
    right = np.zeros((10, 1, 2)) + np.array([0.9, 0] * 5)[:, None, None]

    def interval(source, target):
        ends = [pictures(sizes, points, numbers=numbers) for numbers in (source, target)]
        table = pck_table(right, right, Pairs("p", *ends, np.zeros(10, bool)))
        found = table["definitions"]["img"]["source_to_target"]
        assert found["per_pair"]["0.10"] == 50
        low, high = found["interval"]["per_pair"]["0.10"]
        return high - low

    assert interval(np.zeros(10, int), np.ones(10, int)) == 0
    assert interval(np.arange(10), np.arange(10, 20)) > 60


def test_predictions_that_are_not_finite_are_refused():
    pairs, predicted, _ = random_pairs(num=3)
    with pytest.raises(ValueError, match="predicted_sources of pair 2 is not finite"):
        pck_table(predicted, predicted * np.array([1, 1, np.inf])[:, None, None], pairs)
