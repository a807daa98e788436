"""The presets `paper` of faces, C3 and IMM: their values against the papers'."""

import dataclasses
import fnmatch
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c3jax.models.vgg import VGG
from c3jax.training import optimizers
from c3jax.training.step import AXIS
from data_pipelines.load import Data
from experiments import recipe
from experiments.c3_faces import __main__ as entry
from experiments.c3_faces.config import LAPTOP, PAPER, LossConfig, WarpConfig
from experiments.c3_faces.model import build, learning_rates, make_networks
from experiments.c3_faces.recipe import stages
from experiments.c3_faces.steps import unpaired_loss
from experiments.engine import cli
from experiments.engine.errors import UsageError
from experiments.engine.networks import find_files
from experiments.engine.stages import StageConfig
from experiments.imm_faces.recipe import PAPER as IMM
from experiments.terms.cross_image import init_loss_stats

# CelebA's training partition without MAFL's 1,000 test and 1,900 validation pictures.
NUM_PICTURES = 162_770 - 1_000 - 1_900


def values(config, names):
    return {name: getattr(config, name) for name in names.split()}


def test_stage_2_is_trained_as_in_the_paper():
    assert values(
        PAPER.joint, "batch_size learning_rate weight_decay clip_norm schedule epochs"
    ) == {
        "batch_size": 200,  # 50 on each of 4 devices
        "learning_rate": 5e-4,
        "weight_decay": 1e-4,
        "clip_norm": None,
        "schedule": "drops",
        "epochs": 200,
    }
    assert PAPER.joint.num_steps(NUM_PICTURES) == 200 * NUM_PICTURES // 200


@pytest.mark.parametrize(
    "epoch, rate",
    [(0, 5e-4), (99.9, 5e-4), (100.1, 5e-5), (149.9, 5e-5), (150.1, 5e-6), (200, 5e-6)],
)
def test_the_rate_drops_at_100_and_150_of_200_epochs(epoch, rate):
    schedule = optimizers.step_drops(5e-4, PAPER.joint.num_steps(NUM_PICTURES))
    assert float(schedule(round(epoch * NUM_PICTURES / 200))) == pytest.approx(rate, rel=1e-5)


@pytest.mark.parametrize("config, batch_size", [(PAPER, 200), (IMM, 50)])
def test_synthetic_pairs_are_trained_on_by_the_recipe_of_imm(config, batch_size):
    assert values(config.pretrain, "batch_size learning_rate weight_decay clip_norm schedule") == {
        "batch_size": batch_size,
        "learning_rate": 1e-3,
        "weight_decay": 1e-5,
        "clip_norm": 1.0,
        "schedule": "slow_decay",
    }
    assert config.warp == WarpConfig(
        target_rotation=0.0,
        target_scale=0.0,
        target_translation=0.1,
        target_warp=(0.001, 0.005),
        source_rotation=5.0,
        source_scale=0.1,
        source_translation=0.1,
        source_warp=(0.001, 0.01),
    )


def test_networks_are_those_of_the_paper():
    model = build(PAPER).network
    fields = "architecture output_stride stages normalization trainable widths axis_name"
    assert values(model.trunk, fields) == {
        "architecture": "resnet50",
        "output_stride": 8,
        "stages": ("layer4", "layer3"),
        "normalization": "frozen",
        "trainable": True,
        "widths": None,
        "axis_name": None,
    }
    networks = make_networks(PAPER)
    batch = jax.ShapeDtypeStruct((1, 128, 128, 3), jnp.float32)
    code, _ = jax.eval_shape(networks.encode, first_shapes(PAPER), batch)
    assert code.appearance.shape == (1, 16, 16, 256)
    assert code.maps.shape == (1, 16, 16, 10)
    assert code.flow_features.shape == (1, 16, 16, 1024)
    params = first_shapes(PAPER)["params"]
    assert {name: leaf.shape for name, leaf in params["flow"].items()} == {
        "kernel_source_0": (5, 5, 16, 16),
        "kernel_target_0": (5, 5, 1, 16),
        "kernel_source_1": (5, 5, 16, 16),
        "kernel_target_1": (5, 5, 16, 16),
        "kernel_source_2": (5, 5, 1, 1),
        "kernel_target_2": (5, 5, 16, 1),
    }
    # E_a: two 3x3 convolutions on layer4.
    shapes = [params["appearance"][f"ConvBlock_{n}"]["conv"]["kernel"].shape for n in (0, 1)]
    assert shapes == [(3, 3, 2048, 256), (3, 3, 256, 256)]
    assert networks.perceptual == VGG("vgg16")
    assert (model.init_stddev, model.stddev) == (0.01, 0.0707)


