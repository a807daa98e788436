"""Where the gradients of training flow, and where they must not."""

import dataclasses
import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c3jax import gaussian_maps, warps
from c3jax.models.c3 import Encoding
from c3jax.models.flow import FlowModule
from c3jax.training.step import AXIS
from experiments.c3_faces import steps
from experiments.c3_faces.presets import LAPTOP_SMALL
from experiments.terms import cross_image

SHAPE = (4, 5)
SWAPPED, AGAIN = 0, 1  # the two calls of the decoder


class Nudged:
    """Networks whose decoder adds `nudges[call]` to its images, all of them smooth and cheap."""

    def __init__(self, nudges):
        self.nudges, self.calls = nudges, 0

    def encode(self, variables, images):
        landmarks = jnp.tanh(images.mean(1)[..., :2] - 0.5)  # a landmark for each column
        maps = gaussian_maps(landmarks, SHAPE, stddev=0.5)
        return Encoding(images.mean((1, 2), keepdims=True), None, landmarks, maps, None), variables

    def decode(self, variables, appearance, maps):
        images = appearance * (1 + maps.mean(-1, keepdims=True)) + self.nudges[self.calls]
        self.calls += 1
        return images, variables

    def perceive(self, variables, images):
        return [images, images[:, ::2] ** 2]


def cycle_terms(nudges, landmarks_as):
    """L_cycle and L_inv of two pairs of noise."""
    loss = dataclasses.replace(LAPTOP_SMALL.loss, landmarks_as=landmarks_as)
    images, networks = jax.random.uniform(jax.random.key(0), (4, *SHAPE, 3)), Nudged(nudges)

    def terms(mean):
        code, variables = networks.encode({}, images)
        term = cross_image.pair_terms(
            variables, {"cycle": mean}, images, code, networks=networks, loss=loss, flow=False
        )
        return term.metrics["cycle"], term.metrics["invariance"]

    values = jax.vmap(terms, axis_name=AXIS)(jnp.ones((1, 2)))
    assert networks.calls == 2
    return jax.tree.map(jnp.sum, values)


@pytest.mark.parametrize("landmarks_as", ["points", "maps"])
def test_no_gradient_passes_the_first_swapped_images_but_the_second_reconstructions(landmarks_as):
    nudges = jnp.zeros((2, 4, *SHAPE, 3))
    terms = jax.jit(functools.partial(cycle_terms, landmarks_as=landmarks_as))
    values = terms(nudges)
    cycle, invariance = jax.jit(jax.jacrev(terms))(nudges)
    assert not np.any(cycle[SWAPPED]) and not np.any(invariance[SWAPPED])
    assert np.all(np.any(cycle[AGAIN], axis=(1, 2, 3)))  # of every image
    # The swapped images do enter both values: it is the gradient alone that stops.
    moved = terms(nudges.at[SWAPPED].set(0.1))
    assert all(abs(float(new - old)) > 1e-3 for new, old in zip(moved, values, strict=True))


FLOW = FlowModule(channels=(1,), kernel_size=3, linear=True)


@pytest.fixture(scope="module")
def flow_setting():
    """Kernels of the flow module, and a code of one pair with features on the grid of the maps."""
    features = jax.random.normal(jax.random.key(1), (2, *SHAPE, 6))
    landmarks = jax.random.uniform(jax.random.key(2), (2, 3, 2), minval=-0.8, maxval=0.8)
    variables = jax.jit(FLOW.init)(jax.random.key(3), features[:1], features[1:])
    return variables, features, landmarks


@pytest.mark.parametrize(
    ("landmarks_as", "hard"), [("points", False), ("maps", False), ("maps", True)]
)
def test_the_flow_module_learns_from_equivariance_by_the_soft_match_alone(
    flow_setting, hard, landmarks_as
):
    variables, features, landmarks = flow_setting
    loss = dataclasses.replace(LAPTOP_SMALL.loss, hard_match=hard, landmarks_as=landmarks_as)
    networks = SimpleNamespace(correlate=FLOW.apply)

    def equivariance(variables, features, landmarks):
        maps = gaussian_maps(landmarks, SHAPE, stddev=0.5)
        code = Encoding(None, None, landmarks, maps, features)
        return cross_image.equivariance_term(variables, code, networks=networks, loss=loss).sum()

    value, gradients = jax.jit(jax.value_and_grad(equivariance, (0, 1, 2)))(
        variables, features, landmarks
    )
    kernels, through, points = gradients
    assert float(value) > 1e-3
    for leaf in (*jax.tree.leaves(kernels), through):
        assert np.isfinite(leaf).all() and np.any(leaf) == (not hard)
    assert np.all(np.any(points, axis=-1))  # every landmark learns in any case


def test_the_auxiliary_loss_teaches_the_flow_module_and_not_the_trunk(flow_setting):
    kernels, images, _ = flow_setting
    g_s = warps.random_warp(
        jax.random.key(4),
        rotation_stddev=5.0,
        scale_stddev=0.1,
        translation_stddev=0.1,
        warp_stddevs=(0.001, 0.01),
    )
    g_s, networks = (
        jax.tree.map(lambda leaf: leaf[None], g_s),
        SimpleNamespace(correlate=FLOW.apply),
    )

    def flow_term(kernels, trunk):
        code = Encoding(None, None, None, None, images @ trunk)
        return steps._flow_term(kernels, code, g_s, networks=networks, config=LAPTOP_SMALL).sum()

    trunk = jax.random.normal(jax.random.key(5), (6, 6))
    value, (of_flow, of_trunk) = jax.jit(jax.value_and_grad(flow_term, (0, 1)))(kernels, trunk)
    assert float(value) > 1e-3
    assert all(np.any(leaf) for leaf in jax.tree.leaves(of_flow)) and not np.any(of_trunk)
