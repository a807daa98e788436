"""The network of a configuration, its first variables, and its groups of parameters."""

from typing import Any

import jax
import jax.numpy as jnp

from c3jax.models.families import from_config
from c3jax.training.state import init_state
from experiments.engine.pretrained import with_pretrained_trunk
from experiments.jlad.config import Config
from experiments.jlad.steps import Network

DETECTION_TRUNK = "detection_trunk"


def model_config(config: Config) -> dict[str, Any]:
    """What `c3jax.models.families.from_config` builds the network from (JSON)."""
    model = config.model
    trunk = {
        "architecture": model.trunk,
        "output_stride": model.output_stride,
        "stages": list(model.stages),
        "normalization": "batch" if model.trunk == "small" else "frozen",
        "trainable": True,
        "widths": model.trunk_widths if model.trunk == "small" else None,
    }
    return {
        "family": "jlad",
        "trunk": trunk,
        "num_landmarks": config.landmarks,
        "stages": list(model.stages),
        "radius": model.radius,
        "alignment_channels": list(model.alignment_channels),
        "alignment_kernel": model.alignment_kernel,
        "uncertainty_channels": list(model.uncertainty_channels),
        "detection_channels": list(model.detection_channels),
        "with_uncertainty": config.uncertainty,
        "with_self_similarity": config.self_similarity,
        "iterations": model.iterations,
        "start_temperature": model.start_temperature,
        "uncertainty_of_features": config.unmatched,
    }


def make_network(config: Config) -> Network:
    """The joint network; a separate detection has a trunk of its own in `detection_trunk`."""
    return Network(from_config(model_config(config)))


def detection_trunk(config: Config) -> str:
    """The group of parameters that the detection takes as its trunk."""
    return DETECTION_TRUNK if config.separate else "trunk"


def groups(config: Config) -> dict[str, tuple[str, ...]]:
    """Groups of parameters that each stage learns."""
    alignment = ("trunk", "alignment", "uncertainty")[: 3 if config.uncertainty else 2]
    return {
        "pretrain": (*alignment, "detection"),
        "alignment": alignment,
        "detection": (detection_trunk(config), "detection"),
    }


def random_variables(network: Network, config: Config) -> dict[str, Any]:
    """Random first variables, by the seed."""
    image = jnp.zeros((1, config.data.image_size, config.data.image_size, 3))
    variables = dict(network.model.init(jax.random.key(config.seed), image, image))
    return with_detection_trunk(variables) if config.separate else variables


def init_variables(network: Network, config: Config) -> dict[str, Any]:
    """First variables; a pretrained trunk is read from its file.

    Raises:
      UsageError: the weights file is missing, damaged or of another network.
    """
    variables = jax.jit(random_variables, static_argnums=(0, 1))(network, config)
    variables = with_pretrained_trunk(variables, config.model)
    return with_detection_trunk(variables) if config.separate else variables


def with_detection_trunk(variables: dict[str, Any]) -> dict[str, Any]:
    """The variables with a copy of the trunk for the detection alone."""
    return {
        name: {**tree, DETECTION_TRUNK: jax.tree.map(jnp.copy, tree["trunk"])}
        if "trunk" in tree
        else tree
        for name, tree in variables.items()
    }


def first_state(variables: dict[str, Any], optimizer):
    """The state at step 0."""
    return init_state(variables, optimizer=optimizer, loss_stats={})
