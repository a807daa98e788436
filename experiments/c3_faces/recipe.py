"""C3 as an experiment: landmarks from photos without labels (C3 3, 4.1 to 4.3)."""

import functools
from dataclasses import replace

from data_pipelines.load import Data, load
from experiments.c3_faces.config import Config
from experiments.c3_faces.evaluate import evaluate, pictures
from experiments.c3_faces.model import STAGES, build, learning_rates, make_networks
from experiments.c3_faces.presets import PRESETS
from experiments.c3_faces.steps import synthetic_loss, unpaired_loss, warmup_loss
from experiments.engine.stages import Stage, make_stage
from experiments.recipe import Model, Recipe


def stages(config: Config, data: Data, model: Model) -> list[Stage]:
    """Warm-up; stage 1: synthetic pairs; stage 2: unpaired photos, or the former without cycle."""
    on_synthetic = functools.partial(synthetic_loss, equivariance=config.flow)
    joint = unpaired_loss if config.cycle else on_synthetic
    losses = {"warmup": warmup_loss, "pretrain": synthetic_loss, "joint": joint}
    found = []
    for number, name in enumerate(STAGES):
        networks, rates = make_networks(config, stage=name), learning_rates(config, name)
        own = replace(config, loss=config.loss_of(name))
        loss = functools.partial(losses[name], networks=networks, config=own)
        seed = 3 * config.seed + number
        found.append(make_stage(config, name, data, loss, seed=seed, rates=rates))
    return found


RECIPE = Recipe(
    name="c3_faces",
    presets=lambda data: PRESETS,
    load_data=load,
    build=build,
    stages=stages,
    evaluate=evaluate,
    pictures=pictures,
)
