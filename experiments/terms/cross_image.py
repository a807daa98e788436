"""C3's landmark losses on pairs of images (Eq. 1, 2 and 4), and IMM's reconstruction.

The two images of a pair travel as one batch of 2b, source first: `swap` exchanges the halves.
Images are float RGB in [0, 1].
"""

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax import losses, matching
from c3jax.losses.perceptual import feature_distances, init_running_mean, perceptual
from c3jax.models.layers import Encoding
from c3jax.training.step import AXIS


@dataclass(frozen=True)
class CrossImageLoss:
    """Weights of C3's landmark losses, and how what the paper leaves open is read."""

    reconstruction: float = 1.0
    """before these losses: IMM's reconstruction of a synthetically warped image"""
    cycle: float = 1.0
    """Eq. 1"""
    invariance: float = 1.0
    """Eq. 2"""
    equivariance: float = 1.0
    """Eq. 4"""
    landmarks_as: Literal["maps", "points"] = "maps"
    """Eq. 2 and 4 on Gaussian maps or on points"""
    hard_match: bool = True
    """T by argmax (no gradient to the flow module), or score-weighted"""
    match_temperature: float = 0.05
    """of the softmax in S"""
    perceptual_decay: float = 0.99


@dataclass(frozen=True)
class Networks:
    """The landmark model and the fixed network of the perceptual loss (flax modules)."""

    model: Any
    perceptual: Any

    def encode(self, variables, images: Array) -> tuple[Encoding, dict]:
        """Encoding of images with batch statistics, and the new running averages."""
        return self._apply(variables, images, method="encode")

    def decode(self, variables, appearance: Array, maps: Array) -> tuple[Array, dict]:
        """Images of appearance and pose with batch statistics, and the new running averages."""
        return self._apply(variables, appearance, maps, method="decode")

    def correlate(self, variables, source: Array, target: Array) -> Array:
        """The refined correlation of Eq. 3."""
        return self.model.apply(variables, source, target, method="correlate")

    def features(self, variables, images: Array) -> list[Array]:
        """Feature maps of the perceptual loss; its variables stand under 'perceptual'."""
        own = {
            name: group["perceptual"] for name, group in variables.items() if "perceptual" in group
        }
        return list(self.perceptual.apply(own, images).values())

    def _apply(self, variables, *inputs, method):
        outputs, updated = self.model.apply(
            variables, *inputs, train=True, method=method, mutable=["batch_stats"]
        )
        return outputs, updated["batch_stats"]


def init_loss_stats(networks: Networks, variables, images) -> dict[str, Array]:
    """Running means of the two perceptual losses before the first step."""
    terms = len(jax.eval_shape(networks.features, variables, images))
    return {"reconstruction": init_running_mean(terms), "cycle": init_running_mean(terms)}


def pair_terms(
    variables, images, running_mean, *, networks, loss: CrossImageLoss, flow: bool = True
):
    """L_total (Eq. 5) of pairs of different images; without `flow` there is no L_equiv.

    Running averages of batch normalisation move with the images (and their codes in the decoder)
    alone.

    Returns:
      `[b]`, means of the terms by name, code, variables with new batch statistics, running mean.
    """
    code, batch_stats = networks.encode(variables, images)
    variables = {**variables, "batch_stats": batch_stats}
    cycle, invariance, batch_stats, running_mean, raw = cycle_terms(
        variables, images, code, running_mean, networks=networks, loss=loss
    )
    equivariance = jnp.zeros_like(cycle)
    if flow:
        equivariance = equivariance_term(variables, code, networks=networks, loss=loss)
    total = losses.c3_total(
        cycle, equivariance, invariance,
        lambda_cycle=loss.cycle,
        lambda_equivariance=loss.equivariance,
        lambda_invariance=loss.invariance,
    )  # fmt: skip
    terms = {"cycle": cycle, "invariance": invariance, "equivariance": equivariance}
    metrics = {name: term.mean() for name, term in terms.items()} | raw
    return total, metrics, code, {**variables, "batch_stats": batch_stats}, running_mean


