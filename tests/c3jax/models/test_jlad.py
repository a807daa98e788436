"""The joint model: shapes, ablations, where it starts, and what reaches what."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from c3jax import grid, losses
from c3jax.models.jlad import JLAD, FlowNet
from c3jax.models.resnet import ResNet
from tests.tolerances import FLOAT32, REORDERED

TRUNK = ResNet(
    "small",
    output_stride=4,
    stages=("layer1", "layer2"),
    normalization="batch",
    widths=(4, 6, 6, 6),
)
MODEL = JLAD(
    TRUNK,
    num_landmarks=3,
    stages=("layer2", "layer1"),
    radius=2,
    alignment_channels=(8, 12),
    alignment_kernel=5,
    uncertainty_channels=(8,),
    detection_channels=(8,),
)
SOURCE, TARGET = jax.random.uniform(jax.random.key(0), (2, 2, 24, 36, 3))
FEATURES = jax.random.normal(jax.random.key(1), (2, 2, 6, 9, 10))


@pytest.fixture(scope="module")
def variables():
    return jax.jit(MODEL.init)(jax.random.key(2), SOURCE, TARGET)


def align(model, variables):
    return jax.jit(lambda v: model.apply(v, *FEATURES, method="align"))(variables)


def test_shapes_on_pictures_that_are_not_square(variables):
    alignment, of_source, of_target = jax.jit(MODEL.apply)(variables, SOURCE, TARGET)
    assert alignment.tau.shape == (2, 6, 9, 2)
    assert alignment.log_sigma.shape == (2, 6, 9, 1)
    for found in (of_source, of_target):
        assert found.features.shape == (2, 6, 9, 10)
        assert found.logits.shape == (2, 6, 9, 4)
        assert found.maps.shape == (2, 6, 9, 3)
        assert found.landmarks.shape == (2, 3, 2)
        lengths = np.linalg.norm(found.features, axis=-1)
        assert_allclose(lengths[lengths > 0], 1, rtol=1e-5)  # ReLU may leave zeros
    assert not np.allclose(of_source.landmarks, of_target.landmarks, atol=1e-7)


def test_parameters_stand_in_the_four_groups_of_the_paper(variables):
    assert set(variables["params"]) == {"trunk", "alignment", "uncertainty", "detection"}
    assert set(variables["batch_stats"]) == {"trunk"}


def test_fields_start_near_the_identity_and_sigma_near_one(variables):
    alignment = jax.jit(MODEL.apply)(variables, SOURCE, TARGET)[0]
    identity = jnp.broadcast_to(grid((6, 9)), (2, 6, 9, 2))
    assert 0 < np.abs(alignment.tau - identity).max() < 0.05
    assert 0 < np.abs(alignment.log_sigma).max() < 0.1


def test_without_uncertainty_sigma_is_one_and_has_no_parameters(variables):
    model = MODEL.clone(with_uncertainty=False)
    alignment = align(model, variables)
    assert_array_equal(alignment.log_sigma, np.zeros((2, 6, 9, 1)))
    shapes = jax.eval_shape(model.init, jax.random.key(0), SOURCE, TARGET)
    assert set(shapes["params"]) == {"trunk", "alignment", "detection"}


def test_uncertainty_may_see_the_features_of_the_source(variables):
    model = MODEL.clone(uncertainty_of_features=True)
    initial = jax.jit(model.init)(jax.random.key(0), SOURCE, TARGET)
    params = dict(initial["params"])
    kernel = params["uncertainty"]["ConvBlock_0"]["conv"]["kernel"]
    assert kernel.shape[2] == 25 + 10
    # Deaf to similarities, sigma depends on the source alone.
    deaf = {
        "conv": params["uncertainty"]["ConvBlock_0"]["conv"]
        | {"kernel": kernel.at[:, :, :25].set(0)}
    }
    params["uncertainty"] = params["uncertainty"] | {"ConvBlock_0": deaf}
    changed = {**initial, "params": params}
    sigma = jax.jit(lambda s, t: model.apply(changed, s, t)[0].log_sigma)
    ours = sigma(SOURCE, TARGET)
    assert_allclose(ours, sigma(SOURCE, TARGET[::-1]), **REORDERED)
    assert np.abs(ours - sigma(TARGET, TARGET)).max() > 1e-5


def test_without_self_similarity_landmarks_see_the_features_alone(variables):
    def inputs(model):
        shapes = jax.eval_shape(model.init, jax.random.key(0), SOURCE, TARGET)
        return shapes["params"]["detection"]["ConvBlock_0"]["conv"]["kernel"].shape[2]

    assert inputs(MODEL) == 10 + 25
    assert inputs(MODEL.clone(with_self_similarity=False)) == 10


def test_the_flow_is_in_cells_and_the_field_in_points(variables):
    """A bias of the last layer moves all cells alike."""
    flow_net = variables["params"]["alignment"]["flow"]
    moved = jax.tree.map(jnp.zeros_like, flow_net) | {"bias": jnp.array([1.0, -2.0])}
    params = variables["params"] | {"alignment": variables["params"]["alignment"] | {"flow": moved}}
    tau = align(MODEL, {"params": params}).tau
    flow = jnp.broadcast_to(jnp.array([1 * 2 / 8, -2 * 2 / 5]), (2, 6, 9, 2))
    assert_allclose(tau, grid(tau.shape[1:3]) + flow, **FLOAT32)
    twice = align(MODEL.clone(iterations=2), {"params": params}).tau
    assert_allclose(twice, grid(tau.shape[1:3]) + 2 * flow, **FLOAT32)


def test_fields_may_start_at_the_match_of_the_window_and_sigma_at_its_spread(variables):
    """The target moved by one cell right and two down is found, but for the border."""
    source = jnp.asarray(np.random.default_rng(3).normal(size=(1, 6, 9, 24)), jnp.float32)
    target = jnp.roll(source, (2, 1), axis=(1, 2))
    resting = {
        name: jax.tree.map(jnp.zeros_like, tree) for name, tree in variables["params"].items()
    }

    def start(temperature):
        model = MODEL.clone(start_temperature=temperature)
        return jax.jit(lambda s, t: model.apply({"params": resting}, s, t, method="align"))(
            source, target
        )

    sharp, flat = start(0.01), start(1e3)
    shift = jnp.broadcast_to(jnp.array([1 * 2 / 8, 2 * 2 / 5]), sharp.tau.shape)
    found = np.s_[:, :4, :8]  # the others come from beyond the border
    assert_allclose(sharp.tau[found], (grid((6, 9)) + shift)[found], atol=1e-3)
    assert_allclose(sharp.log_sigma[found], np.log(1 / 6) / 2, atol=0.05)
    window = 2 * np.mean(np.arange(-2, 3) ** 2) + 1 / 6  # all of 5 x 5 cells alike
    assert_allclose(flat.log_sigma[:, 2:4, 2:7], np.log(window) / 2, rtol=1e-4)


def test_further_iterations_have_no_parameters_of_their_own(variables):
    twice = MODEL.clone(iterations=2)
    shapes = jax.eval_shape(twice.init, jax.random.key(0), SOURCE, TARGET)
    assert jax.tree.structure(shapes) == jax.tree.structure(variables)


def test_the_encoder_decoder_takes_grids_that_do_not_halve():
    net = FlowNet(channels=(4, 6, 8), kernel_size=3)
    flow, _ = jax.eval_shape(net.init_with_output, jax.random.key(0), jnp.ones((1, 5, 7, 9)))
    assert flow.shape == (1, 5, 7, 2)


def test_the_landmarks_of_a_picture_do_not_depend_on_the_batch(variables):
    encode = jax.jit(lambda images: MODEL.apply(variables, images, method="encode").landmarks)
    assert_allclose(encode(SOURCE)[1:], encode(SOURCE[1:]), **REORDERED)


def test_the_losses_reach_their_groups(variables):
    """Eq. 6 teaches W_F, W_A, W_C; Eq. 8 teaches W_F, W_D; Eq. 10 all four."""

    def values(params):
        alignment, of_source, of_target = MODEL.apply(
            variables | {"params": params}, SOURCE, TARGET
        )
        features = of_source.features, of_target.features
        return {
            "alignment": losses.uncertainty_weighted_alignment(*features, *alignment, radius=2)[0],
            "detection": losses.concentration(of_source.maps)[0],
            "joint": losses.joint_consistency(of_source.maps, of_target.maps, *alignment)[0],
        }

    gradients = jax.jit(jax.jacrev(values))(variables["params"])
    for kind, groups in {
        "alignment": {"trunk", "alignment", "uncertainty"},
        "detection": {"trunk", "detection"},
        "joint": {"trunk", "alignment", "uncertainty", "detection"},
    }.items():
        largest = {
            group: max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(tree))
            for group, tree in gradients[kind].items()
        }
        assert {group for group, size in largest.items() if size > 0} == groups
        assert all(np.isfinite(size) for size in largest.values())
