"""The networks of a configuration: landmark model, perceptual network, their first variables."""

from typing import Any

import jax
import jax.numpy as jnp

from c3jax import weights
from c3jax.models import c3
from c3jax.models.pyramid import RandomPyramid
from c3jax.models.resnet import ResNet
from c3jax.models.vgg import VGG
from c3jax.training.step import AXIS
from experiments.c3_faces.config import Config
from experiments.c3_faces.steps import Networks
from experiments.common.errors import UsageError

PERCEPTUAL_STAGES = ("input", "stem", "layer1", "layer2")


def model_config(config: Config) -> dict[str, Any]:
    """What `c3jax.models.c3.from_config` builds the landmark model from (JSON)."""
    model = config.model
    pretrained = model.trunk != "small"
    axis_name = AXIS if config.sync_batch_norm else None
    stages = dict.fromkeys(model.landmark_stages + model.flow_stages)
    return {
        "trunk": {
            "architecture": model.trunk,
            "output_stride": model.output_stride,
            "stages": list(stages),
            "normalization": "frozen" if pretrained else "batch",
            "trainable": not pretrained or model.train_trunk,
            "axis_name": axis_name,
        },
        "num_landmarks": config.landmarks,
        "image_shape": [config.data.image_size] * 2,
        "axis_name": axis_name,
        **{
            name: getattr(model, name)
            for name in (
                "landmark_stages",
                "flow_stages",
                "appearance_channels",
                "pose_channels",
                "decoder_channels",
                "min_decoder_channels",
                "appearance_grid",
                "stddev",
                "temperature",
                "init_stddev",
                "flow_channels",
                "flow_linear",
            )
        },
    }


def make_networks(config: Config) -> Networks:
    """Landmark model and perceptual network of a configuration."""
    perceptual = {
        "random": lambda: RandomPyramid(),
        "resnet18": lambda: ResNet("resnet18", stages=PERCEPTUAL_STAGES),
        "vgg16": lambda: VGG("vgg16"),
    }[config.model.perceptual]()
    return Networks(c3.from_config(model_config(config)), perceptual)


def random_variables(networks: Networks, config: Config) -> dict[str, Any]:
    """Random first variables of both networks, by the seed."""
    image = jnp.zeros((1, config.data.image_size, config.data.image_size, 3))
    key = jax.random.key(config.seed)
    variables = networks.model.init(key, image)
    if config.model.perceptual == "random":
        return variables
    return _with_group(variables, "perceptual", networks.perceptual.init(key, image))


def init_variables(networks: Networks, config: Config) -> dict[str, Any]:
    """First variables of both networks; pretrained weights are read from their files.

    Raises:
      UsageError: a weights file is missing, damaged or of another network.
    """
    variables = jax.jit(random_variables, static_argnums=(0, 1))(networks, config)
    model = config.model
    try:
        if model.trunk != "small":
            path = _weights(model.trunk, model.weights, "--model.weights")
            stages = networks.model.trunk.stages
            loaded = weights.load_resnet(path, model.trunk, stages=stages)
            variables = _with_group(variables, "trunk", loaded)
        if model.perceptual != "random":
            path = _weights(
                model.perceptual, model.perceptual_weights, "--model.perceptual-weights"
            )
            if model.perceptual == "resnet18":
                loaded = weights.load_resnet(path, "resnet18", stages=PERCEPTUAL_STAGES)
            else:
                loaded = weights.load_vgg(path, "vgg16", taps=networks.perceptual.taps)
            variables = _with_group(variables, "perceptual", loaded)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return variables


def frozen_groups(config: Config) -> tuple[str, ...]:
    """Top-level parameter groups that no optimiser moves."""
    trunk = config.model.trunk != "small" and not config.model.train_trunk
    return ("trunk",) * trunk + ("perceptual",) * (config.model.perceptual != "random")


def _weights(architecture: str, path, option: str):
    found = weights.find_weights(architecture, path)
    if found is None:
        raise UsageError(
            f"no ImageNet weights of {architecture}: give {option} FILE, or put {architecture}.npz "
            "or .safetensors into ~/.cache/c3jax or the folder that C3JAX_WEIGHTS names"
        )
    print(f"weights: {architecture} from {found}", flush=True)
    return found


def _with_group(variables, group: str, loaded) -> dict[str, Any]:
    return {name: {**variables.get(name, {}), group: tree} for name, tree in loaded.items()} | {
        name: tree for name, tree in variables.items() if name not in loaded
    }
