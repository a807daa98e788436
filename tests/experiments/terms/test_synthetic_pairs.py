"""Synthetic pairs: known warps, other colours, other backgrounds."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c3jax import warp
from c3jax.coordinates import grid
from c3jax.splines import apply_warp
from c3jax.tools.errors import UsageError
from experiments.terms.synthetic_pairs import WarpConfig, synthetic_pairs

SIZE = 16
STILL = WarpConfig(rotation=0.0, scale=0.0, translation=0.0, warp=(0.0, 0.0))
KEYS = jax.random.split(jax.random.key(0), 3)


@pytest.fixture(scope="module")
def batch():
    """Noise whose object is the left half; the other pictures are red."""
    generator = np.random.default_rng(0)
    source = generator.integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    target = np.zeros_like(source)
    target[..., 0] = 255
    mask = np.zeros((3, SIZE, SIZE), bool)
    mask[:, :, : SIZE // 2] = True
    return {"source": source, "target": target, "mask": mask}


def draw(batch, config, keys=KEYS):
    return jax.jit(lambda keys, given: synthetic_pairs(keys, given, config))(keys, batch)


def test_a_warp_that_stands_still_gives_the_picture_twice(batch):
    pairs = draw(batch, STILL)
    np.testing.assert_allclose(pairs.original, batch["source"] / 255, atol=1e-5)
    np.testing.assert_allclose(pairs.warped, pairs.original, atol=1e-4)
    np.testing.assert_allclose(pairs.on_object((SIZE, SIZE)), batch["mask"], atol=1e-4)


def test_the_copy_looks_up_its_matches_in_the_original(batch):
    pairs = draw(batch, WarpConfig(stretch=0.2))
    found = warp(pairs.original, pairs.matches((SIZE, SIZE)), padding="reflect")
    np.testing.assert_allclose(pairs.warped, found, atol=1e-4)


def test_stretching_widens_as_much_as_it_flattens(batch):
    g = draw(batch, dataclasses.replace(STILL, stretch=0.5)).g
    linear = np.asarray(g.affine[..., :2])
    np.testing.assert_allclose(np.linalg.det(linear), 1, rtol=1e-5)
    assert np.ptp(linear[:, 0, 0]) > 0.1
    np.testing.assert_allclose(linear[:, 0, 1], 0, atol=1e-6)


def test_backgrounds_come_from_the_other_picture_and_objects_stay(batch):
    pairs = draw(batch, dataclasses.replace(STILL, background=1.0))
    half = SIZE // 2
    for view in (pairs.original, pairs.warped):
        np.testing.assert_allclose(view[:, :, :half], batch["source"][:, :, :half] / 255, atol=1e-4)
        np.testing.assert_allclose(view[:, :, half:, 0], 1, atol=1e-4)
        np.testing.assert_allclose(view[:, :, half:, 1:], 0, atol=1e-4)


def test_exchanged_backgrounds_have_no_match(batch):
    kept = draw(batch, STILL)
    np.testing.assert_array_equal(kept.matched((2, 2)), np.ones((3, 2, 2)))
    other = draw(batch, dataclasses.replace(STILL, background=1.0))
    np.testing.assert_allclose(other.matched((2, 2)), np.tile([1.0, 0.0], (3, 2, 1)), atol=0.2)
    sometimes = draw(batch, dataclasses.replace(STILL, background=0.3))
    exchanged = np.array(
        [
            not np.allclose(*views, atol=1e-3) or views[0][0, -1, 0] > 0.999
            for views in zip(sometimes.original, sometimes.warped, strict=True)
        ]
    )
    assert 0 < exchanged.sum() < 3
    np.testing.assert_array_equal(sometimes.exchanged, exchanged)
    for matched, whether in zip(sometimes.matched((2, 2)), exchanged, strict=True):
        np.testing.assert_allclose(matched, [[1.0, 0.0 if whether else 1.0]] * 2, atol=0.2)


def test_without_masks_backgrounds_stay_and_no_object_is_known(batch):
    unmasked = {name: batch[name] for name in ("source", "target")}
    pairs = draw(unmasked, dataclasses.replace(STILL, background=1.0))
    np.testing.assert_allclose(pairs.original, batch["source"] / 255, atol=1e-5)
    assert pairs.on_object((2, 2)) is None and pairs.matched((2, 2)) is None


@pytest.mark.parametrize("option", ["color", "palette"])
def test_the_two_pictures_get_colours_of_their_own_and_the_warps_stay(batch, option):
    config = dataclasses.replace(STILL, **{option: 1.0})
    pairs, plain = draw(batch, config), draw(batch, STILL)
    original, warped = (np.asarray(view) for view in (pairs.original, pairs.warped))
    for view in (original, warped):
        assert np.abs(view - plain.original).mean() > 0.01
    assert np.abs(original - warped).mean() > 0.01
    for found, expected in zip(draw(batch, config.alone), plain, strict=True):
        jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_an_example_is_drawn_alike_in_any_batch(batch):
    config = WarpConfig(color=1.0, palette=0.5, background=0.5, stretch=0.1)
    one = {name: values[1:2] for name, values in batch.items()}
    whole, alone = draw(batch, config), draw(one, config, KEYS[1:2])
    np.testing.assert_allclose(whole.warped[1:2], alone.warped, atol=1e-5)


def drawn(family):
    """Many warps of a family."""
    keys = jax.random.split(jax.random.key(1), 400)
    batch = {"source": np.zeros((400, 2, 2, 3), np.uint8)}
    config = WarpConfig(family=family)
    batch["target"] = batch["source"]
    return jax.jit(lambda keys: synthetic_pairs(keys, batch, config).g)(keys)


def test_affine_warps_fill_the_ranges_of_weakalign():
    affine = np.asarray(drawn("affine").affine)
    scales = np.linalg.svd(affine[..., :2], compute_uv=False)
    # R(angle) is the rotation of the polar decomposition, the rest is symmetric and positive.
    u, _, v = np.linalg.svd(affine[..., :2])
    angle = np.degrees(np.arctan2((u @ v)[:, 1, 0], (u @ v)[:, 0, 0]))
    for values, low, high in ((scales, 0.5, 1.5), (angle, -30, 30), (affine[..., 2], -0.5, 0.5)):
        slack = 0.05 * (high - low)
        assert low - 1e-3 <= values.min() < low + slack
        assert high - slack < values.max() <= high + 1e-3


def test_splines_move_a_grid_of_points_as_weakalign_does():
    points = np.asarray(grid((3, 3))).reshape(-1, 2)
    moved = (
        np.asarray(apply_warp(drawn("tps_grid"), jnp.broadcast_to(points, (400, 9, 2)))) - points
    )
    assert -0.401 < moved.min() < -0.39 and 0.39 < moved.max() < 0.401
    assert abs(moved.mean()) < 0.02


def test_either_family_comes_as_often_as_the_other():
    g = drawn("affine_or_tps")
    straight = ~np.asarray(g.weights).any((1, 2))
    assert straight.mean() == pytest.approx(0.5, abs=0.1)
    # Affine warps are those of their family; splines have an affine part that varies less.
    spreads = [np.asarray(g.affine)[kind].std(0).mean() for kind in (straight, ~straight)]
    assert spreads[0] > spreads[1]


def test_warps_of_a_crop_see_what_lies_around_it(batch):
    config = WarpConfig(family="affine", crop=0.5)
    pairs = draw(batch, config)
    middle = 0.5 * jnp.broadcast_to(grid((SIZE, SIZE)), (3, SIZE, SIZE, 2))
    images = jnp.asarray(batch["source"] / 255, jnp.float32)
    np.testing.assert_allclose(pairs.original, warp(images, middle), atol=1e-4)
    found = warp(images, 0.5 * pairs.matches((SIZE, SIZE)), padding="reflect")
    np.testing.assert_allclose(pairs.warped, found, atol=1e-4)


@pytest.mark.parametrize("crop", [0.0, 1.5])
def test_a_crop_that_is_none_is_refused(crop):
    with pytest.raises(UsageError, match="warp.crop must lie above 0"):
        WarpConfig(crop=crop)
