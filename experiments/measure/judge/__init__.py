"""A judge of decoded pictures: key points by a small network that had no part in the training.

What a landmark model finds in its own pictures says little: its losses have taught it to agree with
itself. This network learned key points with labels, of pictures that nobody decoded; `python -m
experiments.measure.judge` trains it.
"""

import functools
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import safetensors.numpy
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array

from c3jax import landmarks
from c3jax.models.layers import ConvBlock, resize
from c3jax.tools.measure.networks import apply_in_batches

SIDE = 64  # of the pictures that it sees
FOLDER = Path(__file__).parent
JUDGED = {"rendered_faces": 5}  # key points by data set


class Judge(nn.Module):
    """Key points of pictures of 64 px: layers down to 4x4 cells and up again, a soft-argmax."""

    num_points: int

    @nn.compact
    def __call__(self, images: Array, *, train: bool = False) -> Array:
        half = ConvBlock(24, stride=2)(2 * images - 1, train=train)
        fine = ConvBlock(32, stride=2)(half, train=train)
        coarse = ConvBlock(48, stride=2)(fine, train=train)
        context = ConvBlock(64, stride=2)(coarse, train=train)
        context = ConvBlock(64)(context, train=train)
        for finer, channels in ((coarse, 48), (fine, 48)):
            context = jnp.concatenate(
                [resize(context, (finer.shape[1], finer.shape[2])), finer], -1
            )
            context = ConvBlock(channels)(context, train=train)
        logits = nn.Conv(self.num_points, (1, 1))(context)
        return landmarks.soft_argmax(logits.astype(jnp.float32))


def judged_points(name: str, images: np.ndarray) -> np.ndarray:
    """Key points `[n, P, 2]` in [-1, 1] of pictures of a data set, float `[n, 64, 64, 3]`."""
    return apply_in_batches(Judge(JUDGED[name]), _variables(name), _points, images, size=50)


def _points(network, images):
    return network(images)


@functools.cache
def _variables(name: str):
    stored = safetensors.numpy.load_file(FOLDER / f"{name}.safetensors")
    arrays = {tuple(key.split("/")): value.astype(np.float32) for key, value in stored.items()}
    return unflatten_dict(arrays)


def save(name: str, variables) -> None:
    """Writes the variables in half precision, beside this file."""
    flat = flatten_dict(jax.tree.map(lambda x: np.asarray(x, np.float16), variables), sep="/")
    safetensors.numpy.save_file(flat, FOLDER / f"{name}.safetensors")
