"""Perceptual loss: distances of feature maps over their running means."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from numpy.testing import assert_allclose, assert_array_equal

from c3jax.losses.perceptual import feature_distances, init_running_mean, perceptual

SHAPES = ((2, 8, 12, 3), (2, 4, 6, 5))


def random_maps(seed, dtype=np.float32):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape).astype(dtype) for shape in SHAPES]


def test_distances_equal_slow_reference():
    predicted, true = random_maps(0), random_maps(1)
    distances = feature_distances(predicted, true)
    assert distances.shape == (2, 2)
    for term in range(2):
        for example in range(2):
            difference = predicted[term][example].astype(float) - true[term][example]
            assert_allclose(distances[example, term], np.mean(difference**2), rtol=1e-5)


def test_masked_distance_is_the_mean_over_the_masked_area():
    # The mask keeps the left half of a 2 x 4 map; at 1 x 2 it keeps the left cell.
    mask = np.array([[[1, 1, 0, 0], [1, 1, 0, 0]]], np.float32)
    fine = np.broadcast_to(np.array([1.0, 3, 9, 9])[:, None], (1, 2, 4, 1))
    distances = feature_distances([fine], [np.zeros_like(fine)], mask=mask)
    assert_allclose(distances, [[5]], rtol=1e-6)


def test_mask_is_averaged_down_to_each_map():
    generator = np.random.default_rng(0)
    mask = generator.uniform(size=(2, 16, 24)).astype(np.float32)
    predicted, true = random_maps(0), random_maps(1)
    uniform = feature_distances(predicted, true, mask=0.3 * np.ones_like(mask))
    assert_allclose(uniform, feature_distances(predicted, true), rtol=1e-5)
    weights = [jax.image.resize(mask, shape[:3], "linear") for shape in SHAPES]
    expected = [
        np.sum(w[..., None] * (p - t) ** 2, (1, 2, 3)) / (p.shape[-1] * np.sum(w, (1, 2)))
        for w, p, t in zip(weights, predicted, true, strict=True)
    ]
    distances = feature_distances(predicted, true, mask=mask)
    assert_allclose(distances, np.stack(expected, -1), rtol=1e-5)


def test_empty_mask_gives_distance_zero_and_finite_gradients():
    predicted, true = random_maps(0), random_maps(1)
    mask = np.stack([np.zeros((8, 12)), np.ones((8, 12))]).astype(np.float32)
    distances = feature_distances(predicted, true, mask=mask)
    assert_array_equal(distances[0], [0, 0])
    assert (distances[1] > 0).all()
    slopes = jax.grad(lambda maps: feature_distances(maps, true, mask=mask).sum())(predicted)
    assert all(np.isfinite(slope).all() for slope in slopes)


def test_running_mean_starts_from_the_first_batch_then_decays():
    ones = np.ones((2, 2, 3, 1), np.float32)
    true = [0 * ones, 0 * ones]
    loss, mean = perceptual([2 * ones, 3 * ones], true, init_running_mean(2), decay=0.9)
    assert_allclose(mean, [4, 9])
    assert_allclose(loss, [1, 1])
    loss, mean = perceptual([4 * ones, 3 * ones], true, mean, decay=0.9)
    assert_allclose(mean, [0.9 * 4 + 0.1 * 16, 9], rtol=1e-6)
    assert_allclose(loss, [(16 / 5.2 + 1) / 2] * 2, rtol=1e-6)


def test_each_term_weighs_the_same_whatever_its_scale():
    predicted, true = random_maps(0), random_maps(1)
    loss, _ = perceptual(predicted, true, init_running_mean(2))
    scaled, _ = perceptual(
        [1000 * predicted[0], predicted[1]], [1000 * true[0], true[1]], init_running_mean(2)
    )
    assert_allclose(scaled, loss, rtol=1e-4)
    assert_allclose(loss.mean(), 1, rtol=1e-5)


def test_equal_images_give_zero_and_others_more():
    maps = random_maps(0)
    for mean in (init_running_mean(2), jnp.ones(2)):
        loss, new = perceptual(maps, maps, mean)
        assert_array_equal(loss, [0, 0])
        assert np.isfinite(new).all()
    loss, _ = perceptual(maps, random_maps(1), jnp.ones(2))
    assert (loss > 0).all()


def test_without_update_the_running_mean_stays_and_divides():
    predicted, true = random_maps(0), random_maps(1)
    known = jnp.array([2.0, 4.0])
    loss, mean = perceptual(predicted, true, known, update=False)
    assert_array_equal(mean, known)
    distances = feature_distances(predicted, true)
    assert_allclose(loss, (distances / known).mean(-1), rtol=1e-6)
    loss, mean = perceptual(predicted, true, init_running_mean(2), update=False)
    assert_array_equal(mean, [0, 0])
    assert_allclose(loss.mean(), 1, rtol=1e-5)


def test_running_mean_over_a_mapped_axis_is_that_of_the_whole_batch():
    predicted, true = random_maps(0), random_maps(1)
    whole, mean = perceptual(predicted, true, jnp.array([0.0, 3.0]))
    per_device = jax.vmap(
        lambda p, t: perceptual(p, t, jnp.array([0.0, 3.0]), axis_name="devices"),
        axis_name="devices",
    )
    halves = [[m[:, None] for m in maps] for maps in (predicted, true)]
    losses, means = per_device(*halves)
    assert_allclose(losses[:, 0], whole, rtol=1e-6)
    assert_allclose(means, [mean, mean], rtol=1e-6)


def test_leading_axes_are_batch():
    predicted, true = random_maps(0), random_maps(1)
    expected, mean = perceptual(predicted, true, init_running_mean(2))
    lifted = [[m[None, :, None] for m in maps] for maps in (predicted, true)]
    loss, lifted_mean = perceptual(*lifted, init_running_mean(2))
    assert loss.shape == (1, 2, 1)
    assert_allclose(loss.ravel(), expected, rtol=1e-6)
    assert_allclose(lifted_mean, mean, rtol=1e-6)


def test_gradient_is_that_of_the_distances_over_a_constant(x64):
    predicted, true = random_maps(0, float), random_maps(1, float)
    known = jnp.array([2.0, 4.0])
    mask = np.random.default_rng(2).uniform(size=(2, 16, 24))

    def loss(*maps):
        return perceptual(list(maps), true, known, mask=mask, update=False)[0]

    check_grads(jax.jit(loss), predicted, order=1, modes=["rev"])
    # Even the first batch, whose own mean divides, has the gradient of a constant divisor.
    mean = feature_distances(predicted, true).mean(0)
    first = jax.grad(lambda p: perceptual(p, true, init_running_mean(2))[0].sum())(predicted)
    constant = jax.grad(lambda p: (feature_distances(p, true) / mean).mean(-1).sum())(predicted)
    for one, two in zip(first, constant, strict=True):
        assert_allclose(one, two, rtol=1e-6)


@pytest.mark.parametrize("mean", [(0.0, 0.0), (1.0, 0.0)])
def test_gradient_is_finite_at_equal_maps(mean):
    maps = random_maps(0)
    slopes = jax.grad(lambda p: perceptual(p, maps, jnp.array(mean))[0].sum())(maps)
    for slope in slopes:
        assert_array_equal(slope, np.zeros_like(slope))


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(predicted=[], running_mean=jnp.zeros(0)), "got 0 and 2"),
        (dict(true=random_maps(1)[:1]), "got 2 and 1"),
        (dict(true=random_maps(1)[::-1]), r"predicted\[0\] and true\[0\] .*\(2, 4, 6, 5\)"),
        (dict(mask=np.ones((1, 8, 12))), r"mask .*\(2,\).*\(1, 8, 12\)"),
        (
            dict(running_mean=jnp.zeros(3)),
            r"distances .* has terms = 2, but running_mean has terms = 3",
        ),
        (dict(decay=1.0), r"decay .*got 1.0"),
    ],
)
def test_refuses_maps_that_do_not_pair_up(change, message):
    arguments = dict(
        predicted=random_maps(0), true=random_maps(1), running_mean=init_running_mean(2)
    )
    with pytest.raises(ValueError, match=message):
        perceptual(**(arguments | change))
