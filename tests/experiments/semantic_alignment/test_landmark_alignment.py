"""Alignment "with landmarks": which loss teaches what, and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c3jax.tools.errors import UsageError
from c3jax.training.step import AXIS
from experiments.semantic_alignment.model import build, landmark_loss, learning_rates, make_networks
from experiments.semantic_alignment.steps import alignment_loss
from tests.experiments import tiny
from tests.experiments.tiny import SIZE

PLAIN = tiny.config("semantic_alignment")
CONFIG = tiny.config(
    "semantic_alignment",
    model={"landmark_channels": 4},
    landmarks=3,
    finetune=dataclasses.replace(PLAIN.finetune, steps=1),
)
PARTS = ("trunk", "flow", "appearance", "pose", "decoder")


@pytest.fixture(scope="module")
def variables():
    return build(CONFIG).random()


def parts_that_learn(variables, stage, terms):
    """For each term, the groups of parameters that get a gradient from it."""
    state = tiny.first_state(CONFIG, variables)
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (2, 2, SIZE, SIZE, 3), dtype=np.uint8)
    batch = {"source": pictures[0], "target": pictures[1], "category": np.arange(2)}

    def of_device(batch, params):
        keys = jax.random.split(jax.random.key(0), 2)
        _, aux = alignment_loss(
            params, state, batch, keys,
            networks=make_networks(CONFIG, stage=stage),
            weights=getattr(CONFIG, f"{stage}_loss"),
            warp=CONFIG.warp,
            landmark_loss=landmark_loss(CONFIG, stage=stage),
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
    assert learning_rates(CONFIG, "features")["landmarks/*"] == 0
    assert "landmarks/*" not in learning_rates(CONFIG, "flow")
    loss = dataclasses.replace(CONFIG.landmark_loss, reconstruction=0.0)
    without = dataclasses.replace(CONFIG, landmark_loss=loss)
    assert learning_rates(without, "flow")["landmarks/*"] == 0
    assert learning_rates(CONFIG, "finetune") == {}


def test_a_flow_module_without_a_loss_is_held():
    def rates(stage="finetune", *, loss=(), **changes):
        changes = {"weak": 0.0, "features": 1.0} | changes
        options = {f"{stage}_loss": dataclasses.replace(CONFIG.finetune_loss, **changes)}
        terms = dataclasses.replace(CONFIG.landmark_loss, **dict(loss))
        return learning_rates(dataclasses.replace(CONFIG, landmark_loss=terms, **options), stage)

    assert rates("flow")["flow/*"] == 0  # Eq. 4 is of the next stage
    for loss in ({"equivariance": 0.0}, {"hard_match": True}):
        assert rates(loss=loss)["flow/*"] == 0
    for found in (rates(), rates(weak=1.0), rates("flow", flow=1.0)):
        assert "flow/*" not in found


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
