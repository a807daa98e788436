"""Runs of joint learning read back, to find landmarks, match, evaluate, export or start from."""

from dataclasses import dataclass
from typing import Any

from c3jax.inference import AlignmentModel, LandmarkModel
from experiments.common import cli, runs
from experiments.common.stages import make_optimizer
from experiments.common.trained import restore_state
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

    @property
    def detection(self) -> str:
        """The group that is the detection's trunk; in the pre-training there is one trunk."""
        return nets.detection_trunk(self.config) if self.config.rounds.count else "trunk"


def load_trained(found: runs.Run) -> Trained:
    """The network of a run with the variables of its newest (or the named) checkpoint.

    Raises:
      CheckpointError: there is none, or it is damaged.
    """
    config = cli.from_json(Config, found.described["config"])
    network = nets.make_network(config)
    optimizer = of_groups(make_optimizer(config.pretrain), nets.groups(config)["pretrain"])

    def state():
        return nets.first_state(nets.random_variables(network, config), optimizer)

    restored = restore_state(found, state)
    return Trained(config, network, restored.variables(), int(restored.step))


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
    return {
        "model": nets.model_config(config),
        "image_size": data.image_size,
        "crop": "squash",
        "resize": data.resize,
    }
