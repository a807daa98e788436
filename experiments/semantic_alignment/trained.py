"""Runs of semantic alignment read back, to evaluate, export or start from."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

import jax

from c3jax.inference import AlignmentModel
from experiments.engine import cli, runs
from experiments.engine.errors import UsageError
from experiments.engine.pretrained import with_group
from experiments.engine.stages import make_optimizer
from experiments.engine.trained import check_same_arrays, restore_state, start_variables
from experiments.semantic_alignment import networks as nets
from experiments.semantic_alignment.config import Config
from experiments.semantic_alignment.steps import Network

ALIGNER = ("trunk", "flow")  # groups of parameters


@dataclass(frozen=True)
class Trained:
    """A run read back: its configuration, network, and trained variables."""

    config: Config
    network: Network
    variables: dict
    step: int


def load_trained(found: runs.Run) -> Trained:
    """The aligner of a run with the variables of its newest (or the named) checkpoint.

    Landmark networks, which no match depends on, are left out.

    Raises:
      CheckpointError: there is none, or it is damaged.
    """
    return without_landmarks(load_whole(found))


def without_landmarks(trained: Trained) -> Trained:
    """The aligner alone."""
    config = replace(trained.config, landmarks=0)
    variables = {name: _groups(tree, ALIGNER) for name, tree in trained.variables.items()}
    return Trained(config, nets.make_network(config), variables, trained.step)


def _groups(tree: dict, names: Iterable[str]) -> dict:
    return {name: tree[name] for name in names if name in tree}


def load_whole(found: runs.Run) -> Trained:
    """The same with all that was trained.

    Raises:
      CheckpointError: there is none, or it is damaged.
    """
    config = cli.from_json(Config, found.described["config"])
    network = nets.make_network(config)

    def state():
        variables = nets.random_variables(network, config)
        return nets.first_state(config, variables, make_optimizer(config.finetune))

    restored = restore_state(found, state)
    return Trained(config, network, restored.variables(), int(restored.step))


def first_variables(network: Network, config: Config) -> dict:
    """Variables at step 0: random ones on a random or pretrained trunk, or those of a run.

    Landmark networks that the run does not have begin anew.

    Raises:
      UsageError: weights are missing, or the run (or export) `init_from` is of another model.
    """
    if config.init_from is None:
        return nets.init_variables(network, config)
    trained = start_variables(config.init_from, load_whole, "semantic_alignment")
    ours = jax.eval_shape(lambda: nets.random_variables(network, config))
    if config.landmarks:
        fresh = jax.jit(nets.random_variables, static_argnums=(0, 1))(network, config)
        fresh = nets.with_perceptual(fresh, config)
        trained = {name: {**fresh[name], **trained.get(name, {})} for name in fresh}
    trained = {name: _groups(tree, ours.get(name, ())) for name, tree in trained.items()}
    fix = "give the same --model.* and --landmarks"
    check_same_arrays(config.init_from, trained, ours, fix=fix)
    return trained


def untrained_variables(trained: Trained) -> dict:
    """The network before any training: its flow module as it starts, on the trunk as it starts.

    Where training left a pretrained trunk alone it is that of the checkpoint. Where it did not and
    the file that the trunk came from is not there, the trunk is missing, and a line says so.
    """
    config, network = trained.config, trained.network
    if config.model.trunk == "small":
        return nets.init_variables(network, config)
    fresh = jax.jit(nets.random_variables, static_argnums=(0, 1))(network, config)
    if keeps_trunk(config):
        trunk = {name: tree["trunk"] for name, tree in trained.variables.items() if "trunk" in tree}
        return with_group(fresh, "trunk", trunk)
    try:
        return nets.init_variables(network, config)
    except UsageError as error:
        print(f"no numbers of the untrained network: {error}", file=sys.stderr)
        return {"params": {"flow": fresh["params"]["flow"]}}


def make_model(config: Config, network: Network, variables: dict) -> AlignmentModel:
    """What matches pictures of any size, as evaluation does."""
    data = config.data
    return AlignmentModel(network.model, variables, data.image_size, data.resize, config.reading)


def keeps_trunk(config: Config) -> bool:
    """Whether the trunk of a run is the pretrained one to the end: only the flow stage moves."""
    trunk_moves = any(stage.steps != 0 for stage in (config.features, config.finetune))
    return config.init_from is None and not trunk_moves
