"""Alignment "with landmarks": which loss teaches what, and runs that have landmark networks."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c3jax.training.step import AXIS
from experiments import export
from experiments.engine.errors import UsageError
from experiments.engine.stages import make_optimizer
from experiments.engine.trained import find_trained
from experiments.semantic_alignment import networks as nets
from experiments.semantic_alignment.steps import alignment_loss
from experiments.semantic_alignment.trained import first_variables, load_trained, load_whole
from tests.experiments import tiny_aligners
from tests.experiments.tiny_aligners import SIZE, write_run
from tests.experiments.tiny_runs import call

PLAIN = tiny_aligners.config()
CONFIG = dataclasses.replace(
    PLAIN,
    landmarks=3,
    model=dataclasses.replace(PLAIN.model, landmark_channels=4, perceptual="random"),
    finetune=dataclasses.replace(PLAIN.finetune, steps=1),
)
PARTS = ("trunk", "flow", "appearance", "pose", "decoder")


@pytest.fixture(scope="module")
def variables():
    return tiny_aligners.first_variables(CONFIG)


def parts_that_learn(variables, stage, terms):
    """For each term, the groups of parameters that get a gradient from it."""
    state = nets.first_state(CONFIG, variables, make_optimizer(CONFIG.flow))
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (2, 2, SIZE, SIZE, 3), dtype=np.uint8)
    batch = {"source": pictures[0], "target": pictures[1], "category": np.arange(2)}

    def of_device(batch, params):
        keys = jax.random.split(jax.random.key(0), 2)
        _, aux = alignment_loss(
            params, state, batch, keys,
            network=nets.make_network(CONFIG, stage=stage),
            weights=getattr(CONFIG, f"{stage}_loss"),
            warp=CONFIG.warp,
            landmarks=nets.landmarks_of(CONFIG, stage=stage),
        )  # fmt: skip
        return {name: aux.metrics[name] for name in terms}

    def values(params):
        one = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], batch)
        found = jax.vmap(of_device, (0, None), axis_name=AXIS)(one, params)
        return jax.tree.map(lambda value: value[0], found)

    gradients = jax.jit(jax.jacrev(values))(state.params)
    learn = {}
    for name, tree in gradients.items():
        groups = {"trunk": tree["trunk"], "flow": tree["flow"], **tree["landmarks"]}
        learn[name] = {p for p in PARTS if any(np.any(x) for x in jax.tree.leaves(groups[p]))}
    return learn


@pytest.mark.slow
def test_each_loss_of_the_second_stage_teaches_its_part(variables):
    terms = ("weak", "cycle", "invariance", "equivariance")
    assert parts_that_learn(variables, "finetune", terms) == {
        "weak": {"trunk", "flow"},
        "cycle": {"trunk", "appearance", "pose", "decoder"},
        "invariance": {"trunk", "pose"},
        "equivariance": {"trunk", "flow", "pose"},
    }


@pytest.mark.slow
def test_the_first_stage_teaches_the_landmark_networks_by_reconstruction(variables):
    assert parts_that_learn(variables, "flow", ("weak", "reconstruction")) == {
        "weak": {"trunk", "flow"},  # the optimiser holds the trunk
        "reconstruction": {"trunk", "appearance", "pose", "decoder"},
    }


def test_landmark_networks_move_with_the_losses_that_they_have():
    assert "landmarks/*" in nets.held_parameters(CONFIG, stage="features")
    assert "landmarks/*" not in nets.held_parameters(CONFIG, stage="flow")
    loss = dataclasses.replace(CONFIG.landmark_loss, reconstruction=0.0)
    without = dataclasses.replace(CONFIG, landmark_loss=loss)
    assert "landmarks/*" in nets.held_parameters(without, stage="flow")
    assert nets.held_parameters(CONFIG, stage="finetune") == ()


def test_a_run_is_read_and_exported_without_its_landmark_networks(variables, tmp_path):
    run = write_run(tmp_path / "run", CONFIG, {5: variables})
    found = find_trained(run, "semantic_alignment")
    assert load_whole(found).variables["params"].keys() == {"trunk", "flow", "landmarks"}
    trained = load_trained(found)
    assert trained.variables["params"].keys() == {"trunk", "flow"} and not trained.config.landmarks
    assert call(export.main, run, "--out", tmp_path / "model", "--dtype", "float32") == 0
    assert "landmarks" not in json.loads((tmp_path / "model/config.json").read_text())["model"]


def test_a_run_with_landmarks_starts_from_one_without(variables, tmp_path):
    plain = tiny_aligners.first_variables(PLAIN)
    plain["params"]["flow"] = jax.tree.map(lambda leaf: leaf + 1, plain["params"]["flow"])
    run = write_run(tmp_path / "plain", PLAIN, {1: plain})
    config = dataclasses.replace(CONFIG, init_from=run)
    started = first_variables(nets.make_network(config), config)["params"]
    expected = {**plain["params"], "landmarks": variables["params"]["landmarks"]}
    jax.tree.map(np.testing.assert_array_equal, started, expected)
    back = dataclasses.replace(PLAIN, init_from=write_run(tmp_path / "k3", CONFIG, {1: variables}))
    assert first_variables(nets.make_network(back), back)["params"].keys() == {"trunk", "flow"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"landmarks": 1}, "--landmarks must be 0 .none. or at least 2, got 1"),
        ({"landmarks": -3}, "at least 2, got -3"),
        ({"finetune": PLAIN.finetune}, "stage finetune, which has no steps"),
        (
            {
                "landmark_loss": dataclasses.replace(
                    CONFIG.landmark_loss, cycle=0.0, invariance=0.0, equivariance=0.0
                )
            },
            "without any of its losses",
        ),
    ],
)
def test_landmarks_without_a_use_are_refused(changes, told):
    CONFIG.check(1)
    with pytest.raises(UsageError, match=told):
        dataclasses.replace(CONFIG, **changes).check(1)
