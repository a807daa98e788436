"""C3's landmark losses on pairs of images (Eq. 1, 2 and 4), and IMM's reconstruction.

The two images of a pair travel as one batch of 2b, source first: `swap` exchanges the halves.
Images are float RGB in [0, 1].
"""

import functools
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax import losses, matching
from c3jax.models.layers import Encoding
from c3jax.training.step import AXIS
from experiments.engine.stages import LossWeights
from experiments.terms.networks import Networks, Term, blank_image


@dataclass(frozen=True)
class CrossImageLoss(LossWeights):
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

    @property
    def across_images(self) -> bool:
        """Whether a term of Eq. 5 has a weight."""
        return bool(self.cycle or self.invariance or self.equivariance)

    @property
    def teaches_flow(self) -> bool:
        """Whether Eq. 4 has a weight, and a T that lets its gradient into the flow module."""
        return bool(self.equivariance) and not self.hard_match


def init_loss_stats(networks: Networks, size: int, variables) -> dict[str, Array]:
    """Running means of the two perceptual losses before the first step, if there are any."""
    if networks.perceptual is None:
        return {}
    terms = len(jax.eval_shape(networks.perceive, variables, blank_image(size)))
    return {name: losses.init_running_mean(terms) for name in ("reconstruction", "cycle")}


def pair_terms(
    variables,
    loss_stats,
    images,
    code: Encoding,
    *,
    networks: Networks,
    loss: CrossImageLoss,
    flow: bool = True,
) -> Term:
    """L_total (Eq. 5) of pairs of different images and their codes; no L_equiv without `flow`.

    Running averages of batch normalisation move with the images (and their codes in the decoder)
    alone.
    """
    cycled, images_again, variables = swap_twice(variables, code, networks=networks)
    cycle = cycle_term(variables, loss_stats, images, images_again, networks=networks, loss=loss)
    terms = {"cycle": cycle.value, "invariance": invariance_term(code, cycled, loss=loss)}
    terms["equivariance"] = jnp.zeros_like(cycle.value)
    if flow:
        terms["equivariance"] = equivariance_term(variables, code, networks=networks, loss=loss)
    total = losses.c3_total(
        **terms,
        lambda_cycle=loss.cycle,
        lambda_equivariance=loss.equivariance,
        lambda_invariance=loss.invariance,
    )
    metrics = {name: term.mean() for name, term in terms.items()} | cycle.metrics
    return cycle._replace(value=total, metrics=metrics)


def swap_twice(variables, code: Encoding, *, networks: Networks) -> tuple[Encoding, Array, dict]:
    """Each appearance is decoded with the other pose, and back; no gradient through the first.

    Returns:
      codes of the swapped images, images after the second swap, variables.
    """
    swapped, variables = networks.decode(variables, code.appearance, swap(code.maps))
    swapped = jax.lax.stop_gradient(swapped)  # I_ij = D(a_i, p_j), I_ji = D(a_j, p_i)
    # Generated images use batch statistics, but never move the running averages.
    cycled, _ = networks.encode(variables, swapped)  # a'_i and p'_j of I_ij, a'_j and p'_i of I_ji
    images_again, _ = networks.decode(variables, cycled.appearance, swap(cycled.maps))
    return cycled, images_again, variables


def cycle_term(
    variables, loss_stats, images, images_again, *, networks: Networks, loss: CrossImageLoss
) -> Term:
    """L_cycle (Eq. 1): P compares features over running means that both images of a pair move."""
    true, again = (networks.perceive(variables, each) for each in (images, images_again))
    distances = losses.feature_distances(again, true)
    running_mean = losses.update_running_mean(
        loss_stats["cycle"], distances, decay=loss.perceptual_decay, axis_name=AXIS
    )
    compare = functools.partial(losses.perceptual_distance, running_mean=running_mean)
    value = losses.cycle(*halves(true), *halves(again), distance=compare)
    loss_stats = {**loss_stats, "cycle": running_mean}
    return Term(value, _raw("cycle", distances), variables, loss_stats)


def invariance_term(code: Encoding, cycled: Encoding, *, loss: CrossImageLoss):
    """L_inv (Eq. 2): `cycled` has the poses of the pairs with their images exchanged."""
    distance_of = losses.invariance if _as_maps(loss) else losses.invariance_of_points
    (p_i, p_j), (q_i, q_j) = halves(_poses(code, loss)), halves(swap(_poses(cycled, loss)))
    return distance_of(p_i, q_i, p_j, q_j)


def equivariance_term(variables, code: Encoding, *, networks: Networks, loss: CrossImageLoss):
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
    variables,
    loss_stats,
    code: Encoding,
    target,
    *,
    networks: Networks,
    loss: CrossImageLoss,
    mask=None,
) -> Term:
    """IMM's loss: the target image from the source's appearance and the target's own pose."""
    appearance, maps = halves(code.appearance)[0], halves(code.maps)[1]
    reconstruction, variables = networks.decode(variables, appearance, maps)
    true, predicted = (networks.perceive(variables, each) for each in (target, reconstruction))
    value, running_mean = losses.perceptual(
        predicted,
        true,
        loss_stats["reconstruction"],
        decay=loss.perceptual_decay,
        mask=mask,
        axis_name=AXIS,
    )
    raw = _raw("raw", losses.feature_distances(predicted, true, mask=mask))
    metrics = {"reconstruction": value.mean()} | raw
    return Term(value, metrics, variables, {**loss_stats, "reconstruction": running_mean})


def halves(both: Any) -> tuple[Any, Any]:
    """The first and the second image of each pair; of arrays, or of a pytree of them."""
    count = len(jax.tree.leaves(both)[0]) // 2
    return jax.tree.map(lambda x: x[:count], both), jax.tree.map(lambda x: x[count:], both)


def swap(both: Array) -> Array:
    """The pairs with their images exchanged."""
    return jnp.concatenate(halves(both)[::-1])


def _as_maps(loss: CrossImageLoss) -> bool:
    return loss.landmarks_as == "maps"


def _poses(code: Encoding, loss: CrossImageLoss) -> Array:
    return code.maps if _as_maps(loss) else code.landmarks


def _raw(name: str, distances: Float[Array, "b terms"]) -> dict[str, Array]:
    return {f"{name}_{term}": value for term, value in enumerate(distances.mean(0))}
