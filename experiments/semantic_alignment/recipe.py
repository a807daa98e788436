"""Semantic alignment by the cross-image flow module of C3 as an experiment (C3 3.2, 4.4)."""

import dataclasses
import functools

import numpy as np

from c3jax.tools.errors import UsageError
from c3jax.tools.measure.networks import apply_in_batches
from data_pipelines.load import AlignmentData, load
from experiments.engine.stages import Stage, make_stage
from experiments.recipe import Model, Recipe
from experiments.semantic_alignment.config import PRESETS, STAGES, Config
from experiments.semantic_alignment.evaluate import evaluate, pictures
from experiments.semantic_alignment.model import build, landmark_loss, learning_rates, make_networks
from experiments.semantic_alignment.steps import alignment_loss


def stages(config: Config, data: AlignmentData, model: Model) -> list[Stage]:
    """The trunk on warped pictures; the flow module; flow module and last block of the trunk.

    Raises:
      UsageError: a stage without a loss, or a weak loss on pairs of one category.
    """
    of_stages = {
        "features": data.to_warp,
        "flow": cached_features(config, data, model),
        "finetune": data,
    }
    found = []
    for number, name in enumerate(STAGES):
        weights = getattr(config, f"{name}_loss")
        loss = functools.partial(
            alignment_loss,
            networks=make_networks(config, stage=name),
            weights=weights,
            warp=config.warp,
            landmark_loss=landmark_loss(config, stage=name),
        )
        seed, rates = 3 * config.seed + number, learning_rates(config, name)
        found.append(make_stage(config, name, of_stages[name], loss, seed=seed, rates=rates))
        if found[-1].steps:
            check_weights(name, weights, data)
    return found


def check_weights(name: str, weights, data: AlignmentData) -> None:
    """Raises UsageError where a stage has no loss, or a weak one on pairs of one category."""
    if not (weights.weak or weights.flow or weights.features):
        raise UsageError(
            f"stage {name} has steps and no loss: give --{name}-loss.flow 1, or --{name}.steps 0"
        )
    if weights.weak and len(np.unique(data.categories)) < 2:
        raise UsageError(
            f"the weak loss of stage {name} needs pairs of two categories or more, {data.name} "
            f"has one: give --{name}-loss.weak 0 --{name}-loss.flow 1"
        )


def cached_features(config: Config, data: AlignmentData, model: Model) -> AlignmentData:
    """The data of stage flow, with f' in place of pictures if that is asked for.

    Raises:
      UsageError: another stage or term needs the pictures.
    """
    if not config.cache_features or not config.flow.num_steps(len(data.pairs)):
        return data
    weights = config.flow_loss
    reconstruction = config.landmarks and config.landmark_loss.reconstruction
    if config.features.steps or weights.flow or weights.features or reconstruction:
        raise UsageError(
            "--cache-features needs --features.steps 0, --flow-loss.flow 0, --flow-loss.features 0 "
            "and with landmarks --landmark-loss.reconstruction 0: other stages and terms look at "
            "the pictures themselves; or give --no-cache-features"
        )
    print(f"computing the features of {len(data.images):,} pictures once", flush=True)
    features = apply_in_batches(model.network, model.start, "features", data.images)
    return dataclasses.replace(data, images=features, masks=None)


RECIPE = Recipe(
    name="semantic_alignment",
    presets=lambda data: PRESETS,
    load_data=load,
    build=build,
    stages=stages,
    evaluate=evaluate,
    pictures=pictures,
)
