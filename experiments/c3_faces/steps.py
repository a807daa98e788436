"""The losses of C3 training: warm-up, synthetic pairs (stage 1), L_total on photos (stage 2).

All are top-level functions with everything passed in, of the type `c3jax.training.step.LossFn`.
Images are float RGB in [0, 1]; b is the number of examples on this device. The two images of a
pair travel as one batch of 2b, source first.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax import losses, warps
from c3jax.models.layers import Encoding
from c3jax.training.state import TrainState
from c3jax.training.step import Aux
from experiments.c3_faces.config import Config, WarpConfig
from experiments.terms.cross_image import (
    Networks,
    equivariance_term,
    halves,
    pair_terms,
    reconstruction_term,
)


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
    loss_stats = dict(state.loss_stats)
    loss, metrics, _, variables, loss_stats["cycle"] = pair_terms(
        variables, images, loss_stats["cycle"], networks=networks, loss=weights, flow=config.flow
    )
    batch_stats = variables["batch_stats"]
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


def _synthetic_terms(
    variables, images, keys, running_mean, *, networks, config: Config, equivariance: bool = False
):
    """Weighted sum of the terms on synthetic pairs, metrics, batch statistics, running means.

    target = photo o g_t, source = target o g_s: a landmark l of the source lies at g_s(l) in the
    target. The target is reconstructed from the source's appearance and its own pose.
    """
    source, target, mask, g_s = _synthetic_pairs(keys, images, config)
    code, batch_stats = networks.encode(variables, jnp.concatenate([source, target]))
    variables = {**variables, "batch_stats": batch_stats}
    distance, batch_stats, running_mean, raw = reconstruction_term(
        variables, code, target, running_mean, networks=networks, loss=config.loss, mask=mask
    )
    terms = {"reconstruction": distance} | _landmark_terms(code, g_s, config)
    if config.flow:
        terms["flow"] = _flow_term(variables, code, g_s, networks=networks, config=config)
    if equivariance:
        terms["equivariance"] = equivariance_term(
            variables, code, networks=networks, loss=config.loss
        )
    loss, metrics = _weighted(terms, config)
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
