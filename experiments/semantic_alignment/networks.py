"""The network of a configuration, its first variables, and what each stage leaves alone."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from c3jax.models.families import from_config
from c3jax.models.flow import FlowModule
from c3jax.training.state import init_state
from experiments.common.pretrained import with_pretrained_trunk
from experiments.semantic_alignment.config import Config
from experiments.semantic_alignment.steps import Network

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
    return {"family": model.family, "trunk": trunk, "flow": flow, "stages": list(model.stages)}


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


def random_variables(network: Network, config: Config) -> dict[str, Any]:
    """Random first variables, by the seed."""
    image = jnp.zeros((1, config.data.image_size, config.data.image_size, 3))
    return dict(network.model.init(jax.random.key(config.seed), image, image))


def init_variables(network: Network, config: Config) -> dict[str, Any]:
    """First variables; a pretrained trunk is read from its file.

    Raises:
      UsageError: the weights file is missing, damaged or of another network.
    """
    variables = jax.jit(random_variables, static_argnums=(0, 1))(network, config)
    return with_pretrained_trunk(variables, config.model)


def held_parameters(config: Config, *, stage: str) -> tuple[str, ...]:
    """Patterns of parameters that the optimiser leaves alone in the stage of that name.

    A pretrained trunk moves in its last block alone (NC-Net), and never in its normalisation.
    """
    if stage == "features":
        return ("flow/*",)
    if stage == "flow":
        return ("trunk/*",)
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
    return init_state(variables, optimizer=optimizer, loss_stats={})
