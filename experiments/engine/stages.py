"""The configuration of a training stage, the stage itself, and who learns in it."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import optax
from jaxtyping import Array

from c3jax.tools.errors import UsageError, check_least
from c3jax.training import optimizers
from c3jax.training.precision import with_activations
from c3jax.training.state import TrainState
from c3jax.training.step import LossFn
from experiments.engine import processes, runs


@dataclass(frozen=True)
class StageConfig:
    """One training stage."""

    steps: int | None
    """optimiser steps; None: what `epochs` take"""
    batch_size: int
    """pictures or pairs over all devices"""
    learning_rate: float
    epochs: int | None = None
    """passes over the training pictures, where `steps` is None"""
    schedule: Literal["drops", "cosine", "slow_decay", "constant"] = "drops"
    """divided by 10 at 1/2 and 3/4 of the steps; a half cosine after a rise over 2 % of them; x.95
    per 100,000 steps (IMM); constant"""
    weight_decay: float = 1e-4
    decoupled_decay: bool = False
    """AdamW's weight decay; by default it is in the gradient, as in the Adam of the papers' time"""
    clip_norm: float | None = None
    """bound on the norm of each variable's gradient (IMM: 1)"""
    averaged: float = 0.0
    """share of the last steps whose weights are averaged, for what follows the stage"""

    def __post_init__(self):
        for name, least in (("steps", 0), ("epochs", 0), ("batch_size", 1), ("learning_rate", 0)):
            check_least(name, getattr(self, name), least)
        if not 0 <= self.averaged <= 1:
            raise UsageError(f"averaged is a share of the steps, from 0 to 1, got {self.averaged}")

    def num_steps(self, num_pictures: int) -> int:
        """Optimiser steps on so many training pictures."""
        if self.steps is not None:
            return self.steps
        if self.epochs is None:
            raise UsageError("a stage needs --STAGE.steps or --STAGE.epochs")
        return round(self.epochs * num_pictures / self.batch_size)


def check_options(config: Any, num_devices: int) -> None:
    """Refuses what no experiment takes, and what this one does not, before anything is read.

    Raises:
      UsageError: names the option.
    """
    if not 0 <= config.seed < 2**31:
        raise UsageError(f"--seed must be from 0 to {2**31 - 1}, got {config.seed}")
    least = {"landmarks": 0} | dict.fromkeys(("keep_checkpoints", *runs.EVERY), 1)
    examples = ("train_examples", "fit_examples", "test_examples", "test_pairs")
    for group, bounds in ((None, least), ("data", {"image_size": 2} | dict.fromkeys(examples, 1))):
        for name, bound in bounds.items():
            value = getattr(config if group is None else config.data, name, None)
            option = name if group is None else f"{group}.{name}"
            check_least(f"--{option}".replace("_", "-"), value, bound)
    for name, value in runs.flatten(dataclasses.asdict(config)).items():
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and not math.isfinite(number):
                raise UsageError(f"--{name.replace('_', '-')} must be finite, got {number}")
    config.check(num_devices)
    stages = {name: stage for name, stage in vars(config).items() if hasattr(stage, "batch_size")}
    works = [name for name, stage in stages.items() if getattr(stage, "steps", None) != 0]
    if stages and not works:
        raise UsageError("there is nothing to train: no stage has steps")
    for name in works:
        if (batch := stages[name].batch_size) % num_devices:
            raise UsageError(
                f"--{name}.batch-size {batch} cannot be shared by {num_devices} devices: give a "
                "multiple of their number"
            )


class LossWeights:
    """Options that are the weights of terms of their names."""

    def weighted_sum(self, terms: dict[str, Array], *, start: Any = 0) -> Array:
        """`start` and the terms by their weights."""
        return sum((getattr(self, name) * term for name, term in terms.items()), start)


# As StageConfig, with these schedules and without weight decay.
cosine = functools.partial(StageConfig, schedule="cosine", weight_decay=0.0)
constant = functools.partial(StageConfig, schedule="constant", weight_decay=0.0)

# Patterns of the paths of parameters, such as 'trunk/*', to what the learning rate is multiplied by
# for them; 0 is no learning. What no pattern matches learns at the full rate.
Rates = Mapping[str, float]


@dataclass(frozen=True)
class Stage:
    """Some steps with one loss, optimiser and batch size.

    batches: start step within the stage -> endless batches of NumPy arrays.
    begin: what the state of the stage before becomes; by default it gets a fresh optimiser state.
    measure: a trained run -> a row of the results, at the end of the stage.
    """

    name: str
    steps: int
    loss_fn: LossFn
    optimizer: optax.GradientTransformation
    batches: Callable[[int], Iterator[dict[str, np.ndarray]]]
    begin: Callable[[TrainState], TrainState] | None = None
    measure: Callable[[Any], dict[str, Any]] | None = None

    def begun(self, state: TrainState) -> TrainState:
        """The state at the first step of the stage."""
        if self.begin is not None:
            return self.begin(state)
        return state.replace(opt_state=self.optimizer.init(state.params))

    def finished(self, state: TrainState) -> TrainState:
        """The state behind its last step: with the mean of the parameters, where that is kept."""
        if not isinstance(state.opt_state, optimizers.Averaging):
            return state
        return state.replace(params=state.opt_state.mean)


def stage_at(stages: list[Stage], step: int) -> Stage:
    """The stage that took step number `step`, from 1."""
    for stage in stages:
        step -= stage.steps
        if step <= 0:
            return stage
    return stages[-1]


def make_stage(
    config: Any, name: str, data: Any, loss: LossFn, *, seed: int, rates: Rates | None = None
) -> Stage:
    """The stage of that name on `data` (`num_train`, `batches`), its batches by `seed`.

    `config` has its options under the stage's name, and `precision`.
    """
    options = getattr(config, name)
    steps = options.num_steps(data.num_train)
    return Stage(
        name=name,
        steps=steps,
        loss_fn=with_activations(loss, config.precision),
        optimizer=make_optimizer(options, steps, rates),
        batches=batches_of(data, options.batch_size, seed),
    )


def batches_of(data: Any, batch_size: int, seed: int) -> Callable[[int], Iterator[dict]]:
    """This process's batches for a stage, endless: from the step that it starts at."""
    part = processes.shard()
    return lambda start: data.batches(batch_size=batch_size, seed=seed, start_step=start, **part)


def frozen_groups(rates: Iterable[Rates]) -> tuple[str, ...]:
    """The networks with weights of their own that learn in no stage, by the rates of every stage.

    They are no part of what an optimiser keeps moments of.
    """
    stages = tuple(rates)
    return tuple(
        group
        for group in ("trunk", "perceptual")
        if all(stage.get(f"{group}/*") == 0 for stage in stages)
    )


def make_optimizer(stage: StageConfig, steps: int = 1, rates: Rates | None = None):
    """Adam with the stage's schedule over `steps`."""
    schedule = {
        "drops": lambda: optimizers.step_drops(stage.learning_rate, steps),
        "cosine": lambda: optimizers.warmup_cosine(stage.learning_rate, steps),
        "slow_decay": lambda: optimizers.slow_decay(stage.learning_rate),
        "constant": lambda: optax.constant_schedule(stage.learning_rate),  # counts, as they all do
    }[stage.schedule]()
    optimizer = optimizers.adam(
        schedule,
        weight_decay=stage.weight_decay,
        clip_norm=stage.clip_norm,
        decoupled=stage.decoupled_decay,
        rates=rates,
    )
    if not stage.averaged:
        return optimizer
    return optimizers.averaging(optimizer, after=round((1 - stage.averaged) * steps))
