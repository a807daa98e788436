"""Runs of a tiny aligner with random variables, for tests."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp

from c3jax.training.checkpoints import Checkpoints
from experiments.common.alignment_data import AlignmentDataConfig
from experiments.engine import runs
from experiments.engine.stages import make_optimizer
from experiments.semantic_alignment import networks as nets
from experiments.semantic_alignment.config import LAPTOP, Config, ModelConfig
from tests.experiments.tiny_runs import random_tree

SIZE = 32
MODEL = ModelConfig(
    trunk="small", stages=("layer1",), flow_channels=(1,), flow_linear=True, start="gaussian"
)


def config(**data) -> Config:
    """A laptop configuration, made small: 8x8 cells."""
    data = AlignmentDataConfig(**({"image_size": SIZE, "held_out": "mug"} | data))
    return dataclasses.replace(LAPTOP, data=data, model=MODEL)


def first_variables(config: Config) -> dict:
    return nets.init_variables(nets.make_network(config), config)


def write_run(folder: Path, config: Config, variables: dict[int, dict] | None = None) -> Path:
    """A run folder with a checkpoint of each step in `variables`; by default a random step 7."""
    variables = variables or {7: random_tree(jax.eval_shape(lambda: first_variables(config)))}
    runs.open_run(folder, "semantic_alignment", "laptop", config)
    with Checkpoints(folder / "checkpoints") as checkpoints:
        for step, tree in variables.items():
            state = nets.first_state(config, tree, make_optimizer(config.flow))
            checkpoints.save(step, state.replace(step=jnp.int32(step)), {"seconds": 0.0})
    return folder