def cycle_terms(variables, images, code: Encoding, running_mean, *, networks, loss: CrossImageLoss):
    """L_cycle (Eq. 1) and L_inv (Eq. 2); no gradient through the first swapped images.

    Returns:
      both `[b]`, batch statistics, running mean, raw distances by name.
    """
    swapped, batch_stats = networks.decode(variables, code.appearance, swap(code.maps))
    swapped = jax.lax.stop_gradient(swapped)  # I_ij = D(a_i, p_j), I_ji = D(a_j, p_i)
    # Generated images use batch statistics, but never move the running averages.
    cycled, _ = networks.encode(variables, swapped)  # a'_i and p'_j of I_ij, a'_j and p'_i of I_ji
    images_again, _ = networks.decode(variables, cycled.appearance, swap(cycled.maps))
    true, again = networks.features(variables, images), networks.features(variables, images_again)
    distance, running_mean = perceptual(
        again, true, running_mean, decay=loss.perceptual_decay, axis_name=AXIS
    )
    cycle = sum(halves(distance))  # Eq. 1: P(I_i, I'_i) + P(I_j, I'_j)
    distance_of = losses.invariance if _as_maps(loss) else losses.invariance_of_points
    (p_i, p_j), (q_i, q_j) = halves(_poses(code, loss)), halves(swap(_poses(cycled, loss)))
    raw = _raw("cycle", feature_distances(again, true))
    return cycle, distance_of(p_i, q_i, p_j, q_j), batch_stats, running_mean, raw


def equivariance_term(variables, code: Encoding, *, networks, loss: CrossImageLoss):
    """L_equiv (Eq. 4) by the score and transformation maps of the cross-image flow module."""
    correlation = networks.correlate(variables, *halves(code.flow_features))
    s_ij, s_ji = (
        matching.match_scores(correlation, over=side, temperature=loss.match_temperature)
        for side in ("source", "target")
    )
    p_i, p_j = halves(_poses(code, loss))
    if _as_maps(loss) and not loss.hard_match:
        return losses.soft_equivariance(p_i, p_j, s_ij, s_ji)
    t_ij = matching.transformation_map(s_ij, over="source", hard=loss.hard_match)
    t_ji = matching.transformation_map(s_ji, over="target", hard=loss.hard_match)
    distance_of = losses.equivariance if _as_maps(loss) else losses.equivariance_of_points
    return distance_of(p_i, p_j, t_ij, t_ji)


def reconstruction_term(
    variables, code: Encoding, target, running_mean, *, networks, loss: CrossImageLoss, mask=None
):
    """IMM's loss: the target image from the source's appearance and the target's own pose.

    Returns:
      `[b]`, batch statistics, running mean, raw distances by name.
    """
    appearance, maps = halves(code.appearance)[0], halves(code.maps)[1]
    reconstruction, batch_stats = networks.decode(variables, appearance, maps)
    true, predicted = (
        networks.features(variables, target),
        networks.features(variables, reconstruction),
    )
    distance, running_mean = perceptual(
        predicted, true, running_mean, decay=loss.perceptual_decay, mask=mask, axis_name=AXIS
    )
    raw = _raw("raw", feature_distances(predicted, true, mask=mask))
    return distance, batch_stats, running_mean, raw


def halves(both: Array) -> tuple[Array, Array]:
    """The first and the second image of each pair."""
    return both[: len(both) // 2], both[len(both) // 2 :]


def swap(both: Array) -> Array:
    """The pairs with their images exchanged."""
    return jnp.concatenate(halves(both)[::-1])


def _as_maps(loss: CrossImageLoss) -> bool:
    return loss.landmarks_as == "maps"


def _poses(code: Encoding, loss: CrossImageLoss) -> Array:
    return code.maps if _as_maps(loss) else code.landmarks


def _raw(name: str, distances: Float[Array, "b terms"]) -> dict[str, Array]:
    return {f"{name}_{term}": value for term, value in enumerate(distances.mean(0))}
