"""The loss of alignment training: weak pairs of photos, and synthetic pairs with known matches.

Of the type `c3jax.training.step.LossFn`; images are float RGB in [0, 1], b is the number of
examples on this device.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax import correlation_4d, losses
from c3jax.training.state import TrainState
from c3jax.training.step import Aux
from experiments.common.synthetic_pairs import WarpConfig, as_float, synthetic_pairs
from experiments.semantic_alignment.config import LossConfig


@dataclass(frozen=True)
class Network:
    """An `Aligner` whose trunk may have batch statistics."""

    model: Any

    def features(self, variables, images: Array) -> tuple[Array, dict]:
        """f' with batch statistics, and the new running averages."""
        maps, updated = self.model.apply(
            variables, images, train=True, method="features", mutable=["batch_stats"]
        )
        return maps, updated.get("batch_stats", variables.get("batch_stats", {}))

    def correlate(self, variables, source: Array, target: Array) -> Array:
        """The refined correlation of Eq. 3."""
        return self.model.apply(variables, source, target, method="correlate")


def alignment_loss(
    params,
    state: TrainState,
    batch,
    keys,
    *,
    network: Network,
    weights: LossConfig,
    warp: WarpConfig,
) -> tuple[Float[Array, " b"], Aux]:
    """Weighted sum of the terms that have a weight."""
    variables = state.variables(params)
    terms: dict[str, Array] = {}
    if weights.flow or weights.features:
        synthetic, variables = _synthetic_terms(
            variables, batch, keys, network=network, weights=weights, warp=warp
        )
        terms |= synthetic
    if weights.weak:
        terms["weak"], variables = _weak_term(
            variables, batch, network=network, temperature=weights.temperature
        )
    loss = jnp.asarray(sum(getattr(weights, name) * term for name, term in terms.items()))
    metrics = {name: term.mean() for name, term in terms.items()}
    return loss, Aux(metrics, variables.get("batch_stats", {}), state.loss_stats)


def _synthetic_terms(variables, batch, keys, *, network, weights: LossConfig, warp: WarpConfig):
    """Cross-entropies of refined and of plain correlation on the known match of a warped pair.

    For each cell x of the warped image the match in the original lies at g(x). Where the batch has
    masks of the objects, cells count by their share of the object.
    """
    pairs = synthetic_pairs(keys, batch, warp)
    both, batch_stats = network.features(variables, jnp.concatenate([pairs.original, pairs.warped]))
    variables = {**variables, "batch_stats": batch_stats}
    source, target = jnp.split(both, 2)
    _, height, width, _ = target.shape
    cross_entropy = functools.partial(
        losses.flow_cross_entropy,
        points=pairs.matches((height, width)),
        weights=pairs.on_object((height, width)),
        temperature=weights.temperature,
    )
    terms = {}
    if weights.features:
        terms["features"] = cross_entropy(correlation_4d(source, target))
    if weights.flow:
        terms["flow"] = cross_entropy(network.correlate(variables, source, target))
    return terms, variables


def _weak_term(variables, batch, *, network, temperature: float):
    """NC-Net's weak loss; negatives are the targets rolled by one, of the same category masked."""
    both = jnp.concatenate([batch["source"], batch["target"]])
    if both.dtype == jnp.uint8:  # else they are f' already, computed once
        both, batch_stats = network.features(variables, as_float(both))
        variables = {**variables, "batch_stats": batch_stats}
    source, target = jnp.split(both, 2)
    category = batch["category"]
    loss = losses.weak_matching(
        network.correlate(variables, source, target),
        network.correlate(variables, source, jnp.roll(target, 1, axis=0)),
        valid=category != jnp.roll(category, 1),
        temperature=temperature,
    )
    return loss, variables
