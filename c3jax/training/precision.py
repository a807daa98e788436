"""Training in bfloat16: what the convolutional networks compute in, and what stays float32."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from c3jax._checks import check_choice
from c3jax.training.state import Tree
from c3jax.training.step import LossFn

PRECISIONS = ("float32", "bfloat16")


def with_activations(loss_fn: LossFn, precision: str) -> LossFn:
    """The same loss, the activations of its networks in `precision`.

    What goes into a module with `computes_in_input_dtype` is rounded to it, pictures too, and what
    comes out is float32. Its blocks compute in the dtype of their input, whatever that of their
    parameters is; a last convolution without normalisation computes in float32, as its parameters
    are. Parameters, their gradients, batch statistics, landmarks, correlations with their 4D
    blocks, and losses are float32 in any case: a checkpoint is the same in both.

    Args:
      loss_fn: computes with `flax.linen` modules.
      precision: 'float32' (nothing changes) or 'bfloat16'.

    Raises:
      ValueError: another precision.
    """
    check_choice("precision", precision, PRECISIONS)
    if precision == "float32":
        return loss_fn

    def rounded(method, arguments, options, context):
        networks = getattr(context.module, "computes_in_input_dtype", False)
        if context.method_name != "__call__" or not networks:
            return method(*arguments, **options)
        return _as(jnp.float32, method(*_as(precision, arguments), **options))

    @functools.wraps(loss_fn)
    def loss(*arguments):
        with nn.intercept_methods(rounded):
            return loss_fn(*arguments)

    return loss


def _as(dtype, tree: Tree) -> Tree:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)
