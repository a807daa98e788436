"""The network of a configuration, its first variables, and what each stage leaves alone."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from c3jax.models.families import from_config
from c3jax.models.flow import FlowModule
from c3jax.training.state import init_state
from experiments.engine.errors import UsageError
from experiments.engine.pretrained import (
    find_files,
    find_trunk,
    with_group,
    with_pretrained_trunk,
)
from experiments.semantic_alignment.config import Config
from experiments.semantic_alignment.steps import Landmarks, Network
from experiments.terms import perceptual
from experiments.terms.cross_image import Networks, init_loss_stats

LAST_BLOCKS = {"resnet18": "layer3_1", "resnet50": "layer3_5", "resnet101": "layer3_22"}


def model_config(config: Config, *, trainable: bool = True) -> dict[str, Any]:
    """What `c3jax.models.families.from_config` builds the aligner from (JSON)."""
    model = config.model
    trunk = {
        "architecture": model.trunk,
        "output_stride": model.output_stride,
        "stages": list(model.stages),
        "normalization": "batch" if model.trunk == "small" else "frozen",
        "trainable": trainable,
        "widths": model.trunk_widths if model.trunk == "small" else None,
    }
    flow = {
        "channels": list(model.flow_channels),
        "kernel_size": model.kernel_size,
        "start": model.start,
        "chunk": model.chunk,
    }
    if model.family == "aligner":
        flow |= {
            "layers": model.flow_layers,
            "linear": model.flow_linear,
            "negative_slope": model.negative_slope,
        }
    aligner = {"family": model.family, "trunk": trunk, "flow": flow, "stages": list(model.stages)}
    return aligner | ({"landmarks": _landmark_config(config)} if config.landmarks else {})


def _landmark_config(config: Config) -> dict[str, Any]:
    channels = config.model.landmark_channels
    return {
        "num_landmarks": config.landmarks,
        "appearance_channels": channels,
        "pose_channels": channels,
        "decoder_channels": channels,
        "min_decoder_channels": min(channels, 32),
        "image_shape": [config.data.image_size] * 2,
    }


def make_gaussian_block(config: Config) -> Callable[[Array, Array], Array]:
    """The separable Gaussian block without training, a baseline: from two f' to a correlation."""
    module = FlowModule(channels=(1,), linear=True, chunk=config.model.chunk)
    cell = jnp.zeros((1, 1, 1, 1))
    variables = module.init(jax.random.key(0), cell, cell)

    def correlate(source: Array, target: Array) -> Array:
        found = module.apply(variables, source, target)
        assert isinstance(found, Array)
        return found

    return correlate


def make_network(config: Config, *, stage: str = "finetune") -> Network:
    """The aligner for the stage of that name; a frozen trunk computes no gradients."""
    return Network(from_config(model_config(config, trainable=stage != "flow")))


def landmark_networks(config: Config, *, stage: str = "finetune") -> Networks:
    """The aligner with its landmark networks, and the perceptual network, for that stage."""
    fixed = perceptual.make_network(config.model.perceptual)
    return Networks(make_network(config, stage=stage).model, fixed)


def landmarks_of(config: Config, *, stage: str) -> Landmarks | None:
    """What the stage of that name does with landmarks, if anything."""
    if not config.landmarks or stage == "features":
        return None
    if stage == "flow":
        loss = dataclasses.replace(
            config.landmark_loss, cycle=0.0, invariance=0.0, equivariance=0.0
        )
    else:
        loss = dataclasses.replace(config.landmark_loss, reconstruction=0.0)
    return Landmarks(landmark_networks(config, stage=stage), loss)


def random_variables(network: Network, config: Config) -> dict[str, Any]:
    """Random first variables, by the seed."""
    image = jnp.zeros((1, config.data.image_size, config.data.image_size, 3))
    key = jax.random.key(config.seed)
    variables = dict(network.model.init(key, image, image))
    if not config.landmarks or config.model.perceptual == "random":
        return variables
    fixed = perceptual.make_network(config.model.perceptual).init(key, image)
    return with_group(variables, "perceptual", dict(fixed))


def init_variables(network: Network, config: Config) -> dict[str, Any]:
    """First variables; a pretrained trunk and perceptual network are read from their files.

    Raises:
      UsageError: a weights file is missing, damaged or of another network.
    """
    variables = jax.jit(random_variables, static_argnums=(0, 1))(network, config)
    return with_perceptual(with_pretrained_trunk(variables, config.model), config)


def with_perceptual(variables: dict[str, Any], config: Config) -> dict[str, Any]:
    """The variables with ImageNet weights in the perceptual network, where there is one.

    Raises:
      UsageError: the weights file is missing, damaged or of another network.
    """
    if not config.landmarks:
        return variables
    for group, file in find_files(perceptual.wanted(config.model)).items():
        print(f"weights: {config.model.perceptual} from {file}", flush=True)
        try:
            loaded = perceptual.load(file, config.model.perceptual)
        except ValueError as error:
            raise UsageError(str(error)) from error
        variables = with_group(variables, group, loaded)
    return variables


def find_weights(config: Config) -> dict[str, Path]:
    """Files of the ImageNet weights that are needed, by group of parameters.

    Raises:
      UsageError: one is missing; what to put where.
    """
    found = find_trunk(config.model) if config.init_from is None else {}
    return found | (find_files(perceptual.wanted(config.model)) if config.landmarks else {})


def held_parameters(config: Config, *, stage: str) -> tuple[str, ...]:
    """Patterns of parameters that the optimiser leaves alone in the stage of that name.

    A pretrained trunk moves in its last block alone (NC-Net), and never in its normalisation.
    """
    if stage == "features":
        return ("flow/*", "landmarks/*")
    if stage == "flow":
        return ("trunk/*",) + ("landmarks/*",) * (not config.landmark_loss.reconstruction)
    if config.model.trunk == "small":
        return ()
    last = LAST_BLOCKS[config.model.trunk]
    return tuple(f"trunk/{name}/*" for name in _other_blocks(config, last)) + (
        f"trunk/{last}/*bn?/*",
    )


def _other_blocks(config: Config, last: str) -> list[str]:
    network = make_network(config)
    shapes = jax.eval_shape(lambda: random_variables(network, config))
    return [name for name in shapes["params"]["trunk"] if name != last]


def first_state(config: Config, variables: dict, optimizer):
    """The state at step 0."""
    if not config.landmarks:
        return init_state(variables, optimizer=optimizer, loss_stats={})
    image = jnp.zeros((1, config.data.image_size, config.data.image_size, 3))
    return init_state(
        variables,
        optimizer=optimizer,
        loss_stats=init_loss_stats(landmark_networks(config), variables, image),
        frozen=("perceptual",) * (config.model.perceptual != "random"),
    )
