"""The pmapped train step: the one place that knows how a batch is spread over devices."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from c3jax.training.state import TrainState, Tree

AXIS = "batch"


class Aux(NamedTuple):
    """What a loss returns beside its value per example."""

    metrics: dict[str, jax.Array]
    batch_stats: Tree
    loss_stats: Tree


# loss_fn(params, state, batch, keys) -> (loss of each example, Aux); keys: one per example.
LossFn = Callable[[Tree, TrainState, dict[str, jax.Array], jax.Array], tuple[jax.Array, Aux]]


def make_train_step(loss_fn: LossFn, optimizer: optax.GradientTransformation, *, devices=None):
    """Returns `step(state, batch, key) -> (state, metrics)`, pmapped over `devices`.

    The leaves of `batch` have the shape `[devices, examples, ...]` (`shard_batch`); state, key and
    the returned values are not stacked. `devices` are those of all processes, all of them by
    default; each process passes and gets what belongs to its own. `batch["example_index"]` is the
    place of each example in the global batch: its key is `fold_in(fold_in(key, step),
    example_index)`, so that the number of devices changes no random number. An update whose loss,
    gradient, new parameters or new batch statistics are not finite is left out and counted.
    """

    def step(state: TrainState, batch: dict[str, jax.Array], key: jax.Array):
        step_key = jax.random.fold_in(key, state.step)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(step_key, batch["example_index"])

        def mean_loss(params: Tree):
            losses, aux = loss_fn(params, state, batch, keys)
            return losses.mean(), aux

        (loss, aux), gradients = jax.value_and_grad(mean_loss, has_aux=True)(state.params)
        loss, aux, gradients = jax.lax.pmean((loss, aux, gradients), AXIS)
        updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
        gradient_norm = optax.tree.norm(gradients)
        moved = state.replace(
            params=optax.apply_updates(state.params, updates),
            batch_stats=aux.batch_stats,
            loss_stats=aux.loss_stats,
            opt_state=opt_state,
            skipped_in_a_row=jnp.zeros_like(state.skipped_in_a_row),
        )
        new = jax.tree.leaves((moved.params, moved.batch_stats))
        good = jnp.isfinite(loss) & jnp.isfinite(gradient_norm)
        good &= jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in new]))
        left_out = state.replace(
            skipped=state.skipped + 1, skipped_in_a_row=state.skipped_in_a_row + 1
        )
        state = jax.tree.map(lambda new, old: jnp.where(good, new, old), moved, left_out)
        metrics = {
            "loss": loss,
            **aux.metrics,
            "gradient_norm": gradient_norm,
            "skipped_in_a_row": state.skipped_in_a_row,
        }
        return state.replace(step=state.step + 1), metrics

    return jax.pmap(
        step,
        axis_name=AXIS,
        in_axes=(None, 0, None),
        out_axes=(None, None),
        devices=devices,
        donate_argnums=(0,),
    )


def local(devices=None) -> list:
    """Those of `devices` (by default all) that belong to this process."""
    return [d for d in devices or jax.devices() if d.process_index == jax.process_index()]


def replicate(tree: Tree, devices=None) -> Tree:
    """Copies of `tree` on this process's `devices`, placed as the step returns its state.

    A state that is placed otherwise makes the second step compile anew.
    """
    mesh = jax.sharding.Mesh(np.asarray(local(devices)), (AXIS,))
    return jax.device_put(tree, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec()))


def shard_batch(batch: dict[str, Any], num_devices: int) -> dict[str, Any]:
    """`[devices * n, ...]` arrays as `[devices, n, ...]`; devices take consecutive examples."""
    for name, value in batch.items():
        if len(value) % num_devices:
            raise ValueError(
                f"the batch of {len(value)} ('{name}') does not divide over {num_devices} devices"
            )
    return {k: v.reshape(num_devices, -1, *v.shape[1:]) for k, v in batch.items()}
