"""The networks of a configuration: landmark model, perceptual network, their first variables."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from c3jax import weights
from c3jax.models.families import from_config
from c3jax.training.step import AXIS
from experiments.c3_faces.config import Config
from experiments.engine.errors import UsageError
from experiments.engine.pretrained import Wanted, find_files, with_group
from experiments.terms import perceptual
from experiments.terms.cross_image import Networks

# Fields of `ModelConfig` that are fields of both families of models, and of C3 alone.
FIELDS = (
    "decoder_channels",
    "min_decoder_channels",
    "appearance_grid",
    "stddev",
    "temperature",
    "init_stddev",
)
C3_FIELDS = (
    "landmark_stages",
    "flow_stages",
    "appearance_channels",
    "pose_channels",
    "flow_channels",
    "flow_linear",
)


def model_config(config: Config) -> dict[str, Any]:
    """What `c3jax.models.families.from_config` builds the landmark model from (JSON)."""
    model = config.model
    fields = {
        "family": model.family,
        "num_landmarks": config.landmarks,
        "image_shape": [config.data.image_size] * 2,
        "axis_name": AXIS if config.sync_batch_norm else None,
        **{name: getattr(model, name) for name in FIELDS},
    }
    if model.family == "imm":
        return fields | {"encoder_widths": model.encoder_widths}
    trunk = {
        "architecture": model.trunk,
        "output_stride": model.output_stride,
        "stages": list(dict.fromkeys(model.landmark_stages + model.flow_stages)),
        "normalization": "frozen" if has_pretrained_trunk(config) else "batch",
        "trainable": not has_pretrained_trunk(config) or bool(model.train_trunk),
        "axis_name": fields["axis_name"],
    }
    return fields | {"trunk": trunk} | {name: getattr(model, name) for name in C3_FIELDS}


def has_pretrained_trunk(config: Config) -> bool:
    """Whether the landmark model starts from ImageNet weights."""
    return config.model.family == "c3" and config.model.trunk != "small"


def make_networks(config: Config, *, stage: str = "joint") -> Networks:
    """Landmark model and perceptual network of a configuration, for the stage of that name.

    They differ in a pretrained trunk alone, which computes gradients where it is trained.

    Raises:
      UsageError: IMM with a flow module.
    """
    if config.model.family == "imm" and config.flow:
        raise UsageError("IMM has no cross-image flow module: add --no-flow to --model.family imm")
    if stage not in config.model.train_trunk:
        model = dataclasses.replace(config.model, train_trunk=())
        config = dataclasses.replace(config, model=model)
    fixed = perceptual.make_network(config.model.perceptual)
    return Networks(from_config(model_config(config)), fixed)


def random_variables(networks: Networks, config: Config) -> dict[str, Any]:
    """Random first variables of both networks, by the seed."""
    image = jnp.zeros((1, config.data.image_size, config.data.image_size, 3))
    key = jax.random.key(config.seed)
    variables = dict(networks.model.init(key, image))
    if config.model.perceptual == "random":
        return variables
    return with_group(variables, "perceptual", networks.perceptual.init(key, image))


def check_grids(networks: Networks, variables: dict[str, Any], config: Config) -> None:
    """Refuses L_equiv on landmark maps that the flow module's T does not fit.

    Raises:
      UsageError: names both grids.
    """
    if not (config.flow and config.loss.equivariance and config.loss.landmarks_as == "maps"):
        return
    image = jax.ShapeDtypeStruct((1, *[config.data.image_size] * 2, 3), jnp.float32)
    encode = functools.partial(networks.model.apply, method="encode")
    code = jax.eval_shape(encode, variables, image)
    maps, flow = code.maps.shape[1:3], code.flow_features.shape[1:3]
    if maps != flow:
        raise UsageError(
            f"--loss.landmarks-as maps: the landmark maps have {maps[0]}x{maps[1]} cells, the flow "
            f"features {flow[0]}x{flow[1]}; give --model.flow-stages that begin with a stage of "
            "the grid of --model.landmark-stages, or --loss.landmarks-as points"
        )


def init_variables(networks: Networks, config: Config) -> dict[str, Any]:
    """First variables of both networks; pretrained weights are read from their files.

    Raises:
      UsageError: a weights file is missing, damaged or of another network.
    """
    variables = jax.jit(random_variables, static_argnums=(0, 1))(networks, config)
    model = config.model
    files = find_weights(config)
    for group, file in files.items():
        print(f"weights: {getattr(model, group)} from {file}", flush=True)
    try:
        if "trunk" in files:
            stages = networks.model.trunk.stages
            loaded = weights.load_resnet(files["trunk"], model.trunk, stages=stages)
            variables = with_group(variables, "trunk", loaded)
        if "perceptual" in files:
            loaded = perceptual.load(files["perceptual"], model.perceptual)
            variables = with_group(variables, "perceptual", loaded)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return variables


def find_weights(config: Config) -> dict[str, Path]:
    """Files of the ImageNet weights that are needed, by parameter group: 'trunk', 'perceptual'.

    Raises:
      UsageError: names all that are missing, and what to put where.
    """
    model = config.model
    wanted = {}
    if has_pretrained_trunk(config):
        wanted["trunk"] = Wanted(model.trunk, model.weights, "--model.weights")
    return find_files(wanted | perceptual.wanted(model))


def frozen_groups(config: Config) -> tuple[str, ...]:
    """Top-level parameter groups that no optimiser moves."""
    trunk = has_pretrained_trunk(config) and not config.model.train_trunk
    return ("trunk",) * trunk + ("perceptual",) * (config.model.perceptual != "random")


def held_parameters(config: Config, *, stage: str) -> tuple[str, ...]:
    """Patterns of trained parameters that get no gradient in the stage of that name.

    Weight decay alone must not move them: Adam would take it for a gradient, and shrink them by
    the learning rate at every step.
    """
    held, loss = [], config.loss
    if has_pretrained_trunk(config):
        frozen_normalization = ["trunk/*bn?/*", "trunk/*downsample_1/*"]
        held += frozen_normalization if stage in config.model.train_trunk else ["trunk/*"]
    if stage == "warmup":
        return (*held, "appearance/*", "decoder/*", "flow/*")
    own_loss = loss.flow
    if stage == "joint" and config.cycle:
        own_loss = loss.synthetic * loss.flow or loss.joint_flow or not loss.hard_match
    if not (config.flow and own_loss):
        held.append("flow/*")
    return tuple(held)


def learning_rates(config: Config) -> dict[str, float]:
    """Relative learning rates by pattern of parameters."""
    return {"trunk/*": config.model.trunk_rate} if has_pretrained_trunk(config) else {}
