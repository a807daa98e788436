"""The networks of a training, as functions."""

import jax.numpy as jnp
import numpy as np

from experiments.terms.networks import Networks


def test_pictures_are_no_sharper_than_what_is_painted():
    fine = jnp.tile(jnp.array([0.0, 1.0]), 8)[None, None, :, None] * jnp.ones((1, 16, 1, 3))
    networks = Networks(None, seen_size=16, compared_size=8)
    painted = networks.as_painted(fine)
    assert painted.shape == (1, 8, 8, 3)
    np.testing.assert_allclose(painted[:, :, 1:-1], 0.5, atol=1e-6)  # stripes of a pixel are gone
    assert Networks(None).as_painted(fine) is fine
