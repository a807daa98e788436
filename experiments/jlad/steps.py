"""The loss of joint training: synthetic pairs with known matches, and pairs of objects.

Of the type `c3jax.training.step.LossFn`; images are float RGB in [0, 1], b is the number of
examples on this device. Source and target of the losses are those of JLAD: tau lives on the grid of
the source and holds target locations.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax import correlation_4d, losses
from c3jax.coordinates import grid
from c3jax.landmarks import share_of_cells
from c3jax.models.jlad import Alignment, Detection
from c3jax.training.state import TrainState
from c3jax.training.step import Aux
from experiments.engine.errors import UsageError
from experiments.jlad.config import LossConfig
from experiments.jlad.turns import hold
from experiments.terms.networks import apply_training
from experiments.terms.synthetic_pairs import WarpConfig, as_float, synthetic_pairs

ANCHORS = 64  # anchor pairs drawn for each synthetic pair


@dataclass(frozen=True)
class Network:
    """A `JLAD` whose trunk may have batch statistics, and may be exchanged for another group."""

    model: Any

    def encode_pairs(
        self, variables, source: Array, target: Array, *, trunk: str = "trunk"
    ) -> tuple[Detection, Detection, dict]:
        """Detections with batch statistics of both images; variables with new running averages."""
        images = jnp.concatenate([source, target])
        both, own = apply_training(
            self.model, with_trunk(variables, trunk), images, method="encode"
        )
        if "trunk" in own["batch_stats"]:
            moved = {**variables["batch_stats"], trunk: own["batch_stats"]["trunk"]}
            variables = {**variables, "batch_stats": moved}
        of_source, of_target = (
            jax.tree.map(lambda leaf, side=side: jnp.split(leaf, 2)[side], both) for side in (0, 1)
        )
        return of_source, of_target, variables

    def align(self, variables, source: Array, target: Array) -> Alignment:
        """Field and uncertainty of features."""
        return self.model.apply(with_trunk(variables, "trunk"), source, target, method="align")


def with_trunk(variables, trunk: str) -> dict:
    """The variables of the model, the group of that name in place of its trunk."""
    chosen = {}
    for name, tree in variables.items():
        model = {group: leaves for group, leaves in tree.items() if not group.endswith("_trunk")}
        chosen[name] = {**model, "trunk": tree[trunk]} if trunk in tree else model
    return chosen


@dataclass(frozen=True)
class Setting:
    """What the loss of a stage is made of, beside the network.

    learning: groups of parameters that get gradients; trunk: the group that takes the place of W_F;
    unmatched: whether the likelihood knows that an exchanged background has no match.
    """

    weights: LossConfig
    warp: WarpConfig
    margin: float
    radius: int
    learning: tuple[str, ...]
    trunk: str = "trunk"
    unmatched: bool = False


def jlad_loss(
    params, state: TrainState, batch, keys, *, network: Network, setting: Setting
) -> tuple[Float[Array, " b"], Aux]:
    """Weighted sum of the terms that have a weight, Eq. 11 and those of synthetic pairs."""
    variables, weights = state.variables(hold(params, setting.learning)), setting.weights
    terms: dict[str, Array] = {}
    loss = jnp.zeros(len(keys))
    if weights.synthetic:
        found, variables = _synthetic_terms(variables, batch, keys, network, setting)
        loss += sum(getattr(weights, name) * term for name, term in found.items())
        terms |= found
    if weights.of_pairs:
        found, variables = _pair_terms(variables, batch, network, setting)
        loss += losses.jlad_total(
            **found,
            lambda_detection=weights.detection,
            lambda_alignment=weights.alignment,
            lambda_joint=weights.joint,
        )
        terms |= found
    metrics = {name: term.mean() for name, term in terms.items()}
    return loss, Aux(metrics, variables["batch_stats"], state.loss_stats)


def _pair_terms(variables, batch, network: Network, setting: Setting):
    """L_D, L_A and L_J of pairs of objects."""
    weights = setting.weights
    source, target, variables = network.encode_pairs(
        variables, as_float(batch["source"]), as_float(batch["target"]), trunk=setting.trunk
    )
    tau, log_sigma = network.align(variables, source.features, target.features)
    alignment = losses.uncertainty_weighted_alignment(
        source.features,
        target.features,
        tau,
        log_sigma,
        radius=setting.radius,
        temperature=weights.temperature,
    )
    maps = source.maps, target.maps
    if weights.unit_maps:
        maps = share_of_cells(source.maps), share_of_cells(target.maps)
    terms = {
        "detection": _detection_term(source, target, setting),
        "alignment": alignment / math.prod(tau.shape[1:3]),
        "joint": losses.joint_consistency(*maps, tau, log_sigma),
    }
    return terms, variables


def _synthetic_terms(variables, batch, keys, network: Network, setting: Setting):
    """Terms of a warped picture (the source) and the original (the target).

    For each cell x of the source the match in the target lies at g(x).
    """
    weights = setting.weights
    draws = jax.vmap(lambda key: jax.random.split(key))(keys)
    pairs = synthetic_pairs(draws[:, 0], batch, setting.warp)
    source, target, variables = network.encode_pairs(
        variables, pairs.warped, pairs.original, trunk=setting.trunk
    )
    _, height, width, _ = source.features.shape
    matches, on_object = pairs.matches((height, width)), pairs.on_object((height, width))
    if on_object is None:
        if setting.unmatched:
            raise UsageError("--unmatched needs the masks of the objects, and these data have none")
        on_object = jnp.ones(matches.shape[:-1])
    terms: dict[str, Array] = {}
    if weights.anchors or weights.likelihood:
        tau, log_sigma = network.align(variables, source.features, target.features)
        terms["anchors"] = _anchor_term(draws[:, 1], tau, matches, on_object)
        matched = pairs.matched((height, width)) if setting.unmatched else None
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
        terms["equivariance"] = _mean_over_landmarks(
            losses.landmark_equivariance(source.landmarks, target.landmarks, matches), source
        )
    if weights.detection and not weights.of_pairs:
        terms["detection"] = _detection_term(source, target, setting)
    return terms, variables


def _anchor_term(keys, tau, matches, on_object):
    """Eq. 1, the mean over cells drawn by their share of the object."""
    cells = jnp.log(on_object.reshape(len(keys), -1) + 1e-6)
    drawn = jax.vmap(lambda key, logits: jax.random.categorical(key, logits, shape=(ANCHORS,)))(
        keys, cells
    )
    at_cells = grid(tau.shape[1:3], dtype=tau.dtype).reshape(-1, 2)[drawn]
    found = jnp.take_along_axis(matches.reshape(len(keys), -1, 2), drawn[..., None], axis=1)
    return losses.anchor_pairs(at_cells, found, tau) / ANCHORS


def _detection_term(source: Detection, target: Detection, setting: Setting):
    """L_D of both images, lambda_con Eq. 8 + lambda_sep Eq. 9, the mean over landmarks."""
    weights = setting.weights

    def of_one(found: Detection):
        concentration = losses.concentration(found.maps)
        separation = losses.separation(found.landmarks, margin=setting.margin)
        return weights.concentration * concentration + weights.separation * separation

    return _mean_over_landmarks((of_one(source) + of_one(target)) / 2, source)


def _mean_over_landmarks(values, detection: Detection):
    return values / detection.landmarks.shape[-2]
