"""The joint network of a configuration, and which of its parameters learn in which stage."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from c3jax.inference import AlignmentModel, LandmarkModel
from c3jax.models.jlad import JLAD
from c3jax.tools.errors import UsageError
from c3jax.tools.measure.evaluation import collapse_warnings
from data_pipelines.load import NUM_PREVIEW, Data, DataConfig, crop_of
from experiments.engine.networks import (
    Variables,
    group_of,
    make_trunk,
    shared_fields,
    trunk_weights,
    with_group,
)
from experiments.jlad.config import Config
from experiments.jlad.turns import with_trunk
from experiments.recipe import Model, Trained
from experiments.terms.networks import Networks

DETECTION_TRUNK = "detection_trunk"


def build(config: Config) -> Model:
    """The model of a configuration; a separate detection has a trunk of its own."""
    network, stages = make_network(config), config.model.stages
    weights_of = functools.partial(
        trunk_weights, config.model, stages, image_size=config.data.image_size
    )
    pretrained = weights_of()
    if config.separate:
        pretrained += weights_of(group=DETECTION_TRUNK)
    return Model(
        network=network,
        random=jax.jit(functools.partial(random_variables, network, config)),
        pretrained=pretrained,
        keeps_trunk=not config.trunk_learns,
        may_begin_anew={"uncertainty": None, DETECTION_TRUNK: "trunk"},
        check_start=refuse_separate,
        landmarks=make_detector,
        match=make_aligner,
        warn=warn,
    )


def make_network(config: Config) -> JLAD:
    """The joint network."""
    return JLAD(
        **shared_fields(JLAD, config.model),
        trunk=make_trunk(config.model, config.model.stages, trainable=config.trunk_learns),
        num_landmarks=config.landmarks,
        with_uncertainty=config.uncertainty,
        with_self_similarity=config.self_similarity,
        uncertainty_of_features=config.unmatched,
    )


def detector_trunk(config: Config, stage: str) -> str:
    """The group that is the trunk of W_D in a stage; the pre-training has one trunk."""
    return DETECTION_TRUNK if config.separate and stage != "pretrain" else "trunk"


def learning_groups(config: Config, stage: str) -> tuple[str, ...]:
    """The groups of parameters that learn in the pre-training, or in one of the turns."""
    trunk = detector_trunk(config, stage) if stage == "detection" else "trunk"
    alignment = ("alignment", *(["uncertainty"] if config.uncertainty else []))
    heads = {
        "pretrain": (*alignment, "detection"),
        "alignment": alignment,
        "detection": ("detection",),
    }
    return (*([trunk] if config.trunk_learns else []), *heads[stage])


def random_variables(network: JLAD, config: Config) -> Variables:
    """Random first variables, by the seed."""
    variables = Networks(network).random(config.seed, config.data.image_size, images=2)
    return with_detection_trunk(variables) if config.separate else variables


def with_detection_trunk(variables: Variables) -> Variables:
    """The variables with a copy of the trunk for the detection alone."""
    copied = jax.tree.map(jnp.copy, group_of(variables, "trunk"))
    return with_group(variables, DETECTION_TRUNK, copied)


def refuse_separate(trained: Trained) -> None:
    """Raises UsageError for a run with two trunks, which none can start from."""
    if trained.config.separate:
        raise UsageError(
            f"--init-from {trained.config.name} was trained with --separate: its detection has a "
            "trunk of its own; start from the run of its pre-training"
        )


def make_detector(trained: Trained) -> LandmarkModel:
    """What finds landmarks in pictures of any size."""
    config, data = trained.config, trained.config.data
    variables = with_trunk(trained.variables, detector_trunk(config, trained.stage))
    crop = crop_of(data) if isinstance(data, DataConfig) else "squash"
    return LandmarkModel(trained.model.network, variables, data.image_size, crop, trained.origin())


def make_aligner(trained: Trained) -> AlignmentModel:
    """What matches pictures of any size, as evaluation does."""
    data, variables = trained.config.data, with_trunk(trained.variables, "trunk")
    resize = "antialias" if isinstance(data, DataConfig) else data.resize
    return AlignmentModel(
        trained.model.network, variables, data.image_size, resize, trained_on=trained.origin()
    )


def warn(trained: Trained, data: Any) -> list[str]:
    """What is wrong with the landmarks of some training pictures."""
    images = data.preview if isinstance(data, Data) else data.images[:NUM_PREVIEW]
    return collapse_warnings(
        trained.find_landmarks(images),
        images.shape[1:3],
        to_move="raise --pretrain-loss.equivariance and --detection-loss.equivariance",
        to_part="raise --margin or --detection-loss.separation",
    )
