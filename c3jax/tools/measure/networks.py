"""Networks as functions of NumPy arrays, compiled once for one size of batch."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from c3jax.inference.batches import in_batches

# A method of a network by its name, or a function of the network and the arrays.
Method = str | Callable[..., Any]


def apply_in_batches(
    network: nn.Module, variables: Any, method: Method, *arrays: np.ndarray, size: int = 16
) -> Any:
    """What a method says of all rows of the arrays, as `apply` and `in_batches` have it."""
    return in_batches(functools.partial(apply, network, method, variables), *arrays, size=size)


@functools.partial(jax.jit, static_argnums=(0, 1))
def apply(network: nn.Module, method: Method, variables: Any, *arrays: Any) -> Any:
    """What a method says, with running averages of batch normalisation; of uint8 images as floats.

    `method` has to be the same object in every call, so that it is compiled once.
    """
    arrays = tuple(each / np.float32(255) if each.dtype == np.uint8 else each for each in arrays)
    return network.apply(variables, *arrays, method=method)
