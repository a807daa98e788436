"""Pictures of matches: colours, lines, and the sheets of a model that shifts everything."""

import numpy as np
import pytest

from c3jax.coordinates import numpy_grid
from c3jax.files import tested
from c3jax.files.pairs import Pairs, Side
from c3jax.inference import Matches
from c3jax.tools.measure.alignment import Headline
from c3jax.tools.measure.pck import correct_points, pck_table
from c3jax.tools.overlays import GAP
from data_pipelines.load import AlignmentData
from experiments.show import matches
from experiments.show.matches import (
    RIGHT,
    UNKNOWN,
    WRONG,
    Ends,
    draw_carried,
    draw_gallery,
    draw_test,
    flow_colors,
)
from experiments.show.pictures import TILE

SIZE, SHIFT = 9, np.array([0.5, 0.0])  # two pixels to the right, in the target
STEP = TILE + GAP
TO_TARGET = Headline("bbox-kp", "source_to_target")
TO_SOURCE = Headline("bbox-kp", "target_to_source")


class Shifting:
    """A model."""

    def align(self, source, target):
        cells = numpy_grid((3, 3))
        sure = np.linspace(0.1, 0.9, 9).reshape(3, 3)
        shape = source.shape[:2]
        return Matches(shape, target.shape[:2], cells + SHIFT, cells - SHIFT, sure, sure)


def shifted(count=3, *, points=True, dense=False):
    """The first point of each pair is where the model puts it, the second is not."""
    images = np.random.default_rng(0).integers(0, 256, (2 * count, SIZE, SIZE, 3), np.uint8)
    source, target = np.arange(count), np.arange(count) + count

    def side(numbers, points_px):
        return Side(
            files=(None,) * count,
            sizes=np.full((count, 2), SIZE),
            numbers=numbers,
            points_px=tuple([np.array(points_px, np.float32)] * count) if points else None,
        )

    pairs = Pairs(
        "shifted",
        side(source, [[2, 2], [2, 6], [0, 0]]),
        side(target, [[4, 2], [8, 6], [3, 0]]),
        np.zeros(count, bool),
    )
    truth = None
    if dense:
        places = np.broadcast_to(np.array([8.0, 0.0]), (count, SIZE, SIZE, 2))
        known = np.ones((count, SIZE, SIZE), bool)
        truth = tested.DenseTruth(places, known, known)
    return tested.TestPairs(pairs, images, source, target, truth)


def data_of(tests, **changes):
    images = np.zeros((4, SIZE, SIZE, 3), np.uint8)
    pairs = np.array([[0, 1], [2, 3]])
    fields = {"name": "x", "description": "", "images": images, "pairs": pairs}
    return AlignmentData(**fields | {"categories": np.zeros(2), "tests": tests} | changes)


@pytest.mark.parametrize("headline", [TO_TARGET, TO_SOURCE])
def test_key_points_are_right_where_pck_says_so(headline):
    test = shifted()
    found = [Shifting().align(*test.images[[0, 3]])] * 3
    ends = matches.carry_key_points(found, test.pairs, headline)
    shift = SHIFT if headline is TO_TARGET else -SHIFT
    np.testing.assert_allclose(ends[0].carried[0] - ends[0].points[0], shift, atol=1e-6)
    assert ends[0].correct.tolist() == [True, False, False]
    table = pck_table(*[[e.carried for e in ends]] * 2, test.pairs)
    percent = table["definitions"]["bbox-kp"][headline.direction]["per_pair"]["0.10"]
    assert percent == pytest.approx(100 / 3)


def test_correct_points_make_up_the_table_of_every_definition():
    random = np.random.default_rng(1)

    def side(sizes, first):
        points_px = [random.uniform(0, 20, (count, 2)).astype(np.float32) for count in (4, 2)]
        boxes = np.array([[0, 0, 20, 9], [2, 1, 14, 22]], np.float32)
        numbers = np.arange(2) + first
        return Side((None,) * 2, np.array(sizes), numbers, tuple(points_px), boxes)

    pairs = Pairs("p", side([(30, 21), (25, 60)], 0), side([(21, 44), (80, 24)], 2), np.zeros(2))
    ends = {"source_to_target": pairs.target, "target_to_source": pairs.source}
    carried = {w: p.points()[0] + random.normal(0, 0.2, (2, 4, 2)) for w, p in ends.items()}
    table = pck_table(carried["source_to_target"], carried["target_to_source"], pairs)
    for name, ways in table["definitions"].items():
        for way, found in ways.items():
            correct = correct_points(carried[way], pairs, definition=name, direction=way, alpha=0.1)
            assert correct.shape == (2, 4) and not correct[1, 2:].any()
            percent = 100 * np.mean([correct[0].mean(), correct[1, :2].mean()])
            assert found["per_pair"]["0.10"] == pytest.approx(percent)


