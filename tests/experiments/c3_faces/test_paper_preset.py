"""The presets `paper` of faces, C3 and IMM: their values against the papers'."""

import dataclasses
import fnmatch
import functools

import jax
import jax.numpy as jnp
import pytest

from c3jax.models.vgg import VGG
from c3jax.tools.errors import UsageError
from c3jax.training import optimizers
from data_pipelines.load import Data
from experiments import recipe
from experiments.c3_faces.config import LossConfig, WarpConfig
from experiments.c3_faces.model import STAGES, build, learning_rates, make_networks
from experiments.c3_faces.presets import LAPTOP_SMALL, PAPER, PRESETS
from experiments.c3_faces.recipe import stages
from experiments.engine.stages import StageConfig
from experiments.imm_faces.recipe import PAPER as IMM
from tests.experiments.tiny import train

# CelebA's training partition without MAFL's 1,000 test and 1,900 validation pictures.
NUM_PICTURES = 162_770 - 1_000 - 1_900


def values(config, names):
    return {name: getattr(config, name) for name in names.split()}


def test_stage_2_is_trained_as_in_the_paper():
    assert values(PAPER.joint, "batch_size learning_rate weight_decay") == {
        "batch_size": 200,  # 50 on each of 4 devices
        "learning_rate": 5e-4,
        "weight_decay": 1e-4,
    }
    rest = values(PAPER.joint, "clip_norm schedule epochs")
    assert [*rest.values()] == [None, "drops", 200]
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
    code, _ = jax.eval_shape(networks.encode, first_shapes(), batch)
    assert code.appearance.shape == (1, 16, 16, 256)
    assert code.maps.shape == (1, 16, 16, 10)
    assert code.flow_features.shape == (1, 16, 16, 1024)
    params = first_shapes()["params"]
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
        pretrain_scale=6000.0,
    )
    beyond = ("synthetic", "warp_consistency", "separation")
    for config in (PAPER, IMM):
        assert [getattr(config.loss, name) for name in beyond] == [0, 0, 0]
        assert config.model.appearance_grid is None
    switches = values(PAPER, "cycle flow landmarks sync_batch_norm")
    assert [*switches.values()] == [True, True, 10, False]
    assert (IMM.cycle, IMM.flow, IMM.joint.steps, IMM.model.family) == (False, False, 0, "imm")
    assert [*values(PAPER.data, "name image_size loader").values()] == ["celeb_a", 128, "tf"]


def test_stage_1_has_the_loss_that_imms_clip_and_decay_belong_to():
    """6,000 times the mean over the six maps of P, as the baseline's; stage 2 does not."""
    weights = {name: PAPER.loss_of(name).reconstruction for name in STAGES}
    assert weights == {
        "warmup": 1.0,
        "pretrain": IMM.loss_of("pretrain").reconstruction,
        "joint": 1,
    }
    assert weights["pretrain"] == 1000 * len(make_networks(PAPER).perceptual.taps) == 6000
    config = dataclasses.replace(PAPER, model=LAPTOP_SMALL.model, flow=False)
    found = stages(config, Data("", "", 1_000, None, None), build(config))
    trained = [stage.loss_fn.keywords["config"].loss.reconstruction for stage in found]
    assert trained == [1, 6000, 1]
    for name, preset in PRESETS.items():
        assert name == "paper" or preset.loss_of("pretrain") == preset.loss


@functools.cache
def first_shapes():
    return jax.eval_shape(build(PAPER).random)


def held(config, *, stage):
    """Paths of the parameters that a stage holds, of all of the paper's landmark model."""
    paths = {
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, _ in jax.tree_util.tree_leaves_with_path(first_shapes()["params"])
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
    # Soft T without L_equiv, and stage 1's terms without the flow's, teach it nothing either.
    for changes in ({"equivariance": 0.0}, {"equivariance": 0.0, "synthetic": 1.0, "flow": 0.0}):
        untaught = dataclasses.replace(soft, **changes)
        assert flow <= held(dataclasses.replace(PAPER, loss=untaught), stage="joint")[0]
    idle = dataclasses.replace(PAPER.loss, synthetic=1.0, flow=0.0)  # joint_flow is not on then
    assert flow <= held(dataclasses.replace(PAPER, loss=idle), stage="joint")[0]


def test_epochs_count_training_pictures_and_steps_win():
    data = Data("", "", 1_000, None, None)
    few = StageConfig(steps=7, batch_size=4, learning_rate=1)
    config = dataclasses.replace(PAPER, model=LAPTOP_SMALL.model, pretrain=few, flow=False)
    found = [stage.steps for stage in stages(config, data, build(config))]
    assert found == [0, 7, 200 * 1_000 // 200]
    with pytest.raises(UsageError, match="--STAGE.steps or --STAGE.epochs"):
        StageConfig(steps=None, batch_size=4, learning_rate=1).num_steps(10)


def test_the_command_says_what_is_missing_before_it_begins(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path))
    arguments = f"--preset paper --data.cache {tmp_path} --runs {tmp_path / 'runs'}"

    def message():
        assert train("c3_faces", *arguments.split()) == 2
        return capsys.readouterr().err

    assert "no ImageNet weights of resnet50" in message()
    monkeypatch.setattr(recipe, "first_variables", lambda *_: {})  # as if there were weights
    named = message()
    assert f"{tmp_path}/celeb_a/img_align_celeba" in named and "testing.txt" in named


def test_maps_that_the_flow_does_not_fit_are_refused():
    loss = dataclasses.replace(LAPTOP_SMALL.loss, landmarks_as="maps")
    config = dataclasses.replace(LAPTOP_SMALL, loss=loss)

    with pytest.raises(UsageError, match="landmark maps have 16x16 cells, the flow features 8x8"):
        build(config)
    build(dataclasses.replace(config, flow=False))
