"""The landmark model: shapes, what reaches what, and its configuration."""

import functools

import jax
import jax.numpy as jnp
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from c3jax.models.c3 import C3
from c3jax.models.families import from_config
from c3jax.models.layers import resize
from c3jax.models.resnet import ResNet

CONFIG = {
    "trunk": {
        "architecture": "small",
        "output_stride": 16,
        "stages": ["layer1", "layer2"],
        "normalization": "batch",
        "widths": [4, 4, 4, 4],
    },
    "num_landmarks": 3,
    "landmark_stages": ["layer1", "layer2"],
    "flow_stages": ["layer2"],
    "appearance_channels": 4,
    "pose_channels": 4,
    "decoder_channels": 8,
    "min_decoder_channels": 4,
    "image_shape": [32, 32],
    "appearance_grid": 2,
    "stddev": 0.2,
    "init_stddev": None,
    "flow_channels": [1],
    "flow_linear": True,
}
IMAGES = jax.random.uniform(jax.random.key(0), (2, 32, 32, 3))


@pytest.fixture(scope="module")
def built():
    model = from_config(CONFIG)
    return model, jax.jit(model.init)(jax.random.key(1), IMAGES)


@functools.partial(jax.jit, static_argnums=0)
def encode(model, variables, images=IMAGES):
    return model.apply(variables, images, method="encode")


def test_shapes(built):
    model, variables = built
    code = encode(model, variables)
    assert code.appearance.shape == (2, 8, 8, 4)
    assert code.logits.shape == code.maps.shape == (2, 8, 8, 3)
    assert code.landmarks.shape == (2, 3, 2)
    assert code.flow_features.shape == (2, 4, 4, 4)

    def shape(method, *arrays):
        apply = functools.partial(model.apply, method=method)
        return jax.eval_shape(apply, variables, *arrays).shape

    assert shape("decode", code.appearance, code.maps) == (2, 32, 32, 3)
    assert shape("correlate", code.flow_features, code.flow_features) == (2, 4, 4, 4, 4)


def test_a_trunk_of_a_larger_side_sees_the_pictures_enlarged(built):
    model, variables = built
    enlarging = from_config(CONFIG | {"trunk_size": 64})
    seen = encode(enlarging, variables)
    as_given = encode(model, variables, resize(IMAGES, (64, 64)))
    for ours, true in zip(seen, as_given, strict=True):
        assert_array_equal(ours, true)
    assert seen.maps.shape == (2, 16, 16, 3)


def test_maps_peak_at_the_landmarks(built):
    model, variables = built
    code = encode(model, variables)
    cells = jnp.round((code.landmarks + 1) / 2 * 7).astype(int)
    peaks = code.maps.reshape(2, 64, 3).argmax(1)
    assert_array_equal(peaks, cells[..., 1] * 8 + cells[..., 0])


def test_pooled_appearance_has_no_detail_within_a_region(built):
    """With one region the map is constant: it cannot say where anything is."""
    model, variables = built
    flat = model.clone(appearance_grid=1)
    appearance = encode(flat, variables).appearance
    assert_allclose(appearance, jnp.broadcast_to(appearance[:, :1, :1], appearance.shape))
    full = encode(model.clone(appearance_grid=None), variables).appearance
    assert float(full.std((1, 2)).max()) > 0
    assert_allclose(appearance[:, 0, 0], full.mean((1, 2)), rtol=1e-5, atol=1e-6)


def test_the_landmarks_of_a_picture_do_not_depend_on_the_batch(built):
    model, variables = built
    both = encode(model, variables).landmarks
    one = encode(model, variables, IMAGES[1:]).landmarks
    assert_allclose(both[1:], one, rtol=1e-5, atol=1e-6)


def test_training_moves_the_running_averages(built):
    model, variables = built
    train = functools.partial(model.apply, train=True, method="encode", mutable=["batch_stats"])
    _, updated = jax.jit(train)(variables, IMAGES)
    before, after = variables["batch_stats"], updated["batch_stats"]
    same = jax.tree.map(lambda a, b: bool(jnp.array_equal(a, b)), before, after)
    assert not any(jax.tree.leaves(same["pose"])) and not any(jax.tree.leaves(same["trunk"]))
    assert all(jax.tree.leaves(same["decoder"]))


def test_the_papers_initialisation_is_a_normal_of_one_hundredth():
    model, features = C3(trunk=ResNet("small")), jnp.zeros((1, 2, 2, 64))
    init = jax.jit(lambda key: model.init(key, features, features, method="extract"))
    params = init(jax.random.key(0))["params"]
    assert params["pose"]["ConvBlock_0"]["conv"]["kernel"].shape == (3, 3, 64, 256)
    kernel = params["appearance"]["ConvBlock_1"]["conv"]["kernel"]
    assert float(kernel.std()) == pytest.approx(0.01, rel=0.02)
    assert float(jnp.abs(kernel.mean())) < 1e-4


def test_an_unknown_field_is_refused():
    with pytest.raises(ValueError, match="configuration does not fit.*num_points"):
        from_config(CONFIG | {"num_points": 3})
