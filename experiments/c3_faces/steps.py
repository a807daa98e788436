"""The losses of C3 training: warm-up, synthetic pairs (stage 1), L_total on photos (stage 2).

All are top-level functions with everything passed in, of the type `c3jax.training.step.LossFn`.
Images are float RGB in [0, 1]; b is the number of examples on this device. The two images of a
pair travel as one batch of 2b, source first: `swap` exchanges the halves.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax import losses, matching, warps
from c3jax.losses.perceptual import feature_distances, init_running_mean, perceptual
from c3jax.models.c3 import Encoding
from c3jax.training.state import TrainState
from c3jax.training.step import AXIS, Aux
from experiments.c3_faces.config import Config, WarpConfig


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


def warmup_loss(
    params, state: TrainState, batch, keys, *, networks: Networks, config: Config
) -> tuple[Float[Array, " b"], Aux]:
    """Stage 1 without reconstruction and flow: landmarks learn to follow known warps.

    Differs from the paper, which has no such stage. Nothing is decoded, so that a step costs a
    third of one of stage 1.
    """
    images = as_float(batch["source"])
    source, target, _, g_s = _synthetic_pairs(keys, images, config)
    code, batch_stats = networks.encode(state.variables(params), jnp.concatenate([source, target]))
    loss, metrics = _weighted(_landmark_terms(code, g_s, config), config)
    return loss, Aux(metrics, batch_stats, state.loss_stats)


def synthetic_loss(
    params,
    state: TrainState,
    batch,
    keys,
    *,
    networks: Networks,
    config: Config,
    equivariance: bool = False,
) -> tuple[Float[Array, " b"], Aux]:
    """Stage 1: IMM's reconstruction and the auxiliary terms on synthetic pairs (C3, appendix).

    Without the cycle it is stage 2 too, with L_equiv (Eq. 4) on these pairs if `equivariance`: "our
    models can only learn from synthesized image pairs" (4.2, ablation).
    """
    variables = state.variables(params)
    loss, metrics, batch_stats, running_mean = _synthetic_terms(
        variables, as_float(batch["source"]), keys, state.loss_stats["reconstruction"],
        networks=networks, config=config, equivariance=equivariance,
    )  # fmt: skip
    loss_stats = {**state.loss_stats, "reconstruction": running_mean}
    return loss, Aux(metrics, batch_stats, loss_stats)


def unpaired_loss(
    params, state: TrainState, batch, keys, *, networks: Networks, config: Config
) -> tuple[Float[Array, " b"], Aux]:
    """Stage 2: L_total (Eq. 5) on pairs of different photos; stage 1's terms by their weight.

    Running averages of batch normalisation move with real photos (and the codes of real photos in
    the decoder) alone; the synthetic terms, where they have a weight, move them once more.
    """
    weights, variables = config.loss, state.variables(params)
    images = as_float(jnp.concatenate([batch["source"], batch["target"]]))
    code, batch_stats = networks.encode(variables, images)
    variables = {**variables, "batch_stats": batch_stats}
    loss_stats, equivariance = dict(state.loss_stats), jnp.zeros(len(keys))
    cycle, invariance, batch_stats, loss_stats["cycle"], raw = _cycle_terms(
        variables, images, code, loss_stats["cycle"], networks=networks, config=config
    )
    if config.flow:
        equivariance = _equivariance_term(variables, code, networks=networks, config=config)
    loss = losses.c3_total(
        cycle, equivariance, invariance,
        lambda_cycle=weights.cycle,
        lambda_equivariance=weights.equivariance,
        lambda_invariance=weights.invariance,
    )  # fmt: skip
    terms = {"cycle": cycle, "invariance": invariance, "equivariance": equivariance}
    metrics = {name: term.mean() for name, term in terms.items()} | raw
    variables = {**variables, "batch_stats": batch_stats}
    photos = images[: len(keys)]
    if weights.synthetic:
        synthetic, synthetic_metrics, batch_stats, loss_stats["reconstruction"] = _synthetic_terms(
            variables, photos, keys, loss_stats["reconstruction"], networks=networks, config=config
        )
        loss, metrics = loss + weights.synthetic * synthetic, metrics | synthetic_metrics
    elif config.flow and weights.joint_flow:
        flow = _flow_on_warped(variables, photos, keys, networks=networks, config=config)
        loss, metrics = loss + weights.joint_flow * flow, metrics | {"flow": flow.mean()}
    return loss, Aux(metrics, batch_stats, loss_stats)


def _cycle_terms(variables, images, code: Encoding, running_mean, *, networks, config):
    """L_cycle (Eq. 1) and L_inv (Eq. 2); no gradient through the first swapped images."""
    swapped, batch_stats = networks.decode(variables, code.appearance, swap(code.maps))
    swapped = jax.lax.stop_gradient(swapped)  # I_ij = D(a_i, p_j), I_ji = D(a_j, p_i)
    # Generated images use batch statistics, but never move the running averages.
    cycled, _ = networks.encode(variables, swapped)  # a'_i and p'_j of I_ij, a'_j and p'_i of I_ji
    images_again, _ = networks.decode(variables, cycled.appearance, swap(cycled.maps))
    true, again = networks.features(variables, images), networks.features(variables, images_again)
    distance, running_mean = perceptual(
        again, true, running_mean, decay=config.loss.perceptual_decay, axis_name=AXIS
    )
    cycle = sum(halves(distance))  # Eq. 1: P(I_i, I'_i) + P(I_j, I'_j)
    as_maps = config.loss.landmarks_as == "maps"
    distance_of = losses.invariance if as_maps else losses.invariance_of_points
    (p_i, p_j), (q_i, q_j) = halves(_poses(code, config)), halves(swap(_poses(cycled, config)))
    raw = _raw("cycle", feature_distances(again, true))
    return cycle, distance_of(p_i, q_i, p_j, q_j), batch_stats, running_mean, raw


def _equivariance_term(variables, code: Encoding, *, networks, config: Config):
    """L_equiv (Eq. 4) by the score and transformation maps of the cross-image flow module."""
    weights = config.loss
    correlation = networks.correlate(variables, *halves(code.flow_features))
    s_ij, s_ji = (
        matching.match_scores(correlation, over=side, temperature=weights.match_temperature)
        for side in ("source", "target")
    )
    p_i, p_j = halves(_poses(code, config))
    if weights.landmarks_as == "maps" and not weights.hard_match:
        return losses.soft_equivariance(p_i, p_j, s_ij, s_ji)
    t_ij = matching.transformation_map(s_ij, over="source", hard=weights.hard_match)
    t_ji = matching.transformation_map(s_ji, over="target", hard=weights.hard_match)
    as_maps = weights.landmarks_as == "maps"
    distance_of = losses.equivariance if as_maps else losses.equivariance_of_points
    return distance_of(p_i, p_j, t_ij, t_ji)


def _synthetic_terms(
    variables, images, keys, running_mean, *, networks, config: Config, equivariance: bool = False
):
    """Weighted sum of the terms on synthetic pairs, metrics, batch statistics, running means.

    target = photo o g_t, source = target o g_s: a landmark l of the source lies at g_s(l) in the
    target. The target is reconstructed from the source's appearance and its own pose.
    """
    weights = config.loss
    source, target, mask, g_s = _synthetic_pairs(keys, images, config)
    code, batch_stats = networks.encode(variables, jnp.concatenate([source, target]))
    variables = {**variables, "batch_stats": batch_stats}
    appearance, maps = halves(code.appearance)[0], halves(code.maps)[1]
    reconstruction, batch_stats = networks.decode(variables, appearance, maps)
    true, predicted = (
        networks.features(variables, target),
        networks.features(variables, reconstruction),
    )
    distance, running_mean = perceptual(
        predicted, true, running_mean, decay=weights.perceptual_decay, mask=mask, axis_name=AXIS
    )
    terms = {"reconstruction": distance} | _landmark_terms(code, g_s, config)
    if config.flow:
        terms["flow"] = _flow_term(variables, code, g_s, networks=networks, config=config)
    if equivariance:
        terms["equivariance"] = _equivariance_term(
            variables, code, networks=networks, config=config
        )
    loss, metrics = _weighted(terms, config)
    raw = _raw("raw", feature_distances(predicted, true, mask=mask))
    return loss, metrics | raw, batch_stats, running_mean


def _landmark_terms(code: Encoding, g_s, config: Config) -> dict[str, Array]:
    """What a known warp says of the landmarks of a synthetic pair, source first in `code`."""
    first, second = halves(
        losses.separation_hinge(code.landmarks, margin=config.loss.separation_margin)
    )
    return {
        "warp_consistency": losses.warp_consistency(*halves(code.landmarks), g_s),
        "separation": (first + second) / 2,
    }


def _weighted(terms: dict[str, Array], config: Config) -> tuple[Array, dict[str, Array]]:
    """Sum of the terms by the weights of the same names, and their means."""
    loss = sum(getattr(config.loss, name) * term for name, term in terms.items())
    return jnp.asarray(loss), {name: term.mean() for name, term in terms.items()}


def _flow_on_warped(variables, images, keys, *, networks, config: Config):
    """The auxiliary flow loss alone: with hard T, L_total teaches W1 and W2 nothing."""
    source, target, _, g_s = _synthetic_pairs(keys, images, config)
    code, _ = networks.encode(variables, jnp.concatenate([source, target]))
    return _flow_term(variables, code, g_s, networks=networks, config=config)


def _flow_term(variables, code: Encoding, g_s, *, networks, config: Config):
    """Cross-entropy of the flow module's scores against the known match of the warped pair.

    In the words of `flow_cross_entropy` the unwarped image is the source: for each cell x of the
    warped image the match lies at g_s(x).
    """
    warped, unwarped = halves(code.flow_features)
    correlation = networks.correlate(variables, unwarped, warped)
    _, height, width, _ = warped.shape
    matches = warps.warp_grid(g_s, (height, width))
    return losses.flow_cross_entropy(
        correlation, matches, temperature=config.loss.match_temperature
    )


def _synthetic_pairs(keys, images, config: Config):
    return jax.vmap(lambda key, image: synthetic_pair(key, image, config.warp))(keys, images)


def synthetic_pair(key: Array, image: Float[Array, "H W 3"], warp: WarpConfig):
    """Source, target, the target's mask and the warp g_s between them, for one image."""
    target_key, source_key = jax.random.split(key)
    g_t = warps.random_warp(
        target_key,
        rotation_stddev=warp.target_rotation,
        scale_stddev=warp.target_scale,
        translation_stddev=warp.target_translation,
        warp_stddevs=warp.target_warp,
    )
    g_s = warps.random_warp(
        source_key,
        rotation_stddev=warp.source_rotation,
        scale_stddev=warp.source_scale,
        translation_stddev=warp.source_translation,
        warp_stddevs=warp.source_warp,
    )
    height, width = image.shape[:2]
    side = min(height, width)
    # IMM's margin of 10 and ramp of 20 pixels at 128.
    mask = warps.border_mask(
        (height, width), margin=round(side * 10 / 128), step=round(side * 20 / 128)
    )
    target = warps.warp_image(image, g_t, padding="reflect")
    source = warps.warp_image(target, g_s, padding="reflect")
    return source, target, warps.warp_image(mask, g_t)[..., 0], g_s


def as_float(images: Array) -> Float[Array, "b H W 3"]:
    """uint8 images as float32 in [0, 1]."""
    return images.astype(jnp.float32) / 255


def halves(both: Array) -> tuple[Array, Array]:
    """The first and the second image of each pair."""
    return both[: len(both) // 2], both[len(both) // 2 :]


def swap(both: Array) -> Array:
    """The pairs with their images exchanged."""
    return jnp.concatenate(halves(both)[::-1])


def _poses(code: Encoding, config: Config) -> Array:
    return code.maps if config.loss.landmarks_as == "maps" else code.landmarks


def _raw(name: str, distances: Float[Array, "b terms"]) -> dict[str, Array]:
    return {f"{name}_{term}": value for term, value in enumerate(distances.mean(0))}
