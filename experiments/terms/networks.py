"""Networks in training: their outputs with batch statistics, and a loss with what it moved."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax.models.layers import Encoding, resize
from c3jax.training.step import Aux
from experiments.engine.networks import Variables, with_group


def apply_training(model, variables, *inputs: Array, method: str) -> tuple[Any, dict]:
    """A method of a flax module with batch statistics.

    Returns:
      its outputs, and the variables with new running averages.
    """
    outputs, updated = model.apply(
        variables, *inputs, train=True, method=method, mutable=["batch_stats"]
    )
    return outputs, {**variables, **updated}


def blank_image(size: int) -> Array:
    """A picture to make variables with, `[1, size, size, 3]`."""
    return jnp.zeros((1, size, size, 3))


@dataclass(frozen=True)
class Networks:
    """A landmark model or an aligner, and the fixed network of the perceptual loss (flax modules).

    The trunk of the model may have batch statistics; `perceptual` is None where nothing is decoded.
    Pictures, and what the model paints, are brought to the `seen_size` before the model looks at
    them, and to the `compared_size` before the perceptual network does; None leaves them.
    """

    model: Any
    perceptual: Any = None
    seen_size: int | None = None
    compared_size: int | None = None

    def random(self, seed: int, size: int, *, images: int = 1) -> Variables:
        """Random first variables of both, for a model that is called with so many images."""
        key, image = jax.random.key(seed), blank_image(size)
        variables = dict(self.model.init(key, *images * [image]))
        if self.perceptual is None:
            return variables
        return with_group(variables, "perceptual", self.perceptual.init(key, image))

    def features(self, variables, images: Array) -> tuple[Array, dict]:
        """f' with batch statistics, and the variables with new running averages."""
        return apply_training(self.model, variables, images, method="features")

    def correlate(self, variables, source: Array, target: Array) -> Array:
        """The refined correlation of Eq. 3."""
        return self.model.apply(variables, source, target, method="correlate")

    def encode(self, variables, images: Array) -> tuple[Encoding, dict]:
        """Encoding with batch statistics, and the variables with new running averages."""
        images = _of_size(images, self.seen_size)
        return apply_training(self.model, variables, images, method="encode")

    def decode(self, variables, appearance: Array, maps: Array) -> tuple[Array, dict]:
        """Images of appearance and pose, and the variables, as `encode`."""
        return apply_training(self.model, variables, appearance, maps, method="decode")

    def as_painted(self, images: Array) -> Array:
        """Images no sharper than what the model paints."""
        return _of_size(images, self.compared_size)

    def perceive(self, variables, images: Array) -> list[Array]:
        """Feature maps of the perceptual loss; its variables stand under 'perceptual'."""
        own = {
            name: group["perceptual"] for name, group in variables.items() if "perceptual" in group
        }
        return list(self.perceptual.apply(own, _of_size(images, self.compared_size)).values())


def _of_size(images: Array, size: int | None) -> Array:
    return images if size is None else resize(images, (size, size))


class Term(NamedTuple):
    """A loss of each example, and what it measured and moved.

    variables: with new running averages of batch normalisation.
    loss_stats: running means of the perceptual losses, by name.
    """

    value: Float[Array, " b"]
    metrics: dict[str, Array]
    variables: dict[str, Any]
    loss_stats: dict[str, Array]

    def loss_and_aux(self) -> tuple[Float[Array, " b"], Aux]:
        """What a `c3jax.training.step.LossFn` returns."""
        return self.value, Aux(self.metrics, self.variables["batch_stats"], self.loss_stats)


def means(terms: dict[str, Array]) -> dict[str, Array]:
    """The mean of each term over the examples."""
    return {name: term.mean() for name, term in terms.items()}
