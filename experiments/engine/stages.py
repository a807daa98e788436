"""The configuration of a training stage, and its optimiser."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import optax

from c3jax.training import optimizers
from experiments.engine.errors import UsageError


@dataclass(frozen=True)
class StageConfig:
    """One training stage."""

    steps: int | None
    """optimiser steps; None: what `epochs` take"""
    batch_size: int
    """examples (stage 1: images, stage 2: pairs) over all devices"""
    learning_rate: float
    epochs: int | None = None
    """passes over the training pictures, where `steps` is None"""
    schedule: Literal["drops", "cosine", "slow_decay", "constant"] = "drops"
    """divided by 10 at 1/2 and 3/4 of the steps; a half cosine; x.95 per 100,000 steps (IMM)"""
    weight_decay: float = 1e-4
    decoupled_decay: bool = False
    """AdamW's weight decay; the papers' Adam has it in the gradient"""
    clip_norm: float | None = None
    """bound on the norm of each variable's gradient (IMM: 1)"""

    def __post_init__(self):
        for name, least in (("steps", 0), ("epochs", 0), ("batch_size", 1), ("learning_rate", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} must be at least {least}, got {value}")

    def num_steps(self, num_pictures: int) -> int:
        """Optimiser steps on so many training pictures."""
        if self.steps is not None:
            return self.steps
        if self.epochs is None:
            raise UsageError("a stage needs --STAGE.steps or --STAGE.epochs")
        return round(self.epochs * num_pictures / self.batch_size)


def make_optimizer(
    stage: StageConfig,
    steps: int = 1,
    *,
    held: tuple[str, ...] = (),
    rates: Mapping[str, float] | None = None,
):
    """Adam with the stage's schedule over `steps`; `held` and `rates` as `optimizers.adam` has."""
    schedule = {
        "drops": lambda: optimizers.step_drops(stage.learning_rate, steps),
        "cosine": lambda: optimizers.warmup_cosine(stage.learning_rate, steps),
        "slow_decay": lambda: optimizers.slow_decay(stage.learning_rate),
        "constant": lambda: optax.constant_schedule(stage.learning_rate),  # counts, as they all do
    }[stage.schedule]()
    return optimizers.adam(
        schedule,
        weight_decay=stage.weight_decay,
        clip_norm=stage.clip_norm,
        decoupled=stage.decoupled_decay,
        held=held,
        rates=rates,
    )
