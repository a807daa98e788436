"""Pairs as a pure function of the step."""

import numpy as np
import pytest

from data_pipelines.sampling import pair_indices, same_category_pairs, shard


def _first(num_positions, *, batch_size, num_examples, seed=3):
    steps = range(-(-num_positions // batch_size))
    pairs = [
        pair_indices(s, batch_size=batch_size, num_examples=num_examples, seed=seed) for s in steps
    ]
    source, target = np.concatenate(pairs, axis=1)[:, :num_positions]
    return source, target


def test_the_first_pairs_of_seed_0_never_change():
    source, target = pair_indices(0, batch_size=5, num_examples=5, seed=0)
    assert source.dtype == target.dtype == np.int64
    assert (source.tolist(), target.tolist()) == ([0, 2, 1, 4, 3], [1, 4, 3, 0, 2])


@pytest.mark.parametrize("num_examples", [2, 3, 7, 50])
def test_in_each_epoch_every_picture_is_source_once_and_target_once(num_examples):
    source, target = _first(6 * num_examples, batch_size=4, num_examples=num_examples)
    for side in (source, target):
        epochs = np.sort(side.reshape(6, num_examples), axis=1)
        np.testing.assert_array_equal(epochs, np.tile(np.arange(num_examples), (6, 1)))


@pytest.mark.parametrize("num_examples", [2, 3, 50])
def test_no_picture_meets_itself(num_examples):
    source, target = _first(40 * num_examples, batch_size=8, num_examples=num_examples)
    assert np.all(source != target)


def test_the_batch_size_changes_nothing_but_the_cut():
    np.testing.assert_array_equal(
        _first(60, batch_size=4, num_examples=11), _first(60, batch_size=15, num_examples=11)
    )


def test_any_step_can_be_asked_for_alone():
    _, target = _first(80, batch_size=8, num_examples=13)
    _, last = pair_indices(9, batch_size=8, num_examples=13, seed=3)
    np.testing.assert_array_equal(last, target[72:80])


def test_epochs_and_seeds_have_orders_and_shifts_of_their_own():
    source, target = _first(200, batch_size=100, num_examples=100)
    other, _ = _first(200, batch_size=100, num_examples=100, seed=4)
    assert np.any(source[:100] != source[100:])
    assert np.any(source != other)
    place = {picture: i for i, picture in enumerate(source[:100])}
    shifts = {(place[t] - i) % 100 for i, t in enumerate(target[:100])}
    assert len(shifts) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"step": -1}, "step is -1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"num_examples": 1}, "num_examples is 1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_arguments_out_of_range_are_refused(change, named):
    arguments = {"step": 0, "batch_size": 2, "num_examples": 4, "seed": 0} | change
    with pytest.raises(ValueError, match=named):
        pair_indices(arguments.pop("step"), **arguments)


@pytest.mark.parametrize(
    ("index", "count", "named"), [(2, 2, "shard_index"), (0, 0, "shard_count"), (0, 5, "of 12")]
)
def test_a_batch_that_does_not_divide_is_refused(index, count, named):
    with pytest.raises(ValueError, match=named):
        shard(np.arange(12), index, count)


def test_pairs_of_a_category_are_two_pictures_of_it_and_categories_take_turns():
    categories = np.array([5, 7, 5, 7, 7, 5])
    pairs = same_category_pairs(categories, 200, seed=3)
    assert pairs.shape == (200, 2) and (pairs[:, 0] != pairs[:, 1]).all()
    np.testing.assert_array_equal(categories[pairs[:, 0]], categories[pairs[:, 1]])
    np.testing.assert_array_equal(categories[pairs[:, 0]], np.tile([5, 7], 100))
    assert {tuple(pair) for pair in pairs} == {
        (a, b) for kind in ((0, 2, 5), (1, 3, 4)) for a in kind for b in kind if a != b
    }
    np.testing.assert_array_equal(pairs, same_category_pairs(categories, 200, seed=3))


def test_a_category_of_one_picture_is_refused():
    with pytest.raises(ValueError, match="category 2 has one picture"):
        same_category_pairs(np.array([1, 1, 2]), 4, seed=0)