def test_a_sheet_has_a_row_for_each_pair_and_the_wheel():
    plain = draw_test(Shifting(), "t", shifted(), TO_TARGET)
    assert plain.image.height == 4 * STEP - GAP + 21 and plain.image.width == 5 * STEP - GAP
    dense = draw_test(Shifting(), "t", shifted(dense=True), TO_TARGET)
    assert dense.image.width == 6 * STEP - GAP
    assert "green within alpha 0.1 of the definition bbox-kp" in plain.caption
    back = draw_test(Shifting(), "t", shifted(), TO_SOURCE)
    assert "key points of the target to the source" in back.caption


def test_the_flow_stands_beside_the_true_one():
    picture = draw_test(Shifting(), "t", shifted(dense=True), TO_TARGET).image
    middle = 21 + TILE // 2
    flow, true = (picture.getpixel((STEP * k + TILE // 2, middle)) for k in (3, 4))
    np.testing.assert_allclose(flow, [255, 127, 127], atol=3)  # half to the right
    assert true != flow  # the middle belongs to the upper right corner
    assert true[0] > 250 and true[1] < 5


def test_pairs_without_key_points_show_their_surest_matches():
    picture = draw_test(Shifting(), "t", shifted(points=False), TO_TARGET)
    assert picture.caption.startswith("Lines tie the surest matches")
    ends = matches.surest_ends(Shifting().align(*shifted().images[:2]))
    assert ends.points[0].tolist() == [1, 1]
    np.testing.assert_allclose(ends.carried - ends.points, np.tile(SHIFT, (len(ends.points), 1)))


def test_every_set_has_its_sheet_and_without_any_training_pairs_are_shown():
    sheets = draw_gallery(Shifting(), data_of({"a": shifted(), "b": shifted()}), TO_TARGET)
    assert [sheet.name for sheet in sheets] == ["matches_0", "matches_1"]
    assert [sheet.title for sheet in sheets] == ["Matches: a", "Matches: b"]
    (own,) = draw_gallery(Shifting(), data_of({}), TO_TARGET)
    assert own.title == "Matches: training pairs" and own.image.height == 3 * STEP - GAP + 21


@pytest.mark.parametrize("count", [1, 2, matches.SHOWN, 300])
def test_shown_pairs_are_spread(count):
    rows = matches.shown_rows(count)
    assert len(rows) == min(count, matches.SHOWN) and rows[0] == 0 and rows[-1] == count - 1


def test_directions_have_the_hues_of_the_wheel_and_lengths_its_saturation():
    flow = np.array([[[1.0, 0.0], [-0.5, 0.0], [0.0, 0.0], [4.5, 0.0], [np.nan, 0.0]]])
    colors = flow_colors(flow)[0]
    np.testing.assert_allclose(colors[0], [1, 0, 0], atol=1e-6)  # right is red
    np.testing.assert_allclose(colors[1], [0.5, 1, 1], atol=1e-6)  # left is its opposite, half
    np.testing.assert_allclose(colors[2], [1, 1, 1])  # what stays is white
    np.testing.assert_allclose(colors[3], colors[0])  # no more than full
    np.testing.assert_allclose(colors[4], [UNKNOWN] * 3)


def test_the_wheel_shows_a_flow_that_points_outwards():
    wheel = matches.flow_wheel(41)
    np.testing.assert_allclose(wheel[20, 40], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(wheel[20, 20], [1, 1, 1])
    np.testing.assert_allclose(wheel[0, 0], [1, 1, 1])  # outside
    down, up = wheel[40, 20], wheel[0, 20]
    np.testing.assert_allclose(down + up, [1, 1, 1], atol=1e-6)  # opposite hues


def test_confidence_rises_from_blue_to_yellow():
    low, high = matches.heat_colors(np.array([[0.0, 1.0]]))[0]
    assert low[2] > low[1] and high[0] > 0.9 and high[2] < 0.2


def test_right_and_wrong_points_are_told_apart_by_colour():
    grey = np.full((16, 16, 3), 90, np.uint8)
    points = np.array([[-0.5, -0.5], [-0.5, 0.5]])
    image = np.asarray(
        draw_carried(grey, grey, Ends(points, points, points, np.array([True, False])))
    ).astype(int)
    assert image.shape == (TILE, 2 * TILE + GAP, 3)

    def place(point, shift):
        x, y = ((point + 1) / 2 * 15 + 0.5) / 16 * TILE
        return round(y), round(x) + shift

    for shift in (0, TILE + GAP):
        for point, color in zip(points, (RIGHT, WRONG), strict=True):
            assert np.abs(image[place(point, shift)] - color).max() < 20
    own = np.asarray(draw_carried(grey, grey, Ends(points, points))).astype(int)
    assert np.abs(own[place(points[0], 0)] - RIGHT).max() > 20