def test_first_values_are_normal_with_deviation_one_hundredth():
    model = make_networks(IMM).model.clone(encoder_widths=(32,), decoder_channels=64)
    init = jax.jit(lambda key: model.init(key, jnp.zeros((1, 128, 128, 3))))
    params = jax.tree_util.tree_leaves_with_path(init(jax.random.key(0))["params"])
    kernels = [leaf.ravel() for path, leaf in params if path[-1].key == "kernel"]
    assert float(jnp.std(jnp.concatenate(kernels))) == pytest.approx(0.01, rel=0.01)


def test_the_loss_is_literally_the_papers():
    assert PAPER.loss == LossConfig(
        reconstruction=1.0,
        cycle=1.0,
        invariance=1.0,
        equivariance=1.0,
        landmarks_as="maps",
        hard_match=True,
        flow=1.0,
        joint_flow=0.1,  # keeps W1, W2 learning beside the hard T; 0 is literal
    )
    beyond = ("synthetic", "warp_consistency", "separation")
    for config in (PAPER, IMM):
        assert [getattr(config.loss, name) for name in beyond] == [0, 0, 0]
        assert config.model.appearance_grid is None
    assert (PAPER.cycle, PAPER.flow, PAPER.landmarks, PAPER.sync_batch_norm) == (
        True,
        True,
        10,
        False,
    )
    assert (IMM.cycle, IMM.flow, IMM.joint.steps, IMM.model.family) == (False, False, 0, "imm")
    assert values(PAPER.data, "name image_size loader") == {
        "name": "celeb_a",
        "image_size": 128,
        "loader": "tf",
    }


def first_shapes(config):
    return jax.eval_shape(build(config).random)


def held(config, *, stage):
    """Paths of the parameters that a stage holds, of all of the landmark model."""
    paths = {
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, _ in jax.tree_util.tree_leaves_with_path(first_shapes(config)["params"])
        if path[0].key != "perceptual"
    }
    patterns = [p for p, rate in learning_rates(config, stage).items() if rate == 0]
    return {path for path in paths if any(fnmatch.fnmatch(path, p) for p in patterns)}, paths


def test_stage_1_leaves_the_trunk_alone_and_stage_2_its_frozen_normalisation():
    in_stage_1, paths = held(PAPER, stage="pretrain")
    assert in_stage_1 == {path for path in paths if path.startswith("trunk/")}
    in_stage_2, _ = held(PAPER, stage="joint")
    assert in_stage_2 == {path for path in in_stage_1 if path.endswith(("/scale", "/bias"))}
    stages = ("warmup", "pretrain", "joint")
    trainable = [make_networks(PAPER, stage=name).model.trunk.trainable for name in stages]
    assert trainable == [False, False, True]


def test_the_warm_up_moves_what_finds_landmarks_alone():
    in_warmup, paths = held(PAPER, stage="warmup")
    moved = {path.partition("/")[0] for path in paths - in_warmup}
    assert moved == {"pose", "pose_logits"}


def test_a_flow_module_without_a_loss_is_held():
    literal = dataclasses.replace(PAPER, loss=dataclasses.replace(PAPER.loss, joint_flow=0.0))
    flow = {f"flow/kernel_{side}_{layer}" for side in ("source", "target") for layer in range(3)}
    assert flow <= held(literal, stage="joint")[0]
    assert flow <= held(dataclasses.replace(PAPER, flow=False), stage="joint")[0]
    soft = dataclasses.replace(literal.loss, hard_match=False)
    assert not flow & held(dataclasses.replace(literal, loss=soft), stage="joint")[0]


