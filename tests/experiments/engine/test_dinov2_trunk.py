"""DINOv2 as a trunk: frozen in every experiment, and read from a file that is never fetched."""

import json
from dataclasses import asdict, replace

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from c3jax import inference
from c3jax._weight_files import TO_TORCH
from c3jax.models import dinov2
from c3jax.models.families import to_config
from c3jax.models.reading import Reading
from c3jax.tools.errors import UsageError
from c3jax.weights import file_digest, torchvision_key
from experiments.c3_faces import model as c3_model
from experiments.c3_faces import presets as c3_presets
from experiments.engine import hub
from experiments.engine.networks import find_files, trunk_weights, with_pretrained
from experiments.jlad import model as jlad_model
from experiments.jlad import recipe as jlad_recipe
from experiments.semantic_alignment import config as alignment_config
from experiments.semantic_alignment import model as alignment_model
from tests.drawn import draw

DINO, STAGES = {"trunk": "dinov2_s14"}, ("block1", "norm")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    small = dinov2.Variant(width=8, depth=2, heads=2, grid=3)
    monkeypatch.setitem(dinov2.VARIANTS, "dinov2_s14", small)


@pytest.fixture
def file(tmp_path):
    network = dinov2.DINOv2(stages=STAGES)
    leaves = flatten_dict(draw(network, np.zeros((1, 14, 14, 3), np.float32)))
    arrays = {torchvision_key(k): v.transpose(TO_TORCH[v.ndim]) for k, v in leaves.items()}
    np.savez(tmp_path / "dinov2_s14.npz", **arrays)
    return tmp_path / "dinov2_s14.npz"


def of_faces(**fields):
    named = {"landmark_stages": STAGES, "flow_stages": STAGES[:1], "appearance_grid": None}
    model = replace(c3_presets.LAPTOP.model, **DINO, **named, perceptual="random")
    return replace(c3_presets.LAPTOP, model=replace(model, **fields))


def of_pairs(preset):
    return replace(preset, model=replace(preset.model, **DINO, stages=STAGES))


def test_the_line_names_file_digest_and_size(file, monkeypatch, capsys):
    monkeypatch.setenv("C3JAX_WEIGHTS", str(file.parent))
    (wanted,) = trunk_weights(of_faces().model, STAGES, image_size=128)
    found = with_pretrained({"params": {}}, [wanted, wanted._replace(group="other")])
    assert found["params"].keys() == {"trunk", "other"}
    assert capsys.readouterr().out == (
        f"weights: dinov2_s14 from {file}, sha256 {file_digest(file)}; pictures of 128 px are "
        "brought to 140 px, a multiple of 14\n"
    )
    with_pretrained({"params": {}}, [wanted._replace(image_size=126)])
    assert "brought" not in capsys.readouterr().out


def test_a_missing_file_is_never_fetched_and_one_error_says_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("C3JAX_WEIGHTS", raising=False)
    monkeypatch.setattr(hub, "fetch", None)
    said = "never fetched: get .*timm/vit_small_patch14_dinov2.lvd142m.*dinov2_s14.safetensors"
    with pytest.raises(UsageError, match=f"{said}.*--model.weights FILE"):
        find_files(trunk_weights(of_faces().model, STAGES))


def test_no_stage_of_any_experiment_trains_it():
    faces, pairs = of_faces(), of_pairs(alignment_config.PAPER)
    for stage in c3_model.STAGES:
        assert c3_model.learning_rates(faces, stage)["trunk/*"] == 0
        assert not c3_model.make_networks(faces, stage=stage).model.trunk.trainable
    for stage in ("flow", "finetune"):
        assert alignment_model.learning_rates(pairs, stage)["trunk/*"] == 0
        assert not alignment_model.make_networks(pairs, stage=stage).model.trunk.trainable
    joint = of_pairs(jlad_recipe.LAPTOP_SMALL)
    assert joint.model.train_trunk and not joint.trunk_learns
    for stage in ("pretrain", "alignment", "detection"):
        assert "trunk" not in jlad_model.learning_groups(joint, stage)
    for build, config in (
        (c3_model.build, faces), (alignment_model.build, pairs), (jlad_model.build, joint),
    ):  # fmt: skip
        assert build(config).keeps_trunk


def test_a_stage_that_would_train_it_is_refused():
    with pytest.raises(UsageError, match="dinov2_s14 is always frozen: .*--model.train-trunk"):
        of_faces(train_trunk=("joint",)).check(1)
    config = of_pairs(alignment_config.LAPTOP_SMALL)
    with pytest.raises(UsageError, match="dinov2_s14 is always frozen.*--features.steps 0"):
        config.check(1)


def test_unknown_stages_are_refused_by_the_option():
    with pytest.raises(UsageError, match="--model.trunk dinov2_s14: stages must be .*'layer4'"):
        c3_model.make_networks(of_faces(landmark_stages=("layer4",)))


def test_exports_store_it_whole(tmp_path):
    network = alignment_model.make_networks(of_pairs(alignment_config.LAPTOP)).model
    image = np.zeros((1, 28, 28, 3), np.float32)
    described = {"model": to_config(network), "image_size": 28, "resize": "antialias"}
    described |= {"reading": asdict(Reading()), "trained_on": "nothing"}
    variables = draw(network, image, image)
    inference.save(tmp_path, variables, described, dtype="float32")
    assert "trunk_file" not in json.loads((tmp_path / "config.json").read_text())
    read = inference.load_aligner(tmp_path)
    assert read.network == network
    jax.tree.map(np.testing.assert_array_equal, read.variables, variables)


def test_the_untrained_aligner_matches_on_its_last_block(file):
    aligner = inference.gaussian_aligner(file, "dinov2_s14", image_size=40)
    picture = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    assert aligner.network.trunk.stages == aligner.network.stages == ("norm",)
    assert aligner.align(picture, picture).to_target.shape == (3, 3, 2)
