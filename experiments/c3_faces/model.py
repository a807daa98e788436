"""The networks of a configuration, and which of their parameters learn in which stage."""

import functools
from typing import Any

import jax

from c3jax.inference import LandmarkModel
from c3jax.models.c3 import C3
from c3jax.models.imm import IMM
from c3jax.tools.errors import UsageError
from c3jax.tools.measure.evaluation import collapse_warnings
from c3jax.training.step import AXIS
from data_pipelines.load import Data, crop_of
from experiments.c3_faces.config import Config
from experiments.engine.networks import make_trunk, shared_fields, trunk_weights
from experiments.engine.stages import Rates, frozen_groups
from experiments.measure.viewer import Viewer
from experiments.recipe import Model, Trained
from experiments.terms.cross_image import init_loss_stats
from experiments.terms.networks import Networks, blank_image
from experiments.terms.perceptual import make_network, perceptual_weights

STAGES = ("warmup", "pretrain", "joint")


def build(config: Config) -> Model:
    """The model of a configuration.

    Raises:
      UsageError: L_equiv on landmark maps that do not fit the flow module's T.
    """
    networks, size, model = make_networks(config), config.data.image_size, config.model
    paints = config.decodes
    random = jax.jit(functools.partial(networks.random, config.seed, size))
    check_grids(networks, random, config)
    return Model(
        network=networks.model,
        random=random,
        pretrained=(
            *trunk_weights(model, trunk_stages(config), image_size=model.trunk_size or size),
            *(perceptual_weights(model.perceptual, model.perceptual_weights) if paints else ()),
        ),
        keeps_trunk=not model.train_trunk,
        frozen=frozen_groups(learning_rates(config, stage) for stage in STAGES),
        init_loss_stats=functools.partial(init_loss_stats, networks, size),
        may_begin_anew={"perceptual": None},  # exports leave it out
        landmarks=make_detector,
        warn=warn,
    )


def trunk_stages(config: Config) -> tuple[str, ...]:
    """The stages of the trunk that something looks at."""
    return tuple(dict.fromkeys(config.model.landmark_stages + config.model.flow_stages))


def make_networks(config: Config, *, stage: str = "joint") -> Networks:
    """Landmark model and perceptual network, for the stage of that name.

    They differ in a pretrained trunk alone, which computes gradients where it is trained.
    """
    model, axis_name = config.model, AXIS if config.sync_batch_norm else None
    module: Any = IMM
    trunk = {}
    if model.family == "c3":
        stages, module = trunk_stages(config), C3
        learns = learning_rates(config, stage).get("trunk/*", 1.0) > 0
        trunk = {"trunk": make_trunk(model, stages, trainable=learns, axis_name=axis_name)}
    network = module(
        **shared_fields(module, model),
        **trunk,
        num_landmarks=config.landmarks,
        image_shape=(config.decoded_size,) * 2,
        axis_name=axis_name,
    )
    perceptual = make_network(model.perceptual) if config.decodes else None
    return Networks(network, perceptual, config.data.image_size, config.decoded_size)


def check_grids(networks: Networks, random, config: Config) -> None:
    """Refuses L_equiv on landmark maps that the flow module's T does not fit.

    Raises:
      UsageError: names both grids.
    """
    if not (config.flow and config.loss.equivariance and config.loss.landmarks_as == "maps"):
        return
    image = blank_image(config.data.image_size)
    code, _ = jax.eval_shape(networks.encode, jax.eval_shape(random), image)
    maps, flow = code.maps.shape[1:3], code.flow_features.shape[1:3]
    if maps != flow:
        raise UsageError(
            f"--loss.landmarks-as maps: the landmark maps have {maps[0]}x{maps[1]} cells, the flow "
            f"features {flow[0]}x{flow[1]}; give --model.flow-stages that begin with a stage of "
            "the grid of --model.landmark-stages, or --loss.landmarks-as points"
        )


def learning_rates(config: Config, stage: str) -> Rates:
    """Who learns in the stage of that name."""
    loss, rates = config.loss, {}
    if config.decodes and config.model.perceptual != "random":
        rates["perceptual/*"] = 0.0
    if config.model.pretrained and stage in config.model.train_trunk:
        frozen_normalization = {"trunk/*bn?/*": 0.0, "trunk/*downsample_1/*": 0.0}
        rates |= {"trunk/*": config.model.trunk_rate, **frozen_normalization}
    elif config.model.pretrained:
        rates["trunk/*"] = 0.0
    if stage == "warmup":
        return rates | {"appearance/*": 0.0, "decoder/*": 0.0, "flow/*": 0.0}
    if stage == "joint" and config.cycle:
        own_loss = loss.synthetic * loss.flow if loss.synthetic else loss.joint_flow
    else:
        own_loss = loss.flow
    teaches = own_loss or (stage == "joint" and loss.teaches_flow)
    return rates if config.flow and teaches else rates | {"flow/*": 0.0}


def make_detector(trained: Trained) -> LandmarkModel:
    """What finds landmarks in pictures of any size."""
    data = trained.config.data
    return LandmarkModel(
        trained.model.network, trained.variables, data.image_size, crop_of(data), trained.origin()
    )


def warn(trained: Trained, data: Data) -> list[str]:
    """What is wrong with the landmarks of some training pictures."""
    return collapse_warnings(
        trained.find_landmarks(data.preview),
        data.preview.shape[1:3],
        to_move="raise --loss.warp-consistency or lower --model.temperature",
        to_part="raise --loss.separation or its margin",
    )


def make_viewer(trained: Trained) -> Viewer:
    """The networks of a run as functions of arrays; T is read as in training."""
    config, loss = trained.config, trained.config.loss
    network, variables = trained.model.network, trained.variables
    size, hard, temperature = config.data.image_size, loss.hard_match, loss.match_temperature
    return Viewer(network, variables, size, hard, temperature)
