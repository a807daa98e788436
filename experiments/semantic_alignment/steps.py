"""The loss of alignment training: weak pairs of photos, and synthetic pairs with known matches.

Of the type `c3jax.training.step.LossFn`; images are float RGB in [0, 1], b is the number of
examples on this device.
"""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax import correlation_4d, losses
from c3jax.training.state import TrainState
from c3jax.training.step import Aux
from experiments.semantic_alignment.config import LossConfig
from experiments.terms.cross_image import CrossImageLoss, pair_terms, reconstruction_term
from experiments.terms.networks import Networks, Term, means
from experiments.terms.synthetic_pairs import WarpConfig, as_float, synthetic_pairs


def alignment_loss(
    params,
    state: TrainState,
    batch,
    keys,
    *,
    networks: Networks,
    weights: LossConfig,
    warp: WarpConfig,
    landmark_loss: CrossImageLoss | None = None,
) -> tuple[Float[Array, " b"], Aux]:
    """Weighted sum of the terms that have a weight, those of landmarks too."""
    variables = state.variables(params)
    terms: dict[str, Array] = {}
    if weights.flow or weights.features:
        terms, variables = _synthetic_terms(
            variables, batch, keys, networks=networks, weights=weights, warp=warp
        )
    features, term = None, Term(jnp.zeros(len(keys)), {}, variables, state.loss_stats)
    if landmark_loss is not None and landmark_loss.reconstruction:
        term = _reconstruction_term(
            term, batch, keys, networks=networks, loss=landmark_loss, warp=warp
        )
    elif landmark_loss is not None and landmark_loss.across_images:
        images = as_float(jnp.concatenate([batch["source"], batch["target"]]))
        code, variables = networks.encode(variables, images)
        features = code.flow_features
        term = pair_terms(
            variables, state.loss_stats, images, code, networks=networks, loss=landmark_loss
        )
    variables = term.variables
    if weights.weak:
        if features is None:
            features, variables = _pair_features(variables, batch, networks)
        terms["weak"] = _weak_term(
            variables, features, batch["category"], networks, weights.temperature
        )
    loss = weights.weighted_sum(terms, start=term.value)
    metrics = term.metrics | means(terms)
    return Term(loss, metrics, variables, term.loss_stats).loss_and_aux()


def _synthetic_terms(variables, batch, keys, *, networks, weights: LossConfig, warp: WarpConfig):
    """Cross-entropies of refined and of plain correlation on the known match of a warped pair.

    For each cell x of the warped image the match in the original lies at g(x). Where the batch has
    masks of the objects, cells count by their share of the object.
    """
    pairs = synthetic_pairs(keys, batch, warp)
    both, variables = networks.features(variables, jnp.concatenate([pairs.original, pairs.warped]))
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
        terms["flow"] = cross_entropy(networks.correlate(variables, source, target))
    return terms, variables


def _reconstruction_term(
    term: Term, batch, keys, *, networks: Networks, loss: CrossImageLoss, warp: WarpConfig
):
    """IMM's loss of synthetic pairs, which have the appearance in common, after another term."""
    pairs = synthetic_pairs(keys, batch, warp.alone)
    both = jnp.concatenate([pairs.warped, pairs.original])
    code, variables = networks.encode(term.variables, both)
    found = reconstruction_term(
        variables, term.loss_stats, code, pairs.original, networks=networks, loss=loss
    )
    return found._replace(value=loss.reconstruction * found.value)


def _pair_features(variables, batch, networks: Networks):
    """f' of sources and targets, computed here unless the batch has them in place of pictures."""
    both = jnp.concatenate([batch["source"], batch["target"]])
    if both.dtype != jnp.uint8:
        return both, variables
    return networks.features(variables, as_float(both))


def _weak_term(variables, features, category, networks: Networks, temperature: float):
    """NC-Net's weak loss; negatives are the targets rolled by one, of the same category masked."""
    source, target = jnp.split(features, 2)
    return losses.weak_matching(
        networks.correlate(variables, source, target),
        networks.correlate(variables, source, jnp.roll(target, 1, axis=0)),
        valid=category != jnp.roll(category, 1),
        temperature=temperature,
    )