def tiny(**loss):
    """`paper`'s loss on networks that compile in seconds."""
    model = dataclasses.replace(
        LAPTOP.model, appearance_channels=4, pose_channels=4, decoder_channels=4,
        landmark_stages=("layer1",), flow_stages=("layer1",), appearance_grid=None,
    )  # fmt: skip
    return dataclasses.replace(
        PAPER,
        data=dataclasses.replace(PAPER.data, image_size=16),
        model=model,
        loss=dataclasses.replace(PAPER.loss, **loss),
    )


@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_beside_the_hard_match_only_the_auxiliary_loss_teaches_the_flow_module(weight):
    config = tiny(joint_flow=weight)
    networks = make_networks(config)
    images = np.random.default_rng(0).integers(0, 256, (2, 2, 16, 16, 3), np.uint8)

    def loss(flow, variables, source, target, keys):
        stats = init_loss_stats(networks, variables, source[:1] / 255)
        state = _State(variables, stats)
        batch = {"source": source, "target": target}
        params = {**variables["params"], "flow": flow}
        losses, _ = unpaired_loss(params, state, batch, keys, networks=networks, config=config)
        return losses.mean()

    variables = build(config).random()
    gradient = jax.jit(jax.vmap(jax.grad(loss), (None, None, 0, 0, 0), axis_name=AXIS))
    keys = jax.random.split(jax.random.key(0), 2)
    found = gradient(variables["params"]["flow"], variables, images[:1], images[1:], keys[None])
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(found))
    assert np.isfinite(largest) and (largest > 0) == (weight > 0)


@dataclasses.dataclass
class _State:
    all_variables: dict
    loss_stats: dict

    def variables(self, params):
        return {**self.all_variables, "params": params}


def test_epochs_count_training_pictures_and_steps_win():
    data = Data("", "", 1_000, None, None)
    config = dataclasses.replace(
        tiny(), pretrain=StageConfig(steps=7, batch_size=4, learning_rate=1)
    )
    found = [stage.steps for stage in stages(config, data, build(config))]
    assert found == [0, 7, 200 * 1_000 // 200]
    with pytest.raises(UsageError, match="--STAGE.steps or --STAGE.epochs"):
        StageConfig(steps=None, batch_size=4, learning_rate=1).num_steps(10)


def test_imm_with_a_flow_module_is_refused():
    with pytest.raises(UsageError, match="add --no-flow"):
        dataclasses.replace(IMM, flow=True).check(1)


def test_one_error_names_all_weights_that_are_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("C3JAX_WEIGHTS", raising=False)
    with pytest.raises(UsageError) as refused:
        find_files(build(PAPER).pretrained)
    message = str(refused.value)
    for part in (
        "resnet50 (--model.weights FILE)",
        "vgg16 (--model.perceptual-weights FILE)",
        "~/.cache/c3jax",
        "C3JAX_WEIGHTS",
        "HF_HUB_OFFLINE forbids it",
        "/timm/resnet50.tv_in1k/resolve/",
        "/timm/vgg16.tv_in1k/resolve/",
    ):
        assert part in message


def test_the_command_says_what_is_missing_before_it_begins(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path))
    arguments = f"--preset paper --data.cache {tmp_path} --runs {tmp_path / 'runs'}"
    monkeypatch.setattr(sys, "argv", ["c3_faces", *arguments.split()])

    def message():
        with pytest.raises(SystemExit) as stopped:
            cli.guarded(entry.main)
        assert stopped.value.code == 2
        return capsys.readouterr().err

    assert "no ImageNet weights of resnet50" in message()
    monkeypatch.setattr(recipe, "first_variables", lambda *_: {})  # as if there were weights
    named = message()
    assert f"{tmp_path}/celeb_a/img_align_celeba" in named and "testing.txt" in named


def test_maps_that_the_flow_does_not_fit_are_refused():
    loss = dataclasses.replace(LAPTOP.loss, landmarks_as="maps")
    config = dataclasses.replace(LAPTOP, loss=loss)

    with pytest.raises(UsageError, match="landmark maps have 16x16 cells, the flow features 8x8"):
        build(config)
    build(dataclasses.replace(config, flow=False))
