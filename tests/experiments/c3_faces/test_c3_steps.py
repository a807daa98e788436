"""The two training losses on networks that can be computed by hand.

The stub's images carry their codes in the pixels: appearance is the mean of the first channel, the
landmark the mean of the other two; the decoder writes such an image. So what was paired with what,
and where gradients flow, can be read off the numbers.
"""

import dataclasses
import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c3jax import correlation_4d, warps
from c3jax.coordinates import grid
from c3jax.losses import flow_cross_entropy
from c3jax.losses.perceptual import init_running_mean
from c3jax.models.c3 import Encoding
from c3jax.training.step import AXIS
from experiments.c3_faces import steps
from experiments.c3_faces.presets import LAPTOP_SMALL
from experiments.terms import cross_image
from experiments.terms.cross_image import halves, swap, swap_twice
from tests.tolerances import REORDERED

SHAPE = (4, 4)
CONFIG = dataclasses.replace(
    LAPTOP_SMALL,
    flow=False,
    loss=dataclasses.replace(LAPTOP_SMALL.loss, synthetic=0.0, landmarks_as="points"),
)


class Stub:
    """Encoder and decoder that multiply by a parameter each and count the running averages."""

    def __init__(self):
        self.decoded = []

    def encode(self, variables, images):
        scale = variables["params"]["encoder"]
        means = scale * images.mean((1, 2))
        landmarks = means[:, None, 1:]
        maps = jnp.broadcast_to(landmarks.reshape(-1, 1, 1, 2), (len(images), *SHAPE, 2))
        appearance = jnp.broadcast_to(means[:, None, None, :1], (len(images), *SHAPE, 1))
        code = Encoding(appearance, None, landmarks, maps, None)
        encoded = variables["batch_stats"]["encoded"] + images.sum()
        return code, {**variables, "batch_stats": {"encoded": encoded}}

    def decode(self, variables, appearance, maps):
        scale = variables["params"]["decoder"]
        self.decoded.append((appearance[:, 0, 0, 0], maps[:, 0, 0]))
        images = scale * jnp.concatenate([appearance, maps], -1)
        return images, variables

    def perceive(self, variables, images):
        return [images]

    def as_painted(self, images):
        return images


def photos(appearance, pose):
    """One picture of the given mean channels."""
    return jnp.broadcast_to(jnp.array([appearance, *pose]), (1, *SHAPE, 3))


PHOTO_I, PHOTO_J = photos(0.2, (0.1, 0.3)), photos(0.8, (0.5, 0.7))


def state_of(params):
    stats = {"reconstruction": init_running_mean(1), "cycle": jnp.ones(1)}

    def variables(replaced=None):
        return {"params": replaced or params, "batch_stats": {"encoded": jnp.zeros(())}}

    return SimpleNamespace(loss_stats=stats, variables=variables)


def unpaired(encoder=1.0, decoder=1.0, config=CONFIG, networks=Stub):
    """Loss of stage 2 on the pair (PHOTO_I, PHOTO_J) and what it returns beside."""
    params = {"encoder": encoder, "decoder": decoder}
    batch = {"source": 255 * PHOTO_I, "target": 255 * PHOTO_J}

    def loss(keys):
        return steps.unpaired_loss(
            params, state_of(params), batch, keys, networks=networks(), config=config
        )

    return jax.jit(jax.vmap(loss, axis_name=AXIS))(jax.random.split(jax.random.key(0), 1)[None])


def test_each_appearance_is_decoded_with_the_other_pose_and_back():
    variables = state_of({"encoder": 1.0, "decoder": 1.0}).variables()
    stub = Stub()
    code, _ = stub.encode(variables, jnp.concatenate([PHOTO_I, PHOTO_J]))
    swap_twice(variables, code, networks=stub)
    (first, first_pose), (second, second_pose) = stub.decoded
    np.testing.assert_allclose(first, [0.2, 0.8], rtol=1e-6)  # I_ij = D(a_i, p_j), I_ji
    np.testing.assert_allclose(first_pose, [[0.5, 0.7], [0.1, 0.3]], rtol=1e-6)
    np.testing.assert_allclose(second, [0.2, 0.8], rtol=1e-6)  # I'_i = D(a'_i, p'_i), I'_j
    np.testing.assert_allclose(second_pose, [[0.1, 0.3], [0.5, 0.7]], rtol=1e-6)


def test_perfect_networks_have_no_cycle_and_no_invariance_loss():
    loss, aux = unpaired()
    np.testing.assert_allclose(loss, 0, atol=1e-6)
    assert float(aux.metrics["cycle"][0]) == pytest.approx(0, abs=1e-6)


def test_the_cycle_is_the_sum_over_both_images_of_distances_over_their_running_mean():
    """A decoder of gain d gives I' = d^2 I: P = mean((d^2 - 1)^2 I^2) / M, M = .99 + .01 mean."""
    gain = 1.5
    _, aux = unpaired(decoder=gain)
    distances = [float(((gain**2 - 1) ** 2 * image**2).mean()) for image in (PHOTO_I, PHOTO_J)]
    mean = 0.99 + 0.01 * np.mean(distances)
    assert float(aux.metrics["cycle"][0]) == pytest.approx(sum(distances) / mean, rel=1e-5)
    assert float(aux.loss_stats["cycle"][0, 0]) == pytest.approx(mean, rel=1e-5)


