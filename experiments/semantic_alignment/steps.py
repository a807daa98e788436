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
from experiments.semantic_alignment.config import LossConfig
from experiments.terms.cross_image import (
    CrossImageLoss,
    Networks,
    pair_terms,
    reconstruction_term,
)
from experiments.terms.synthetic_pairs import WarpConfig, as_float, synthetic_pairs


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


@dataclass(frozen=True)
class Landmarks:
    """The landmark networks of an aligner; terms without a weight are not in this stage."""

    networks: Networks
    loss: CrossImageLoss

    @property
    def across_images(self) -> bool:
        """Whether the stage has terms of Eq. 5."""
        return bool(self.loss.cycle or self.loss.invariance or self.loss.equivariance)


def alignment_loss(
    params,
    state: TrainState,
    batch,
    keys,
    *,
    network: Network,
    weights: LossConfig,
    warp: WarpConfig,
    landmarks: Landmarks | None = None,
) -> tuple[Float[Array, " b"], Aux]:
    """Weighted sum of the terms that have a weight, those of landmarks too."""
    variables = state.variables(params)
    terms: dict[str, Array] = {}
    if weights.flow or weights.features:
        synthetic, variables = _synthetic_terms(
            variables, batch, keys, network=network, weights=weights, warp=warp
        )
        terms |= synthetic
    features, loss, loss_stats = None, jnp.zeros(len(keys)), state.loss_stats
    metrics: dict[str, Array] = {}
    if landmarks is not None and landmarks.loss.reconstruction:
        loss, metrics, variables, loss_stats = _reconstruction_terms(
            variables, batch, keys, loss_stats, landmarks=landmarks, warp=warp
        )
    elif landmarks is not None and landmarks.across_images:
        images = as_float(jnp.concatenate([batch["source"], batch["target"]]))
        loss, metrics, code, variables, running_mean = pair_terms(
            variables, images, loss_stats["cycle"], **vars(landmarks)
        )
        features, loss_stats = code.flow_features, {**loss_stats, "cycle": running_mean}
    if weights.weak:
        if features is None:
            features, variables = _pair_features(variables, batch, network)
        terms["weak"] = _weak_term(
            variables, features, batch["category"], network=network, temperature=weights.temperature
        )
    for name, term in terms.items():
        loss += getattr(weights, name) * term
        metrics[name] = term.mean()
    return loss, Aux(metrics, variables.get("batch_stats", {}), loss_stats)


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


def _reconstruction_terms(variables, batch, keys, loss_stats, *, landmarks, warp: WarpConfig):
    """IMM's loss of synthetic pairs, which have the appearance in common."""
    networks, loss = landmarks.networks, landmarks.loss
    pairs = synthetic_pairs(keys, batch, warp.alone)
    code, batch_stats = networks.encode(variables, jnp.concatenate([pairs.warped, pairs.original]))
    distance, batch_stats, running_mean, raw = reconstruction_term(
        {**variables, "batch_stats": batch_stats}, code, pairs.original,
        loss_stats["reconstruction"], networks=networks, loss=loss,
    )  # fmt: skip
    variables = {**variables, "batch_stats": batch_stats}
    loss_stats = {**loss_stats, "reconstruction": running_mean}
    metrics = {"reconstruction": distance.mean()} | raw
    return loss.reconstruction * distance, metrics, variables, loss_stats


def _pair_features(variables, batch, network: Network):
    """f' of sources and targets, computed here unless the batch has them in place of pictures."""
    both = jnp.concatenate([batch["source"], batch["target"]])
    if both.dtype != jnp.uint8:
        return both, variables
    both, batch_stats = network.features(variables, as_float(both))
    return both, {**variables, "batch_stats": batch_stats}


def _weak_term(variables, features, category, *, network: Network, temperature: float):
    """NC-Net's weak loss; negatives are the targets rolled by one, of the same category masked."""
    source, target = jnp.split(features, 2)
    return losses.weak_matching(
        network.correlate(variables, source, target),
        network.correlate(variables, source, jnp.roll(target, 1, axis=0)),
        valid=category != jnp.roll(category, 1),
        temperature=temperature,
    )
