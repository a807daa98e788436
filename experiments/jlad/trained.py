"""Runs of joint learning read back, to find landmarks, match, evaluate, export or start from."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from c3jax.inference import AlignmentModel, LandmarkModel
from c3jax.training import optimizers
from experiments.common.celeb_a import crop_of
from experiments.common.data import DataConfig
from experiments.engine import cli, runs
from experiments.engine.errors import UsageError
from experiments.engine.stages import make_optimizer
from experiments.engine.trained import (
    check_same_arrays,
    restore_state,
    start_variables,
    stored_meta,
)
from experiments.jlad import networks as nets
from experiments.jlad.config import Config
from experiments.jlad.steps import Network, with_trunk
from experiments.jlad.turns import of_groups


@dataclass(frozen=True)
class Trained:
    """A run read back: its configuration, network, and trained variables."""

    config: Config
    network: Network
    variables: dict
    step: int
    pretrain_steps: int

    @property
    def detection(self) -> str:
        """The group that is the detection's trunk; in the pre-training there is one trunk."""
        in_rounds = self.step > self.pretrain_steps
        return nets.detection_trunk(self.config) if in_rounds else "trunk"


def load_trained(found: runs.Run) -> Trained:
    """The network of a run with the variables of its newest (or the named) checkpoint.

    Raises:
      CheckpointError: there is none, or it is damaged.
    """
    config = cli.from_json(Config, found.described["config"])
    network = nets.make_network(config)

    def state(optimizer):
        variables = nets.random_variables(network, config)
        return nets.first_state(variables, of_groups(optimizer, nets.groups(config)["pretrain"]))

    of_stages = make_optimizer(config.pretrain), optimizers.adam(config.rounds.learning_rate)
    restored = restore_state(found, *(functools.partial(state, each) for each in of_stages))
    pretrain_steps = stored_meta(found).get("pretrain_steps", 0)
    return Trained(config, network, restored.variables(), int(restored.step), pretrain_steps)


def load_start(found: runs.Run) -> Trained:
    """As `load_trained`, of networks on one trunk alone; raises UsageError for others."""
    trained = load_trained(found)
    if trained.config.separate:
        raise UsageError(
            f"--init-from {found.folder} was trained with --separate: its detection has a trunk "
            "of its own; start from the run of its pre-training"
        )
    return trained


def start_from(run: Path, network: Network, config: Config) -> dict[str, Any]:
    """The variables of another run, or of an exported model, as those at step 0.

    An uncertainty that the run does not have is made afresh, one that it has alone is left out; a
    separate detection takes a copy of its trunk.

    Raises:
      UsageError: the run is of another model or of separate networks.
    """
    theirs = start_variables(run, load_start, "jlad")
    if config.separate:
        theirs = nets.with_detection_trunk(theirs)
    init = functools.partial(nets.random_variables, network, config)
    ours, params = jax.eval_shape(init), dict(theirs["params"])
    if not config.uncertainty and params.pop("uncertainty", None):
        print(f"start: {run}, its uncertainty is left out", flush=True)
    if config.uncertainty and "uncertainty" not in params:
        params["uncertainty"] = jax.jit(init)()["params"]["uncertainty"]
        print(f"start: {run} has no uncertainty, it is made afresh", flush=True)
    variables = {**theirs, "params": params}
    fix = "give the same --model.*, --landmarks, --self-similarity and --unmatched"
    check_same_arrays(run, variables, ours, fix=fix)
    return variables


def make_aligner(trained: Trained) -> AlignmentModel:
    """What matches pictures of any size, as evaluation does."""
    described = model_config(trained.config)
    variables = with_trunk(trained.variables, "trunk")
    size, resize = described["image_size"], described["resize"]
    return AlignmentModel(trained.network.model, variables, size, resize)


def make_detector(trained: Trained) -> LandmarkModel:
    """What finds landmarks in pictures of any size; a separate detection has its own trunk."""
    described = model_config(trained.config)
    variables = with_trunk(trained.variables, trained.detection)
    size, crop = described["image_size"], described["crop"]
    return LandmarkModel(trained.network.model, variables, size, crop)


def model_config(config: Config) -> dict[str, Any]:
    """What `c3jax.inference.save` stores beside the variables."""
    data = config.data
    crop, resize = (
        (crop_of(data), "antialias") if isinstance(data, DataConfig) else ("squash", data.resize)
    )
    return {
        "model": nets.model_config(config),
        "image_size": data.image_size,
        "crop": crop,
        "resize": resize,
    }
