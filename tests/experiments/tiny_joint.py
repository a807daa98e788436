"""Runs of a tiny joint network with random variables, for tests."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp

from c3jax.training.checkpoints import Checkpoints
from experiments.common.alignment_data import AlignmentDataConfig
from experiments.engine import runs
from experiments.engine.stages import make_optimizer
from experiments.jlad import networks as nets
from experiments.jlad.config import Config, ModelConfig
from experiments.jlad.presets import LAPTOP
from experiments.jlad.turns import of_groups
from tests.experiments.tiny_runs import random_tree

SIZE, LANDMARKS = 32, 3
MODEL = ModelConfig(
    trunk="small",
    output_stride=32,
    stages=("layer1",),
    radius=1,
    alignment_channels=(4, 4),
    alignment_kernel=3,
    uncertainty_channels=(4,),
    detection_channels=(4,),
)


def config(**changes) -> Config:
    """A laptop configuration, made small: 8x8 cells."""
    data = AlignmentDataConfig(image_size=SIZE, held_out="mug")
    small = {"data": data, "model": MODEL, "landmarks": LANDMARKS, "margin": 0.1}
    return dataclasses.replace(LAPTOP, **(small | changes))


def write_run(folder: Path, config: Config) -> Path:
    """A run folder with a checkpoint of random variables at step 7."""
    network = nets.make_network(config)
    variables = random_tree(jax.eval_shape(lambda: nets.random_variables(network, config)))
    optimizer = of_groups(make_optimizer(config.pretrain), nets.groups(config)["pretrain"])
    runs.open_run(folder, "jlad", "laptop", config)
    with Checkpoints(folder / "checkpoints") as checkpoints:
        state = nets.first_state(variables, optimizer).replace(step=jnp.int32(7))
        checkpoints.save(7, state, {"seconds": 0.0})
    return folder
