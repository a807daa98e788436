"""What a training run carries from one step to the next."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

Tree = Any


class TrainState(struct.PyTreeNode):
    """State of a run; all leaves are arrays, so that a checkpoint holds the whole of it.

    Attributes:
      step: steps taken, int32.
      params: parameters that the optimiser moves.
      frozen: parameters that it does not (a pretrained trunk).
      batch_stats: running averages of batch normalisation.
      loss_stats: running state of losses (the perceptual loss's running means).
      opt_state: the optimiser's state.
      skipped: updates left out because the loss or a gradient was not finite, int32.
      skipped_in_a_row: the same since the last good update, int32.
    """

    step: jax.Array
    params: Tree
    frozen: Tree
    batch_stats: Tree
    loss_stats: Tree
    opt_state: Tree
    skipped: jax.Array
    skipped_in_a_row: jax.Array

    def variables(self, params: Tree | None = None) -> dict[str, Tree]:
        """The variables of `module.apply`, with `params` (the own ones when None)."""
        params = self.params if params is None else params
        return {"params": {**self.frozen, **params}, "batch_stats": self.batch_stats}


def init_state(variables: dict[str, Tree], *, optimizer, loss_stats: Tree, frozen=()) -> TrainState:
    """State at step 0; the top-level parameter groups named in `frozen` are not trained."""
    unknown = set(frozen) - set(variables["params"])
    if unknown:
        raise ValueError(f"frozen names {sorted(unknown)}, not among {sorted(variables['params'])}")
    params = {k: v for k, v in variables["params"].items() if k not in frozen}
    # A buffer of its own for each counter: the step donates them.
    zero = lambda: jnp.zeros((), jnp.int32)  # noqa: E731
    return TrainState(
        step=zero(),
        params=params,
        frozen={k: variables["params"][k] for k in frozen},
        batch_stats=variables.get("batch_stats", {}),
        loss_stats=loss_stats,
        opt_state=optimizer.init(params),
        skipped=zero(),
        skipped_in_a_row=zero(),
    )
