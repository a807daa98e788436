"""Networks from JSON: each family, and what does not fit."""

import json

import jax
import jax.numpy as jnp
import pytest

from c3jax.models.aligner import Aligner
from c3jax.models.c3 import C3
from c3jax.models.families import from_config, offers, to_config
from c3jax.models.flow import FlowModule
from c3jax.models.imm import IMM
from c3jax.models.jlad import JLAD
from c3jax.models.ncnet import NCNet
from c3jax.models.resnet import ResNet

SMALL = {"architecture": "small", "stages": ["layer1", "layer2"]}


def test_imm():
    imm = from_config({"family": "imm", "encoder_widths": [4, 6], "image_shape": [8, 12]})
    assert imm == IMM(encoder_widths=(4, 6), image_shape=(8, 12))


@pytest.mark.parametrize(
    "config",
    [
        {"family": "c3", "trunk": SMALL, "flow_channels": [4, 1], "init_stddev": None},
        {"family": "imm", "encoder_widths": [4, 6]},
        {"family": "aligner", "trunk": SMALL, "flow": {"chunk": 2}},
        {"family": "nc_net", "trunk": SMALL, "flow": {}, "landmarks": {"image_shape": [8, 12]}},
        {"family": "jlad", "trunk": SMALL, "alignment_channels": [4, 4]},
    ],
    ids=lambda config: config["family"],
)
def test_a_network_tells_all_its_fields_as_json_and_is_built_from_them(config):
    network = from_config(config)
    told = json.loads(json.dumps(to_config(network)))
    assert from_config(told) == network and told["family"] == config["family"]
    assert set(told) > set(config)  # also what is not given


def test_what_older_exports_do_not_name_has_its_default():
    aligner = from_config({"family": "aligner", "trunk": SMALL, "flow": {"mutual": True}})
    assert aligner.flow == FlowModule(mutual=True, symmetric=True)
    c3 = from_config({"family": "c3", "trunk": SMALL, "flow_linear": True})
    assert (c3.flow_start, c3.flow_mutual, c3.flow_symmetric) == ("gaussian", True, True)


def test_c3_also_without_the_name_of_the_family():
    fields = {"trunk": SMALL, "landmark_stages": ["layer2"], "flow_stages": ["layer1"]}
    assert isinstance(from_config({"family": "c3", **fields}), C3)
    assert from_config(fields) == from_config({"family": "c3", **fields})


def test_an_aligner_refines_the_correlation_of_two_pictures():
    flow = {"channels": [1], "linear": True, "kernel_size": 3}
    model = from_config(
        {"family": "aligner", "trunk": SMALL, "flow": flow, "stages": ["layer1", "layer2"]}
    )
    assert isinstance(model, Aligner)
    assert model.flow == FlowModule(channels=(1,), linear=True, kernel_size=3)
    source, target = jnp.zeros((2, 16, 24, 3)), jnp.zeros((2, 8, 16, 3))
    shapes = jax.eval_shape(model.init, jax.random.key(0), source, target)
    volume = jax.eval_shape(model.apply, shapes, source, target)
    assert volume.shape == (2, 4, 6, 2, 4)  # stride 4 of the first stage


def test_jlad_aligns_pictures_and_finds_their_landmarks():
    fields = {"num_landmarks": 3, "stages": ["layer1"], "radius": 1, "alignment_channels": [4, 4]}
    model = from_config({"family": "jlad", "trunk": SMALL, **fields})
    trunk = ResNet(architecture="small", stages=("layer1", "layer2"))
    assert model == JLAD(trunk, 3, ("layer1",), radius=1, alignment_channels=(4, 4))
    images = jnp.zeros((2, 16, 24, 3))
    shapes = jax.eval_shape(model.init, jax.random.key(0), images, images)
    alignment, detection, _ = jax.eval_shape(model.apply, shapes, images, images)
    assert alignment.tau.shape == (2, 4, 6, 2)
    assert detection.landmarks.shape == (2, 3, 2)


def test_nc_net_is_an_aligner_with_full_4d_convolutions():
    flow = {"channels": [2, 1], "kernel_size": 3}
    model = from_config({"family": "nc_net", "trunk": SMALL, "flow": flow})
    assert isinstance(model, Aligner) and model.flow == NCNet(channels=(2, 1), kernel_size=3)


@pytest.mark.parametrize(
    "config, message",
    [
        ({"family": "vae"}, "family must be one of 'c3', 'imm', 'aligner', .*got 'vae'"),
        ({"family": "imm", "trunk": {}}, "does not fit.*trunk"),
        ({"family": "c3", "encoder_widths": [4]}, "does not fit.*encoder_widths"),
        ({"family": "aligner", "trunk": {}}, "does not fit.*flow"),
        ({"family": "jlad", "num_landmarks": 3}, "does not fit.*trunk"),
    ],
)
def test_what_does_not_fit_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        from_config(config)


@pytest.mark.parametrize(
    ("family", "methods"),
    [
        ("c3", {"landmarks", "correlate"}),
        ("imm", {"landmarks", "correlate"}),
        ("aligner", {"match", "correlate"}),
        ("nc_net", {"match", "correlate"}),
        ("jlad", {"landmarks", "match"}),
    ],
)
def test_networks_answer_for_themselves(family, methods):
    config = {"family": family, "landmarks": {}}  # also an aligner that has landmark networks
    asked = ("landmarks", "match", "correlate")
    assert {method for method in asked if offers(config, method)} == methods


def test_a_network_of_no_family_is_refused():
    with pytest.raises(ValueError, match="ResNet is of none of the families c3, imm, aligner"):
        to_config(ResNet())
