"""Optimisers and learning-rate schedules of the papers."""

import fnmatch
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


def step_drops(
    learning_rate: float, steps: int, *, at: tuple[float, ...] = (0.5, 0.75)
) -> optax.Schedule:
    """Constant, divided by 10 at the fractions `at` of `steps` (C3 4.2: 100 and 150 of 200)."""
    return optax.piecewise_constant_schedule(
        learning_rate, {round(fraction * steps): 0.1 for fraction in at}
    )


def warmup_cosine(learning_rate: float, steps: int, *, warmup: float = 0.02) -> optax.Schedule:
    """Linear rise over the fraction `warmup` of `steps`, then a half cosine to 1 % of the peak."""
    return optax.warmup_cosine_decay_schedule(
        0.01 * learning_rate,
        learning_rate,
        warmup_steps=round(warmup * steps),
        decay_steps=max(steps, 1),
        end_value=0.01 * learning_rate,
    )


def slow_decay(learning_rate: float, *, factor: float = 0.95, every: int = 100_000):
    """Constant, times `factor` after `every` steps, again and again (IMM)."""
    return optax.exponential_decay(learning_rate, every, factor, staircase=True)


def adam(
    schedule: optax.ScalarOrSchedule,
    *,
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
    decoupled: bool = False,
    rates: Mapping[str, float] | None = None,
) -> optax.GradientTransformation:
    """Adam with coupled L2 decay: `weight_decay * w` joins the gradient before the moments.

    If `decoupled` it joins the step behind them (AdamW), outside of Adam's normalisation.
    `clip_norm` bounds the norm of each variable's gradient (IMM: 1). `rates` says who learns: it
    maps patterns of paths, such as 'trunk/*bn?/scale' (a star stands for any part of a path), to
    what the learning rate is multiplied by for them. At 0 parameters stay where they are: what gets
    no gradient is not to be moved by the decay alone.
    """
    moments = [optax.add_decayed_weights(weight_decay), optax.scale_by_adam()]
    return optax.chain(
        _clip_each(clip_norm),
        *(reversed(moments) if decoupled else moments),
        optax.scale_by_learning_rate(schedule),
        _scale_each(rates or {}),
    )


class Averaging(NamedTuple):
    """State of `averaging`: that of the optimiser, the mean so far, and updates so far."""

    inner: Any
    mean: Any
    taken: jax.Array


def averaging(
    optimizer: optax.GradientTransformation, *, after: int
) -> optax.GradientTransformation:
    """The optimiser, which also keeps the mean of the parameters behind its first updates.

    mean_n = mean_{n-1} + (params_n - mean_{n-1}) / max(n - after, 1), n counts updates

    Args:
      optimizer: takes the steps, which stay what they are.
      after: the first updates, whose parameters are left out of the mean.
    """

    def init(params):
        # A buffer of its own: the step donates those of the parameters.
        return Averaging(
            optimizer.init(params), jax.tree.map(jnp.array, params), jnp.zeros((), int)
        )

    def update(updates, state: Averaging, params=None):
        updates, inner = optimizer.update(updates, state.inner, params)
        taken = state.taken + 1
        share = 1 / jnp.maximum(taken - after, 1)
        mean = jax.tree.map(
            lambda mean, new: mean + share * (new - mean),
            state.mean,
            optax.apply_updates(params, updates),
        )
        return updates, Averaging(inner, mean, taken)

    return optax.GradientTransformation(init, update)


def _scale_each(rates: Mapping[str, float]) -> optax.GradientTransformation:
    """Updates times the rates of the patterns that their paths match; 0 is no update at all."""

    def scale(path, update):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        rate = math.prod(r for pattern, r in rates.items() if fnmatch.fnmatchcase(name, pattern))
        return rate * update if rate else jnp.zeros_like(update)

    return optax.stateless(lambda updates, _: jax.tree_util.tree_map_with_path(scale, updates))


def _clip_each(clip_norm: float | None) -> optax.GradientTransformation:
    """Scales the gradient of every variable down to the norm `clip_norm`."""
    if clip_norm is None:
        return optax.identity()

    def clip(gradient):
        return gradient * jnp.minimum(1.0, clip_norm / (jnp.linalg.norm(gradient.ravel()) + 1e-12))

    return optax.stateless(lambda updates, _: jax.tree.map(clip, updates))
