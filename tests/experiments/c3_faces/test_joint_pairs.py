"""What the pairs of stage 2 are made of."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from experiments.c3_faces import steps
from experiments.c3_faces.config import Config
from experiments.c3_faces.presets import LAPTOP_SMALL

KEYS = jax.random.split(jax.random.key(0), 2)
FIRST, SECOND = jax.random.uniform(jax.random.key(1), (2, 2, 16, 16, 3))


@functools.partial(jax.jit, static_argnums=0)
def pairs(kind: str, first=FIRST, second=SECOND):
    config: Config = dataclasses.replace(LAPTOP_SMALL, joint_pairs=kind)
    return steps._joint_pairs(KEYS, first, second, config)


def test_photos_are_taken_as_they_are():
    for found, photo in zip(pairs("photos"), (FIRST, SECOND), strict=True):
        np.testing.assert_array_equal(found, photo)


def test_two_warps_are_of_the_first_photo_and_not_alike():
    one, other = pairs("warps", second=jnp.full_like(SECOND, jnp.nan))
    assert np.isfinite(one).all() and np.isfinite(other).all()
    assert np.abs(one - other).max() > 0.1 < np.abs(one - FIRST).max()
    flat = jnp.full_like(FIRST, 0.25)
    for found in pairs("warps", first=flat):
        np.testing.assert_allclose(found, flat, rtol=1e-6)


def test_warped_photos_differ_from_two_warps_in_the_second_photo_alone():
    (first, second), (same, other) = pairs("warped_photos"), pairs("warps")
    np.testing.assert_array_equal(first, same)
    assert np.abs(second - other).max() > 0.1
    again = pairs("warped_photos", second=FIRST)
    np.testing.assert_array_equal(again[1], other)