def test_invariance_compares_each_pose_with_that_of_the_swapped_image_that_has_it():
    """With D of gain d the swapped image with pose p shows d p: |d p - p|^2 for both images."""
    _, aux = unpaired(decoder=1.5)
    expected = 0.25 * sum((image.mean((0, 1, 2))[1:] ** 2).sum() for image in (PHOTO_I, PHOTO_J))
    assert float(aux.metrics["invariance"][0]) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_beside_the_hard_match_an_auxiliary_loss_teaches_the_flow_module(monkeypatch, weight):
    monkeypatch.setattr(cross_image, "equivariance_term", lambda *_, **__: jnp.zeros(1))
    monkeypatch.setattr(steps, "_flow_on_warped", lambda *_, **__: jnp.full(1, 2.0))
    loss = dataclasses.replace(CONFIG.loss, joint_flow=weight)
    found, aux = unpaired(config=dataclasses.replace(CONFIG, flow=True, loss=loss))
    assert float(found[0, 0]) == pytest.approx(2 * weight, abs=1e-6)
    assert ("flow" in aux.metrics) == (weight > 0)


def test_photos_are_looked_at_as_they_would_be_painted():
    class Darkening(Stub):
        def as_painted(self, images):
            return images / 2

    _, aux = unpaired(networks=Darkening)
    total = float(PHOTO_I.sum() + PHOTO_J.sum())
    assert float(aux.batch_stats["encoded"][0]) == pytest.approx(total / 2, rel=1e-5)


def test_generated_images_never_move_the_running_averages():
    _, aux = unpaired(decoder=1.5)
    assert float(aux.batch_stats["encoded"][0]) == pytest.approx(
        float(PHOTO_I.sum() + PHOTO_J.sum()), rel=1e-5
    )


def shift_flow(cells):
    """Features of a photo and of the photo moved by whole cells to the right, and their warp."""
    features = jax.random.normal(jax.random.key(1), (1, 5, 7, 8))
    step = 2 / 6  # one cell of seven, in [-1, 1]
    g_s = warps.ThinPlateSpline(
        jnp.array([[[1.0, 0, cells * step], [0, 1, 0]]]), jnp.zeros((1, 4, 2))
    )
    warped = warps.warp_image(features, g_s, padding="clamp")
    return warped, features, g_s


def test_the_flow_loss_finds_the_known_match_of_a_shift_and_not_its_inverse():
    warped, features, g_s = shift_flow(2)
    code = Encoding(None, None, None, None, jnp.concatenate([warped, features]))
    networks = SimpleNamespace(
        correlate=lambda variables, source, target: correlation_4d(source, target)
    )
    options = {"networks": networks, "config": LAPTOP_SMALL}
    flow_term = jax.jit(functools.partial(steps._flow_term, {}, code, **options))
    right = flow_term(g_s)
    wrong = flow_term(g_s._replace(affine=g_s.affine * jnp.array([1.0, 1, -1])))
    assert float(right[0]) < 0.3 < 3 < float(wrong[0])
    volume = correlation_4d(features, warped)
    moved = grid((5, 7))[None] + jnp.array([2 / 3, 0.0])
    temperature = LAPTOP_SMALL.loss.match_temperature
    expected = flow_cross_entropy(volume, moved, temperature=temperature)
    np.testing.assert_allclose(right, expected, **REORDERED)


def test_a_landmark_of_the_source_lies_at_g_s_of_it_in_the_target():
    """A white dot of the source is found in the target where the warp says."""
    image = jnp.zeros((33, 33, 3)).at[22, 10].set(1.0)
    warp = dataclasses.replace(
        LAPTOP_SMALL.warp, target_translation=0.0, target_rotation=0.0, target_scale=0.0
    )
    synthetic_pair = jax.jit(functools.partial(steps.synthetic_pair, warp=warp))
    source, target, _, g_s = synthetic_pair(jax.random.key(3), image)

    def centre(picture):
        weights = picture[..., 0] / picture[..., 0].sum()
        return (weights[..., None] * grid((33, 33))).sum((0, 1))

    np.testing.assert_allclose(warps.apply_warp(g_s, centre(source)), centre(target), atol=0.02)
    assert float(jnp.abs(centre(source) - centre(target)).max()) > 0.05


def test_halves_and_swap():
    both = jnp.arange(6).reshape(6, 1)
    assert [h.ravel().tolist() for h in halves(both)] == [[0, 1, 2], [3, 4, 5]]
    assert swap(both).ravel().tolist() == [3, 4, 5, 0, 1, 2]


def test_the_warm_up_is_the_landmark_terms_of_stage_1_and_decodes_nothing():
    state = state_of({"encoder": 1.0, "decoder": 1.0})
    batch, keys = {"source": 255 * PHOTO_I}, jax.random.split(jax.random.key(0), 1)
    stub = Stub()  # of one landmark; the hinge wants two
    stub.encode = lambda variables, images: _two_landmarks(Stub.encode(stub, variables, images))
    config = dataclasses.replace(
        CONFIG, loss=dataclasses.replace(CONFIG.loss, reconstruction=0.0), flow=False
    )

    def losses(keys):
        arguments = (state.variables()["params"], state, batch, keys)
        first, aux = steps.warmup_loss(*arguments, networks=stub, config=config)
        decoded = len(stub.decoded)
        second, _ = steps.synthetic_loss(*arguments, networks=stub, config=config)
        return first, second, aux.metrics, jnp.asarray(decoded)

    first, second, metrics, decoded = jax.jit(jax.vmap(losses, axis_name=AXIS))(keys[None])
    assert int(decoded[0]) == 0
    assert float(first[0, 0]) > 0 and set(metrics) == {"warp_consistency", "separation"}
    np.testing.assert_allclose(first, second, rtol=REORDERED["rtol"])


def _two_landmarks(encoded):
    code, variables = encoded
    landmarks = jnp.concatenate([code.landmarks, code.landmarks + 0.1], axis=1)
    return code._replace(landmarks=landmarks), variables
