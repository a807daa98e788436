"""Optimisers and schedules against the formulas, step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from c3jax.training import optimizers
from tests.tolerances import FLOAT32


def test_drops_divide_by_ten_at_half_and_three_quarters():
    schedule = optimizers.step_drops(1.0, 200)
    values = [float(schedule(step)) for step in (0, 99, 100, 149, 150, 199)]
    assert_allclose(values, [1, 1, 0.1, 0.1, 0.01, 0.01], rtol=1e-6)


def test_cosine_rises_linearly_and_falls_to_a_hundredth():
    schedule = optimizers.warmup_cosine(2.0, 100, warmup=0.1)
    steps = (0, 5, 10, 55, 100)
    expected = [0.02, 1.01, 2.0, 1.01, 0.02]
    assert_allclose([float(schedule(step)) for step in steps], expected, rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_schedules_of_few_steps_are_finite(steps):
    for schedule in (optimizers.step_drops(1.0, steps), optimizers.warmup_cosine(1.0, steps)):
        assert all(0 < float(schedule(step)) <= 1 for step in range(steps + 1))


def test_slow_decay_is_a_staircase():
    schedule = optimizers.slow_decay(1.0)
    values = [float(schedule(step)) for step in (0, 99_999, 100_000, 250_000)]
    assert_allclose(values, [1, 1, 0.95, 0.95**2], rtol=1e-6)


def reference_adam(parameters, gradients, *, rate, decay, clip):
    """Adam of 2020 in NumPy: the decay joins the gradient, which is clipped before."""
    first, second = np.zeros_like(parameters), np.zeros_like(parameters)
    for step, gradient in enumerate(gradients, start=1):
        if clip is not None:
            gradient = gradient * min(1.0, clip / np.linalg.norm(gradient))
        gradient = gradient + decay * parameters
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        mean, variance = first / (1 - 0.9**step), second / (1 - 0.999**step)
        parameters = parameters - rate * mean / (np.sqrt(variance) + 1e-8)
    return parameters


def train(optimizer, params, gradients):
    @jax.jit
    def update(params, state, gradient):
        updates, state = optimizer.update(gradient, state, params)
        return jax.tree.map(jnp.add, params, updates), state

    state = optimizer.init(params)
    for gradient in gradients:
        params, state = update(params, state, gradient)
    return params


@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adam_is_the_coupled_one_with_a_bound_on_each_variable(clip, decay):
    generator = np.random.default_rng(0)
    params = {name: generator.normal(size=shape) for name, shape in (("a", (2, 3)), ("b", (4,)))}
    # The gradients of a are long, those of b are shorter than the bound.
    gradients = [
        {"a": 5 * generator.normal(size=(2, 3)), "b": 0.1 * generator.normal(size=4)}
        for _ in range(5)
    ]
    optimizer = optimizers.adam(0.1, weight_decay=decay, clip_norm=clip)
    found = train(optimizer, jax.tree.map(jnp.float32, params), gradients)
    for name in params:
        expected = reference_adam(
            params[name], [g[name] for g in gradients], rate=0.1, decay=decay, clip=clip
        )
        assert_allclose(found[name], expected, **FLOAT32)


def test_decoupled_decay_is_that_of_adamw():
    gradients = [{"a": jnp.array([0.3, -2.0])}, {"a": jnp.array([0.1, 0.5])}]
    params = {"a": jnp.array([1.0, -3.0])}
    ours = train(optimizers.adam(0.1, weight_decay=0.2, decoupled=True), params, gradients)
    theirs = train(optax.adamw(0.1, weight_decay=0.2), params, gradients)
    assert_allclose(ours["a"], theirs["a"], **FLOAT32)
    coupled = train(optimizers.adam(0.1, weight_decay=0.2), params, gradients)
    assert float(jnp.abs(coupled["a"] - ours["a"]).max()) > 1e-3


def test_a_clipped_zero_gradient_stays_finite():
    zeros = {"a": jnp.zeros(3)}
    found = train(optimizers.adam(0.1, clip_norm=1.0), {"a": jnp.ones(3)}, [zeros])
    assert_array_equal(found["a"], np.ones(3))


def test_held_parameters_stay_although_they_decay():
    params = {
        "trunk": {"bn1": {"scale": jnp.ones(2)}, "conv1": {"kernel": jnp.ones(2)}},
        "head": {"bn1": {"scale": jnp.ones(2)}},
    }
    zeros = jax.tree.map(jnp.zeros_like, params)
    optimizer = optimizers.adam(0.1, weight_decay=0.5, rates={"trunk/*bn?/*": 0.0})
    found = train(optimizer, params, [zeros] * 3)
    assert_array_equal(found["trunk"]["bn1"]["scale"], np.ones(2))
    assert (found["trunk"]["conv1"]["kernel"] < 1).all()
    assert (found["head"]["bn1"]["scale"] < 1).all()


def test_rates_scale_the_steps_of_the_parameters_that_match():
    params = {"trunk": {"kernel": jnp.ones(2)}, "head": {"kernel": jnp.ones(2)}}
    gradients = [jax.tree.map(lambda x: 0.5 * x, params)] * 3
    found = train(optimizers.adam(0.1, rates={"trunk/*": 0.25}), params, gradients)
    moved = {name: 1 - found[name]["kernel"] for name in found}
    assert_allclose(moved["trunk"], 0.25 * moved["head"], rtol=1e-5)
    plain = train(optimizers.adam(0.1), params, gradients)
    assert_array_equal(found["head"]["kernel"], plain["head"]["kernel"])


def test_averaging_takes_the_same_steps_and_keeps_the_mean_of_the_last_parameters():
    gradients = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    plain, params = optax.adam(0.1), {"w": jnp.ones(3)}
    averaging = optimizers.averaging(plain, after=2)
    alone, state = plain.init(params), averaging.init(params)
    visited, other = [], params
    for gradient in gradients:
        updates, alone = plain.update({"w": gradient}, alone, params)
        params = optax.apply_updates(params, updates)
        same, state = averaging.update({"w": gradient}, state, other)
        other = optax.apply_updates(other, same)
        visited.append(params["w"])
        np.testing.assert_array_equal(other["w"], params["w"])
    np.testing.assert_allclose(state.mean["w"], np.mean(visited[2:], axis=0), rtol=1e-6)


def test_before_there_is_a_mean_it_is_the_parameters():
    averaging, params = optimizers.averaging(optax.sgd(1.0), after=5), {"w": jnp.ones(2)}
    updates, state = averaging.update({"w": jnp.ones(2)}, averaging.init(params), params)
    np.testing.assert_array_equal(state.mean["w"], optax.apply_updates(params, updates)["w"])
