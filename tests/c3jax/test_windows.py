"""Local correlation (JLAD Eq. 3) and the scores of a window (Eq. 7)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from numpy.testing import assert_allclose, assert_array_equal

from c3jax import windows
from c3jax.windows import window_log_scores
from tests.compiled import c3jax, library
from tests.reference import jlad as reference
from tests.tolerances import FLOAT32, FLOAT64

RANDOM = np.random.default_rng(0)
SOURCE, TARGET = RANDOM.normal(size=(2, 4, 5, 3))
PRODUCTS = RANDOM.normal(size=(3, 4, 9))


def test_worked_local_correlation_of_two_by_three_cells():
    a, b, ab = [1.0, 0.0], [0.0, 2.0], [3.0, 3.0]  # cosines: a b 0, a ab and b ab 1 / sqrt 2
    source = jnp.array([[a, a, b], [a, ab, b]])
    target = jnp.array([[a, b, a], [b, ab, a]])
    out = c3jax.local_correlation(source, target, radius=1)
    # Upper left cell, a: outside, outside, outside; outside, a, b; outside, b, ab.
    root = np.sqrt(0.5)
    corner = np.array([0, 0, 0, 0, 1, 0, 0, 0, root]) / np.sqrt(1.5)
    assert_allclose(out[0, 0], corner, atol=1e-6)
    # Lower middle cell, ab: all of the upper and all of the lower row, nothing below.
    middle = np.array([root, root, root, root, 1, root, 0, 0, 0]) / np.sqrt(1 + 5 / 2)
    assert_allclose(out[1, 1], middle, atol=1e-6)


def test_worked_products_do_not_normalise():
    out = c3jax.window_products(jnp.full((1, 2, 1), 2.0), jnp.array([[[3.0], [5.0]]]), radius=1)
    assert_allclose(out[0], [[0, 0, 0, 0, 6, 10, 0, 0, 0], [0, 0, 0, 6, 10, 0, 0, 0, 0]])


def test_worked_scores_of_a_corner_and_an_inner_cell():
    products = np.zeros((2, 3, 9))
    products[0, 0, 4], products[0, 1, 4] = np.log(2), np.log(4)
    products[0, 0, 0] = 100  # outside: never counts
    out = c3jax.window_scores(products)
    assert_allclose(out[0, 0], np.array([0, 0, 0, 0, 2, 1, 0, 1, 1]) / 5, rtol=1e-6)
    assert_allclose(out[0, 1], np.array([0, 0, 0, 1, 4, 1, 1, 1, 1]) / 9, rtol=1e-6)
    sharper = c3jax.window_scores(products, temperature=0.5)
    assert_allclose(sharper[0, 1, 4], 16 / 21, rtol=1e-6)


@pytest.mark.parametrize("radius", [1, 2, 6])  # the last is wider than the image
def test_local_correlation_equals_slow_reference(radius, x64):
    fast = c3jax.local_correlation(SOURCE, TARGET, radius=radius)
    slow = reference.local_correlation(SOURCE, TARGET, radius)
    assert_allclose(fast, slow, **FLOAT64)


@pytest.mark.parametrize("radius", [1, 6])
@pytest.mark.parametrize("form", [windows._by_rows, windows._from_all_pairs])
def test_both_forms_of_the_products_equal_the_slow_reference_and_have_its_gradients(
    form, radius, x64
):
    slow = reference.window_products(SOURCE, TARGET, radius)
    products = functools.partial(form, radius=radius)
    assert_allclose(products(SOURCE, TARGET).reshape(slow.shape), slow, **FLOAT64)
    check_grads(products, (SOURCE, TARGET), order=1, modes=("rev",))


@pytest.mark.parametrize("radius", [0, 2])
def test_products_and_scores_equal_slow_reference(radius, x64):
    products = reference.window_products(SOURCE, TARGET, radius)
    fast = c3jax.window_products(SOURCE, TARGET, radius=radius)
    assert_allclose(fast, products, **FLOAT64)
    slow = reference.window_scores(products, 0.3)
    assert_allclose(c3jax.window_scores(products, temperature=0.3), slow, **FLOAT64)


def test_a_shifted_picture_matches_in_the_channel_of_its_offset():
    scene = RANDOM.normal(size=(9, 12, 32))
    source, target = scene[2:7, 3:11], scene[1:6, 1:9]  # source (y, x) is target (y + 1, x + 2)
    best = c3jax.local_correlation(source, target, radius=3).argmax(-1)
    assert_array_equal(best[:4, :6], (1 + 3) * 7 + (2 + 3))
    back = c3jax.local_correlation(target, source, radius=3).argmax(-1)
    assert_array_equal(back[1:, 2:], (-1 + 3) * 7 + (-2 + 3))


def test_self_similarity_is_best_at_the_centre_and_of_unit_length():
    out = c3jax.local_correlation(SOURCE, SOURCE, radius=2)
    assert_array_equal(out.argmax(-1), 12)
    assert_allclose(np.linalg.norm(out, axis=-1), np.ones((4, 5)), **FLOAT32)


def test_a_wide_window_holds_the_whole_volume():
    volume = c3jax.correlation_4d(SOURCE, TARGET)
    side = 2 * 4 + 1
    out = c3jax.local_correlation(SOURCE, TARGET, radius=4).reshape(4, 5, side, side)
    for y, x in ((0, 0), (3, 4), (2, 1)):
        inside = out[y, x, 4 - y : 8 - y, 4 - x : 9 - x]
        assert_allclose(inside, volume[y, x] / np.linalg.norm(volume[y, x]), **FLOAT32)


def test_the_scale_of_the_features_does_not_matter():
    assert_allclose(
        c3jax.local_correlation(100 * SOURCE, TARGET, radius=1),
        c3jax.local_correlation(SOURCE, 0.01 * TARGET, radius=1),
        **FLOAT32,
    )


def test_scores_sum_to_one_within_the_image_and_temperature_to_zero_gives_the_argmax():
    scores = c3jax.window_scores(PRODUCTS)
    assert_allclose(scores.sum(-1), np.ones((3, 4)), rtol=1e-6)
    outside = reference.window_products(np.ones((3, 4, 1)), np.ones((3, 4, 1)), 1) == 0
    assert (np.asarray(scores)[outside] == 0).all() and (np.asarray(scores)[~outside] > 0).all()
    sharp = c3jax.window_scores(PRODUCTS, temperature=1e-4)
    assert_array_equal(sharp.argmax(-1), np.where(outside, -9, PRODUCTS).argmax(-1))


def test_logarithms_are_exact_where_scores_vanish():
    products = np.zeros((1, 2, 9))
    products[0, 0, 5] = 500
    scores = window_log_scores(products, temperature=1.0)[0, 0]
    assert_allclose(scores[4:6], [-500, 0])


def test_no_copy_of_the_features_for_every_offset_is_made():
    features = jax.ShapeDtypeStruct((1, 12, 14, 64), jnp.float32)
    size = 4 * 12 * 14 * 64

    def similarity(source, target):
        return library.local_correlation(source, target, radius=5)

    def loss(source, target):
        return similarity(source, target)[..., 3].sum()

    for function in (similarity, jax.grad(loss, argnums=(0, 1))):
        compiled = jax.jit(function).lower(features, features).compile()
        assert compiled.memory_analysis().temp_size_in_bytes < 20 * size  # 121 offsets


def test_features_of_zero_and_flat_ones_give_finite_values_and_gradients():
    def loss(source, target):
        similarity = library.local_correlation(source, target, radius=1)
        return (similarity[..., 4] + library.window_scores(similarity)[..., 1]).sum()

    for value in (0.0, 1.0):
        flat = jnp.full((2, 3, 4), value)
        gradients = jax.jit(jax.grad(loss, argnums=(0, 1)))(flat, flat)
        assert all(np.isfinite(gradient).all() for gradient in gradients)
    zero = c3jax.local_correlation(jnp.zeros((2, 3, 4)), flat, radius=1)
    assert_array_equal(zero, np.zeros((2, 3, 9)))


def test_refusals():
    with pytest.raises(ValueError, match="radius must be a whole number from 0 on, got -1"):
        library.local_correlation(SOURCE, TARGET, radius=-1)
    with pytest.raises(ValueError, match=r"radius must be a whole number from 0 on, got 1\.5"):
        library.window_products(SOURCE, TARGET, radius=1.5)
    with pytest.raises(ValueError, match=r"products must have \(2 r \+ 1\)\^2 channels, got 16"):
        c3jax.window_scores(np.zeros((2, 3, 16)))
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        c3jax.window_scores(PRODUCTS, temperature=0)
