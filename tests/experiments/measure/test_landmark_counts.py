"""Short trainings on features of warped copies: what the copies show, and what is learned."""

import dataclasses
import functools
import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from c3jax.coordinates import numpy_grid
from c3jax.models.c3 import C3
from c3jax.models.efficientnet import EfficientNetLite
from c3jax.models.layers import Encoding
from c3jax.splines import apply_warp
from c3jax.training.state import init_state
from experiments.engine.stages import cosine
from experiments.measure.landmark_counts import learn, make_views, warp_loss
from tests.experiments import tiny

PHOTOS, COPIES, SIDE = 3, 4, 16
CONFIG = tiny.config(warmup=cosine(steps=2, batch_size=4, learning_rate=1e-3))


@pytest.fixture(scope="module")
def network():
    """One whose trunk sees the pictures themselves."""
    stages = ("input",)
    trunk = EfficientNetLite("lite0", stages)
    return C3(2, trunk=trunk, landmark_stages=stages, flow_stages=stages, pose_channels=4)


@pytest.fixture(scope="module")
def views(network):
    """Copies of photos that are ramps: red to the right, green down, blue by photo."""
    x, y = np.moveaxis(numpy_grid((SIDE, SIDE)), -1, 0)
    ramps = [np.stack([x, y, np.full_like(x, n / 4)], -1) for n in range(PHOTOS)]
    photos = np.rint(127.5 * (np.stack(ramps) + 1)).astype(np.uint8)
    warp = dataclasses.replace(CONFIG.warp, color=0.0, source_warp=(0.0, 0.0))
    return make_views(network, {}, photos, COPIES, warp, seed=0)


def test_a_copy_shows_at_x_what_the_photo_has_at_g_of_x(views):
    assert views.features.shape == (PHOTOS, COPIES, SIDE, SIDE, 3)
    assert views.features.dtype == np.float16
    cells = np.broadcast_to(numpy_grid((SIDE, SIDE)), (PHOTOS, COPIES, SIDE, SIDE, 2))
    there = np.asarray(apply_warp(views.warps, jnp.asarray(cells, jnp.float32)))
    seen, inside = 2 * views.features[..., :2] - 1, np.abs(there).max(-1) < 1
    assert inside.mean() > 0.6
    np.testing.assert_allclose(seen[inside], there[inside], atol=0.02)
    blue = (2 * views.features[..., 2] - 1)[inside.all((-2, -1))]
    assert np.isin(np.rint(4 * blue), range(PHOTOS)).all()
    assert len(np.unique(views.warps.affine.reshape(-1, 6), axis=0)) == PHOTOS * COPIES


def test_a_pair_is_two_copies_of_one_photo_and_a_step_has_the_same_every_time(views):
    batches = list(itertools.islice(views.batches(batch_size=50, seed=1), 3))
    (again,) = itertools.islice(views.batches(batch_size=50, seed=1, start_step=2), 1)
    for name, value in batches[2].items():
        np.testing.assert_array_equal(value, again[name])
    affine = views.warps.affine.reshape(-1, 6)

    def copies_of(side):
        found = (batches[0][f"{side}_affine"].reshape(-1, 1, 6) == affine).all(-1)
        assert (found.sum(1) == 1).all()
        rows = found.argmax(1)
        copies = views.features.reshape(-1, SIDE, SIDE, 3)[rows]
        np.testing.assert_array_equal(batches[0][side], copies)
        return np.divmod(rows, COPIES)

    (photos, first), (same, second) = copies_of("source"), copies_of("target")
    assert (photos == same).all() and (first != second).all()
    assert set(photos) == set(range(PHOTOS)) and set(first) == set(range(COPIES))


class Told(nn.Module):
    """Landmarks that stand in the first row of the features."""

    @nn.compact
    def extract(self, features, flow_features, *, train=False):
        return Encoding(None, None, features[:, 0, :, :2], None, None)


def test_landmarks_that_follow_exactly_cost_nothing_and_others_the_square_of_their_error():
    rng = np.random.default_rng(0)
    affine = rng.normal([[1, 0, 0], [0, 1, 0]], 0.2, (2, 5, 2, 3)).astype(np.float32)
    spots = np.array([[-0.5, 0.0], [0.5, 0.3]])  # of the photo
    there = np.linalg.solve(affine[..., :2], (spots.T - affine[..., 2:])).swapaxes(-1, -2)
    batch = {"source": there[0][:, None], "target": there[1][:, None]}
    for name, each in zip(("source", "target"), affine, strict=True):
        batch |= {f"{name}_affine": each, f"{name}_weights": np.zeros((5, 4, 2), np.float32)}
    state = init_state({"params": {}, "batch_stats": {}}, optimizer=optax.sgd(1.0), loss_stats={})
    weights = dataclasses.replace(CONFIG.loss, separation=0.0, warp_consistency=2.0)
    loss = functools.partial(warp_loss, {}, state, network=Told(), weights=weights)
    np.testing.assert_allclose(loss(batch, None)[0], np.zeros(5), atol=1e-9)
    # A step in the first copy is one of A times that step in the photo.
    batch["source"] = batch["source"] + np.array([0.1, 0.0])
    expected = 2 * np.square(0.1 * affine[0, :, :, 0]).sum(-1)
    found, aux = loss(batch, None)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert set(aux.metrics) == {"warp_consistency", "separation"}


def test_what_reads_landmarks_is_learned_and_a_finished_training_is_read_again(
    network, views, tmp_path
):
    blank = jnp.zeros((1, SIDE, SIDE, 3))
    first = network.init(jax.random.key(0), blank, blank, method="extract")
    variables = learn(network, first, views, CONFIG, tmp_path)
    steps = jax.tree.map(np.subtract, variables["params"], first["params"])
    moved = {name for name, tree in steps.items() if any(map(np.any, jax.tree.leaves(tree)))}
    assert moved == {"pose", "pose_logits"} and "appearance" in first["params"]
    again = learn(network, first, views, CONFIG, tmp_path)
    for one, other in zip(*map(jax.tree.leaves, (variables, again)), strict=True):
        np.testing.assert_array_equal(one, other)
    landmarks = network.apply(variables, jnp.zeros((3, SIDE, SIDE, 3)), method="landmarks")
    assert landmarks.shape == (3, 2, 2)
