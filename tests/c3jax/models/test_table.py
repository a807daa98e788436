"""docs/models.md: a row for every model, with its exact number of parameters."""

import dataclasses
import functools
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from c3jax.models.dinov2 import DINOv2
from c3jax.models.efficientnet import EfficientNetLite
from c3jax.models.flow import FlowModule
from c3jax.models.jlad import JLAD
from c3jax.models.ncnet import NCNet
from c3jax.models.pyramid import RandomPyramid
from c3jax.models.resnet import ARCHITECTURES, ResNet
from c3jax.models.vgg import DEPTHS, VGG, convolution_indices
from c3jax.weights import num_parameters
from experiments.registry import find_recipe

DOCUMENT = (Path(__file__).parents[3] / "docs/models.md").read_text()
ROW = re.compile(r"^\| `(?P<name>[^`]+)` \|.*\| (?P<count>[\d,]+) \|$", re.MULTILINE)
NUM_LANDMARKS = (10, 30)
FLOW_CHANNELS = ((16, 16, 1), (1,))
FEATURES = (1, 2, 3, 4), (1, 3, 2, 4)


def count(model, *inputs):
    """Parameters of a model, by the shapes alone."""
    inputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in inputs]
    shapes = jax.eval_shape(model.init, jax.random.key(0), *inputs)
    return num_parameters(shapes.get("params", {}))


def count_preset(name, preset, landmarks):
    recipe = find_recipe(name)
    config = dataclasses.replace(recipe.presets(None)[preset], landmarks=landmarks)
    return count(recipe.build(config).network, (1, *[config.data.image_size] * 2, 3))


def models():
    """Name in the table -> function that counts."""
    images = (1, 64, 64, 3)
    found = {"random": functools.partial(count, RandomPyramid(), images)}
    for name in ARCHITECTURES:
        found[name] = functools.partial(count, ResNet(name), images)
        with_logits = ResNet(name, stages=("logits",))
        found[f"{name}, classifier"] = functools.partial(count, with_logits, images)
    for name, last in {"lite0": "block15", "lite2": "block20"}.items():
        found[name] = functools.partial(count, EfficientNetLite(name, (last,)), images)
        with_logits = EfficientNetLite(name, ("logits",))
        found[f"{name}, classifier"] = functools.partial(count, with_logits, images)
    found["dinov2_s14"] = functools.partial(count, DINOv2(), images)
    for name in DEPTHS:
        vgg = VGG(name, taps=tuple(convolution_indices(name)))
        found[name] = functools.partial(count, vgg, images)
    for channels in FLOW_CHANNELS:
        label = f"flow {'-'.join(map(str, channels))}"
        found[label] = functools.partial(count, FlowModule(channels=channels), *FEATURES)
    found["ncnet 16-16-1"] = functools.partial(count, NCNet(), *FEATURES)
    small = NCNet(channels=(16, 1), kernel_size=3)
    found["ncnet 16-1, kernel 3"] = functools.partial(count, small, *FEATURES)
    alignment = find_recipe("semantic_alignment")
    aligner = alignment.build(alignment.presets(None)["paper"]).network
    found["aligner"] = functools.partial(count, aligner, images, images)
    for landmarks in NUM_LANDMARKS:
        trunk = ResNet("resnet101", output_stride=8, stages=("layer3",))
        jlad = JLAD(trunk, num_landmarks=landmarks)
        found[f"jlad, K={landmarks}"] = functools.partial(count, jlad, images, images)
    presets = [("c3_faces", preset, preset) for preset in find_recipe("c3_faces").presets(None)]
    for name, preset, label in [*presets, ("imm_faces", "paper", "imm")]:
        for landmarks in NUM_LANDMARKS:
            counted = functools.partial(count_preset, name, preset, landmarks)
            found[f"{label}, K={landmarks}"] = counted
    return found


MODELS = models()
ROWS = [(match["name"], match["count"]) for match in ROW.finditer(DOCUMENT)]


def test_the_table_has_one_row_for_every_model_and_no_other():
    assert sorted(name for name, _ in ROWS) == sorted(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_table_gives_the_number_of_parameters(name):
    assert dict(ROWS).get(name) == f"{MODELS[name]():,}"


def test_the_parts_of_the_paper_model_are_listed_and_add_up():
    recipe, images = find_recipe("c3_faces"), jnp.zeros((1, 128, 128, 3))
    model = recipe.build(recipe.presets(None)["paper"]).network
    params = jax.eval_shape(model.init, jax.random.key(0), images)["params"]
    stated = re.findall(r"^\| \w+ \| `(\w+)` \|.*\| ([\d,]+) \|$", DOCUMENT, re.MULTILINE)
    assert dict(stated) == {group: f"{num_parameters(tree):,}" for group, tree in params.items()}
    total = sum(int(number.replace(",", "")) for _, number in stated)
    assert f"{total:,}" == dict(ROWS)["paper, K=10"]
