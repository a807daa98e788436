"""Groups of parameters: which is the trunk, who learns in a turn, and who waits."""

import jax
import jax.numpy as jnp
import optax

from c3jax.training.state import Tree


def hold(params: dict[str, Tree], learning: tuple[str, ...]) -> dict[str, Tree]:
    """The parameters, without gradients for the groups that do not learn."""
    return {
        name: group if name in learning else jax.lax.stop_gradient(group)
        for name, group in params.items()
    }


def of_groups(
    optimizer: optax.GradientTransformation, learning: tuple[str, ...]
) -> optax.GradientTransformation:
    """`optimizer` for each of the groups that learn; the others keep parameters and moments.

    The state has one entry for each group of parameters, whether it learns or not: a turn goes on
    with what the turns before it left.
    """

    def init(params):
        return {name: optimizer.init(group) for name, group in params.items()}

    def update(gradients, state, params=None):
        updates, moved = {}, dict(state)
        for name, gradient in gradients.items():
            if name in learning:
                updates[name], moved[name] = optimizer.update(gradient, state[name], params[name])
            else:
                updates[name] = jax.tree.map(jnp.zeros_like, gradient)
        return updates, moved

    return optax.GradientTransformation(init, update)


def with_trunk(variables, trunk: str) -> dict:
    """The variables of the model, the group of that name in place of its trunk."""
    chosen = {}
    for name, tree in variables.items():
        model = {group: leaves for group, leaves in tree.items() if not group.endswith("_trunk")}
        chosen[name] = {**model, "trunk": tree[trunk]} if trunk in tree else model
    return chosen
