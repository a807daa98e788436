"""The loss of joint training: synthetic pairs with known matches, and pairs of objects.

Of the type `c3jax.training.step.LossFn`; images are float RGB in [0, 1], b is the number of
examples on this device. Source and target of the losses are those of JLAD: tau lives on the grid of
the source and holds target locations.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax import correlation_4d, losses
from c3jax.coordinates import grid
from c3jax.landmarks import share_of_cells
from c3jax.models.jlad import JLAD, Alignment, Detection
from c3jax.tools.errors import UsageError
from c3jax.training.state import TrainState
from c3jax.training.step import Aux
from experiments.jlad.config import Config, LossConfig
from experiments.jlad.model import detector_trunk, learning_groups
from experiments.jlad.turns import hold, with_trunk
from experiments.terms.networks import apply_training, means
from experiments.terms.synthetic_pairs import as_float, synthetic_pairs

ANCHORS = 64  # anchor pairs drawn for each synthetic pair


def encode_pairs(
    network: JLAD, variables, source: Array, target: Array, *, config: Config, stage: str
) -> tuple[Detection, Detection, dict]:
    """Detections with batch statistics of both images; variables with new running averages.

    The trunk may have batch statistics, and in the turns of a separate detection it has its own.
    """
    trunk = detector_trunk(config, stage) if stage == "detection" else "trunk"
    images = jnp.concatenate([source, target])
    both, own = apply_training(network, with_trunk(variables, trunk), images, method="encode")
    if "trunk" in own["batch_stats"]:
        moved = {**variables["batch_stats"], trunk: own["batch_stats"]["trunk"]}
        variables = {**variables, "batch_stats": moved}
    of_source, of_target = (
        jax.tree.map(lambda leaf, side=side: jnp.split(leaf, 2)[side], both) for side in (0, 1)
    )
    return of_source, of_target, variables


def align(network: JLAD, variables, source: Detection, target: Detection) -> Alignment:
    """Field and uncertainty of a pair."""
    own, features = with_trunk(variables, "trunk"), (source.features, target.features)
    found: Any = network.apply(own, *features, method="align")
    return found


def jlad_loss(
    params, state: TrainState, batch, keys, *, network: JLAD, config: Config, stage: str
) -> tuple[Float[Array, " b"], Aux]:
    """Weighted sum of the terms that have a weight, Eq. 11 and those of synthetic pairs.

    `stage` is the pre-training or one of the turns.
    """
    variables = state.variables(hold(params, learning_groups(config, stage)))
    weights = config.loss_of(stage)
    terms: dict[str, Array] = {}
    loss = jnp.zeros(len(keys))
    if weights.synthetic:
        found, variables = _synthetic_terms(variables, batch, keys, network, config, stage)
        loss += weights.weighted_sum(found)
        terms |= found
    if weights.of_pairs or (stage != "pretrain" and weights.detection):
        found, variables = _pair_terms(variables, batch, network, config, stage)
        loss += losses.jlad_total(
            **{"alignment": jnp.zeros_like(loss), "joint": jnp.zeros_like(loss)} | found,
            lambda_detection=weights.detection,
            lambda_alignment=weights.alignment,
            lambda_joint=weights.joint,
        )
        terms |= found
    return loss, Aux(means(terms), variables["batch_stats"], state.loss_stats)


def _pair_terms(variables, batch, network: JLAD, config: Config, stage: str):
    """L_D, L_A and L_J of pairs of objects; L_D alone where the others have no weight."""
    weights = config.loss_of(stage)
    images = as_float(batch["source"]), as_float(batch["target"])
    source, target, variables = encode_pairs(
        network, variables, *images, config=config, stage=stage
    )
    terms = {"detection": _detection_term(source, target, config, weights)}
    if not weights.of_pairs:
        return terms, variables
    tau, log_sigma = align(network, variables, source, target)
    alignment = losses.uncertainty_weighted_alignment(
        source.features,
        target.features,
        tau,
        log_sigma,
        radius=network.radius,
        temperature=weights.temperature,
    )
    maps = source.maps, target.maps
    if weights.unit_maps:
        maps = share_of_cells(source.maps), share_of_cells(target.maps)
    terms["alignment"] = _of_sum(alignment, math.prod(tau.shape[1:3]), weights)
    terms["joint"] = losses.joint_consistency(*maps, tau, log_sigma)
    if weights.sums:
        terms["joint"] *= config.landmarks
    return terms, variables


def _synthetic_terms(variables, batch, keys, network: JLAD, config: Config, stage: str):
    """Terms of a warped picture (the source) and the original (the target).

    For each cell x of the source the match in the target lies at g(x).
    """
    weights = config.loss_of(stage)
    draws = jax.vmap(lambda key: jax.random.split(key))(keys)
    pairs = synthetic_pairs(draws[:, 0], batch, config.warp)
    source, target, variables = encode_pairs(
        network, variables, pairs.warped, pairs.original, config=config, stage=stage
    )
    _, height, width, _ = source.features.shape
    matches, on_object = pairs.matches((height, width)), pairs.on_object((height, width))
    if on_object is None:
        if config.unmatched:
            raise UsageError("--unmatched needs the masks of the objects, and these data have none")
        on_object = jnp.ones(matches.shape[:-1])
    terms: dict[str, Array] = {}
    if weights.anchors or weights.likelihood:
        tau, log_sigma = align(network, variables, source, target)
        anchors = _anchor_term(draws[:, 1], tau, matches, on_object)
        terms["anchors"] = _of_sum(anchors, ANCHORS, weights)
        matched = pairs.matched((height, width)) if config.unmatched else None
        likelihood = losses.uncertainty_likelihood(matches, tau, log_sigma, matched=matched)
        terms["likelihood"] = likelihood / (height * width)
    if weights.features:
        terms["features"] = losses.flow_cross_entropy(
            correlation_4d(target.features, source.features),
            points=matches,
            weights=on_object,
            temperature=weights.temperature,
        )
    if weights.equivariance:
        moved = losses.landmark_equivariance(source.landmarks, target.landmarks, matches)
        terms["equivariance"] = _of_sum(moved, config.landmarks, weights)
    if stage == "pretrain" and weights.detection and not weights.of_pairs:
        terms["detection"] = _detection_term(source, target, config, weights)
    return terms, variables


def _anchor_term(keys, tau, matches, on_object):
    """Eq. 1, the sum over cells drawn by their share of the object."""
    cells = jnp.log(on_object.reshape(len(keys), -1) + 1e-6)
    drawn = jax.vmap(lambda key, logits: jax.random.categorical(key, logits, shape=(ANCHORS,)))(
        keys, cells
    )
    at_cells = grid(tau.shape[1:3], dtype=tau.dtype).reshape(-1, 2)[drawn]
    found = jnp.take_along_axis(matches.reshape(len(keys), -1, 2), drawn[..., None], axis=1)
    return losses.anchor_pairs(at_cells, found, tau)


def _detection_term(source: Detection, target: Detection, config: Config, weights: LossConfig):
    """L_D, lambda_con Eq. 8 + lambda_sep Eq. 9, the mean of both images (JLAD names none)."""

    def of_one(found: Detection):
        concentration = losses.concentration(found.maps)
        separation = losses.separation(found.landmarks, margin=config.landmark_margin)
        return weights.concentration * concentration + weights.separation * separation

    both = (of_one(source) + of_one(target)) / 2
    return _of_sum(both, config.landmarks, weights)


def _of_sum(total, count: int, weights: LossConfig):
    """A sum as JLAD prints it, or its mean over so many."""
    return total if weights.sums else total / count
