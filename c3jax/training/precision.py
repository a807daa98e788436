"""Training in bfloat16: what the convolutional networks compute in, and what stays float32."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from c3jax.models.c3 import Extractor
from c3jax.models.imm import Encoder
from c3jax.models.jlad import FlowNet, Head
from c3jax.models.layers import Decoder
from c3jax.models.pyramid import RandomPyramid
from c3jax.models.resnet import ResNet
from c3jax.models.vgg import VGG
from c3jax.training.state import Tree
from c3jax.training.step import LossFn

PRECISIONS = ("float32", "bfloat16")
# Their blocks compute in the dtype of their input, whatever that of their parameters is; a last
# convolution without normalisation computes in float32, as its parameters are.
NETWORKS = (ResNet, VGG, RandomPyramid, Extractor, Decoder, Encoder, FlowNet, Head)


def with_activations(loss_fn: LossFn, precision: str) -> LossFn:
    """The same loss, the activations of its networks in `precision`.

    What goes into one of `NETWORKS` is rounded to it, pictures too, and what comes out is float32.
    Parameters, their gradients, batch statistics, landmarks, correlations with their 4D blocks, and
    losses are float32 in any case: a checkpoint is the same in both.

    Args:
      loss_fn: computes with `flax.linen` modules.
      precision: 'float32' (nothing changes) or 'bfloat16'.

    Raises:
      ValueError: another precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, got {precision!r}")
    if precision == "float32":
        return loss_fn

    def rounded(method, arguments, options, context):
        if context.method_name != "__call__" or not isinstance(context.module, NETWORKS):
            return method(*arguments, **options)
        return _as(jnp.float32, method(*_as(precision, arguments), **options))

    @functools.wraps(loss_fn)
    def loss(*arguments):
        with nn.intercept_methods(rounded):
            return loss_fn(*arguments)

    return loss


def _as(dtype, tree: Tree) -> Tree:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)
