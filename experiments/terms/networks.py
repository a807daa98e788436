"""Networks in training: their outputs with batch statistics, and a loss with what it moved."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from jaxtyping import Array, Float

from c3jax.models.layers import Encoding
from c3jax.training.step import Aux


def apply_training(model, variables, *inputs: Array, method: str) -> tuple[Any, dict]:
    """A method of a flax module with batch statistics.

    Returns:
      its outputs, and the variables with new running averages.
    """
    outputs, updated = model.apply(
        variables, *inputs, train=True, method=method, mutable=["batch_stats"]
    )
    return outputs, {**variables, **updated}


@dataclass(frozen=True)
class Network:
    """A model whose trunk may have batch statistics."""

    model: Any

    def features(self, variables, images: Array) -> tuple[Array, dict]:
        """f' with batch statistics, and the variables with new running averages."""
        return apply_training(self.model, variables, images, method="features")

    def correlate(self, variables, source: Array, target: Array) -> Array:
        """The refined correlation of Eq. 3."""
        return self.model.apply(variables, source, target, method="correlate")


@dataclass(frozen=True)
class Networks(Network):
    """The landmark model and the fixed network of the perceptual loss (flax modules)."""

    perceptual: Any

    def encode(self, variables, images: Array) -> tuple[Encoding, dict]:
        """Encoding with batch statistics, and the variables with new running averages."""
        return apply_training(self.model, variables, images, method="encode")

    def decode(self, variables, appearance: Array, maps: Array) -> tuple[Array, dict]:
        """Images of appearance and pose, and the variables, as `encode`."""
        return apply_training(self.model, variables, appearance, maps, method="decode")

    def perceive(self, variables, images: Array) -> list[Array]:
        """Feature maps of the perceptual loss; its variables stand under 'perceptual'."""
        own = {
            name: group["perceptual"] for name, group in variables.items() if "perceptual" in group
        }
        return list(self.perceptual.apply(own, images).values())


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
