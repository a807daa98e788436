"""Stages that end with the mean of their last weights."""

import dataclasses

import jax
import numpy as np
import pytest

from c3jax.tools.errors import UsageError
from c3jax.training import optimizers
from experiments.engine.stages import StageConfig, make_optimizer
from tests.c3jax.training.toy import assert_same_bits
from tests.experiments.engine.test_loop import (
    FIRST,
    OPTIMIZER,
    Killed,
    compile_once,  # noqa: F401, of this module too
    killed_after,
    make_stages,
    restored,
    train,
)

AVERAGING = optimizers.averaging(OPTIMIZER, after=FIRST - 2)


def averaging_stages(factor=lambda step: 1.0):
    """Two stages, the first with the mean of the last two of its four steps."""
    first, second = make_stages(factor)
    return [dataclasses.replace(first, optimizer=AVERAGING), second]


def test_a_stage_ends_with_the_mean_and_the_next_goes_on_from_it(tmp_path):
    with pytest.raises(Killed):
        train(tmp_path / "plain", make_stages(killed_after(FIRST)), checkpoint_every=1)
    visited = [restored(tmp_path / "plain", step).params for step in (FIRST - 1, FIRST)]
    ends = []

    def ended(stage, state):
        ends.append(jax.tree.map(np.array, state.params))

    train(tmp_path / "averaged", averaging_stages(), ended=ended)
    mean = jax.tree.map(lambda *each: np.mean(each, axis=0), *visited)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), ends[0], mean)


@pytest.mark.parametrize("step", [FIRST - 1, FIRST, FIRST + 1])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path, step):
    whole, _ = train(tmp_path / "whole", averaging_stages())
    whole = jax.tree.map(np.array, whole)
    with pytest.raises(Killed):
        train(tmp_path / "cut", averaging_stages(killed_after(step)), checkpoint_every=1)
    again, _ = train(tmp_path / "cut", averaging_stages())
    assert_same_bits(whole, jax.tree.map(np.array, again))


def test_the_share_of_a_stage_is_that_of_its_last_steps():
    plain = StageConfig(steps=8, batch_size=1, learning_rate=0.1)
    params = {"w": np.ones(2, np.float32)}
    averaged = make_optimizer(dataclasses.replace(plain, averaged=0.25), 8).init(params)
    assert isinstance(averaged, optimizers.Averaging)
    assert not isinstance(make_optimizer(plain, 8).init(params), optimizers.Averaging)
    with pytest.raises(UsageError, match="averaged is a share of the steps, from 0 to 1, got 1.5"):
        StageConfig(steps=8, batch_size=1, learning_rate=0.1, averaged=1.5)
