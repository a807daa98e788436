"""The aligner of a configuration, and which of its parameters learn in which stage."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from c3jax import dead_fraction
from c3jax.inference import AlignmentModel
from c3jax.models.aligner import Aligner, LandmarkAligner
from c3jax.models.c3 import LandmarkNetworks
from c3jax.models.flow import FlowModule
from c3jax.models.ncnet import NCNet
from c3jax.models.resnet import ResNet
from data_pipelines.load import AlignmentData
from experiments.engine.networks import (
    Variables,
    shared_fields,
    trunk_fields,
    trunk_weights,
    with_group,
)
from experiments.engine.stages import Rates, frozen_groups
from experiments.recipe import Model, Trained
from experiments.semantic_alignment.config import STAGES, Config
from experiments.semantic_alignment.steps import Landmarks
from experiments.terms.cross_image import init_loss_stats
from experiments.terms.networks import Network, Networks
from experiments.terms.perceptual import make_network as make_perceptual
from experiments.terms.perceptual import perceptual_weights
from experiments.terms.synthetic_pairs import as_float

LAST_BLOCKS = {"resnet18": "layer3_1", "resnet50": "layer3_5", "resnet101": "layer3_22"}
ALIGNER = ("trunk", "flow")  # groups of parameters
LARGEST_DEAD, CHECKED_PAIRS = 0.5, 4


def build(config: Config) -> Model:
    """The model of a configuration."""
    network = make_network(config)
    trunk_moves = any(stage.steps != 0 for stage in (config.features, config.finetune))
    pretrained = trunk_weights(config.model, config.model.stages)
    if config.landmarks:
        pretrained += perceptual_weights(config.model.perceptual, config.model.perceptual_weights)
    return Model(
        network=network.model,
        random=jax.jit(functools.partial(random_variables, network, config)),
        pretrained=pretrained,
        keeps_trunk=config.init_from is None and not trunk_moves,
        frozen=frozen_groups(learning_rates(config, stage) for stage in STAGES),
        init_loss_stats=functools.partial(first_loss_stats, config),
        may_begin_anew={"landmarks": None, "perceptual": None},
        match=make_aligner,
        warn=warn,
    )


def make_gaussian_block(config: Config) -> Callable[[Array, Array], Array]:
    """The separable Gaussian block without training, a baseline: from two f' to a correlation."""
    module = FlowModule(channels=(1,), linear=True, chunk=config.model.chunk)
    cell = jnp.zeros((1, 1, 1, 1))
    apply: Any = module.apply
    return functools.partial(apply, module.init(jax.random.key(0), cell, cell))


def make_network(config: Config, *, stage: str = "finetune") -> Network:
    """The aligner for the stage of that name; a trunk that does not learn computes no gradients."""
    model, module = config.model, FlowModule if config.model.family == "aligner" else NCNet
    fields: dict[str, Any] = {
        "trunk": ResNet(**trunk_fields(model, model.stages), trainable=stage != "flow"),
        "flow": module(**shared_fields(module, model, prefix="flow_")),
        "stages": model.stages,
    }
    if not config.landmarks:
        return Network(Aligner(**fields))
    channels = model.landmark_channels
    landmarks = LandmarkNetworks(
        num_landmarks=config.landmarks,
        appearance_channels=channels,
        pose_channels=channels,
        decoder_channels=channels,
        min_decoder_channels=min(channels, 32),
        image_shape=(config.data.image_size,) * 2,
    )
    return Network(LandmarkAligner(**fields, landmarks=landmarks))


def landmark_networks(config: Config, *, stage: str = "finetune") -> Networks:
    """The aligner with its landmark networks, and the perceptual network, for that stage."""
    model = make_network(config, stage=stage).model
    return Networks(model, make_perceptual(config.model.perceptual))


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


def random_variables(network: Network, config: Config) -> Variables:
    """Random first variables, by the seed."""
    image = jnp.zeros((1, config.data.image_size, config.data.image_size, 3))
    key = jax.random.key(config.seed)
    variables = dict(network.model.init(key, image, image))
    if not config.landmarks or config.model.perceptual == "random":
        return variables
    fixed = make_perceptual(config.model.perceptual).init(key, image)
    return with_group(variables, "perceptual", dict(fixed))


def first_loss_stats(config: Config, variables: Variables) -> dict[str, Any]:
    """Running means of the perceptual losses before the first step, with landmarks."""
    if not config.landmarks:
        return {}
    image = jnp.zeros((1, config.data.image_size, config.data.image_size, 3))
    return init_loss_stats(landmark_networks(config), variables, image)


def learning_rates(config: Config, stage: str) -> Rates:
    """Who learns in the stage of that name.

    A pretrained trunk moves in its last block alone (NC-Net), and never in its normalisation.
    """
    rates: dict[str, float] = {}
    if config.landmarks and config.model.perceptual != "random":
        rates["perceptual/*"] = 0.0
    if stage == "features":
        return rates | {"flow/*": 0.0, "landmarks/*": 0.0}
    if stage == "flow":
        rates["trunk/*"] = 0.0
        return rates if config.landmark_loss.reconstruction else rates | {"landmarks/*": 0.0}
    if config.model.trunk == "small":
        return rates
    last = LAST_BLOCKS[config.model.trunk]
    network = make_network(config)
    shapes = jax.eval_shape(lambda: random_variables(network, config))
    others = (name for name in shapes["params"]["trunk"] if name != last)
    return rates | {f"trunk/{name}/*": 0.0 for name in others} | {f"trunk/{last}/*bn?/*": 0.0}


def make_aligner(trained: Trained) -> AlignmentModel:
    """What matches pictures of any size; landmark networks, which no match needs, are left out."""
    config = dataclasses.replace(trained.config, landmarks=0)
    variables = {
        name: {group: tree[group] for group in ALIGNER if group in tree}
        for name, tree in trained.variables.items()
    }
    network, data = make_network(config).model, config.data
    return AlignmentModel(
        network, variables, data.image_size, data.resize, config.reading, trained.origin()
    )


def warn(trained: Trained, data: AlignmentData) -> list[str]:
    """Warns where most target cells of some training pairs have no best match."""
    source, target = (data.images[rows] for rows in data.pairs[:CHECKED_PAIRS].T)
    dead = float(_dead(trained.model.network, trained.variables, source, target))
    if dead <= LARGEST_DEAD:
        return []
    return [
        f"the flow module is dead in {dead:.0%} of the cells (all their scores are equal): "
        "give --model.negative-slope 0.1, or a smaller --flow.learning-rate"
    ]


@functools.partial(jax.jit, static_argnums=0)
def _dead(network, variables, source, target):
    return dead_fraction(network.apply(variables, as_float(source), as_float(target))).mean()
