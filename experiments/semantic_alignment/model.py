"""The aligner of a configuration, and which of its parameters learn in which stage."""

import functools
from dataclasses import replace
from typing import Any

import jax

from c3jax import dead_fraction
from c3jax.inference import AlignmentModel
from c3jax.models.aligner import Aligner, LandmarkAligner
from c3jax.models.c3 import LandmarkNetworks
from c3jax.models.flow import FlowModule
from c3jax.models.ncnet import NCNet
from c3jax.tools.measure.networks import apply
from data_pipelines.load import AlignmentData
from experiments.engine.networks import make_trunk, shared_fields, trunk_weights
from experiments.engine.stages import Rates, frozen_groups
from experiments.recipe import Model, Trained
from experiments.semantic_alignment.config import STAGES, Config
from experiments.terms.cross_image import CrossImageLoss, init_loss_stats
from experiments.terms.networks import Networks
from experiments.terms.perceptual import make_network as make_perceptual
from experiments.terms.perceptual import perceptual_weights

LAST_BLOCKS = {"resnet18": "layer3_1", "resnet50": "layer3_5", "resnet101": "layer3_22"}
ALIGNER = ("trunk", "flow")  # groups of parameters
LARGEST_DEAD, CHECKED_PAIRS = 0.5, 4


def build(config: Config) -> Model:
    """The model of a configuration."""
    networks, size = make_networks(config), config.data.image_size
    moving = () if config.model.always_frozen else (config.features, config.finetune)
    trunk_moves = any(stage.steps != 0 for stage in moving)
    pretrained = trunk_weights(config.model, config.model.stages, image_size=size)
    if config.landmarks:
        pretrained += perceptual_weights(config.model.perceptual, config.model.perceptual_weights)
    return Model(
        network=networks.model,
        random=jax.jit(functools.partial(networks.random, config.seed, size, images=2)),
        pretrained=pretrained,
        keeps_trunk=config.init_from is None and not trunk_moves,
        frozen=frozen_groups(learning_rates(config, stage) for stage in STAGES),
        init_loss_stats=functools.partial(init_loss_stats, networks, size),
        may_begin_anew={"landmarks": None, "perceptual": None},
        match=make_aligner,
        warn=warn,
    )


def make_networks(config: Config, *, stage: str = "finetune") -> Networks:
    """The aligner, with landmarks also their networks, for the stage of that name.

    A trunk that does not learn computes no gradients.
    """
    model, module = config.model, FlowModule if config.model.family == "aligner" else NCNet
    fields: dict[str, Any] = {
        "trunk": make_trunk(model, model.stages, trainable=stage != "flow"),
        "flow": module(**shared_fields(module, model, prefix="flow_")),
        "stages": model.stages,
    }
    if not config.landmarks:
        return Networks(Aligner(**fields))
    channels = model.landmark_channels
    landmarks = LandmarkNetworks(
        num_landmarks=config.landmarks,
        appearance_channels=channels,
        pose_channels=channels,
        decoder_channels=channels,
        min_decoder_channels=min(channels, 32),
        image_shape=(config.data.image_size,) * 2,
    )
    aligner = LandmarkAligner(**fields, landmarks=landmarks)
    return Networks(aligner, make_perceptual(model.perceptual))


def landmark_loss(config: Config, *, stage: str) -> CrossImageLoss | None:
    """Weights of the landmark losses in the stage of that name, if it has any."""
    if not config.landmarks or stage == "features":
        return None
    if stage == "flow":
        return replace(config.landmark_loss, cycle=0.0, invariance=0.0, equivariance=0.0)
    return replace(config.landmark_loss, reconstruction=0.0)


def learning_rates(config: Config, stage: str) -> Rates:
    """Who learns in the stage of that name.

    A pretrained trunk moves in its last block alone (NC-Net), and never in its normalisation;
    DINOv2 never moves.
    """
    rates: dict[str, float] = {}
    if config.landmarks and config.model.perceptual != "random":
        rates["perceptual/*"] = 0.0
    if stage == "features":
        return rates | {"flow/*": 0.0, "landmarks/*": 0.0}
    weights, landmarks = getattr(config, f"{stage}_loss"), landmark_loss(config, stage=stage)
    if not (weights.weak or weights.flow or (landmarks and landmarks.teaches_flow)):
        rates["flow/*"] = 0.0
    if stage == "flow":
        rates["trunk/*"] = 0.0
        return rates if config.landmark_loss.reconstruction else rates | {"landmarks/*": 0.0}
    if config.model.always_frozen:
        return rates | {"trunk/*": 0.0}
    if not config.model.pretrained:
        return rates
    random = functools.partial(make_networks(config).random, 0, config.data.image_size, images=2)
    blocks = jax.eval_shape(random)["params"]["trunk"]
    last = LAST_BLOCKS.get(config.model.trunk) or max(blocks, key=number_of_block)
    others = (name for name in blocks if name != last)
    return rates | {f"trunk/{name}/*": 0.0 for name in others} | {f"trunk/{last}/*bn?/*": 0.0}


def number_of_block(name: str) -> int:
    """Of a group of an EfficientNet-Lite's parameters; -1 for what is no block."""
    kind, _, number = name.partition("_")
    return int(number) if kind == "blocks" else -1


def make_aligner(trained: Trained) -> AlignmentModel:
    """What matches pictures of any size; landmark networks, which no match needs, are left out."""
    config = replace(trained.config, landmarks=0)
    variables = {
        name: {group: tree[group] for group in ALIGNER if group in tree}
        for name, tree in trained.variables.items()
    }
    network, data = make_networks(config).model, config.data
    return AlignmentModel(
        network, variables, data.image_size, data.resize, config.reading, trained.origin()
    )


def warn(trained: Trained, data: AlignmentData) -> list[str]:
    """Warns where most target cells of some training pairs have no best match."""
    source, target = (data.images[rows] for rows in data.pairs[:CHECKED_PAIRS].T)
    dead = float(apply(trained.model.network, _dead, trained.variables, source, target))
    if dead <= LARGEST_DEAD:
        return []
    return [
        f"the flow module is dead in {dead:.0%} of the cells (all their scores are equal): "
        "give --model.negative-slope 0.1, or a smaller --flow.learning-rate"
    ]


def _dead(network, source, target):
    return dead_fraction(network(source, target)).mean()
