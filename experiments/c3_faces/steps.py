"""The losses of C3 training: warm-up, synthetic pairs (stage 1), L_total on photos (stage 2).

All are top-level functions with everything passed in, of the type `c3jax.training.step.LossFn`.
Images are float RGB in [0, 1]; b is the number of examples on this device. The two images of a
pair travel as one batch of 2b, source first.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax import losses, warps
from c3jax.colors import random_colors
from c3jax.models.layers import Encoding
from c3jax.training.state import TrainState
from c3jax.training.step import Aux
from experiments.c3_faces.config import Config, WarpConfig
from experiments.terms.cross_image import equivariance_term, halves, pair_terms, reconstruction_term
from experiments.terms.networks import Networks, Term, means
from experiments.terms.synthetic_pairs import as_float


def warmup_loss(
    params, state: TrainState, batch, keys, *, networks: Networks, config: Config
) -> tuple[Float[Array, " b"], Aux]:
    """Stage 1 without reconstruction and flow: landmarks learn to follow known warps.

    Differs from the paper, which has no such stage. Nothing is decoded, so that a step costs a
    third of one of stage 1.
    """
    images = as_float(batch["source"])
    source, target, _, g_s = _synthetic_pairs(keys, images, config)
    pair = (_in_other_colors(keys, n, one, config) for n, one in enumerate((source, target)))
    code, variables = networks.encode(state.variables(params), jnp.concatenate([*pair]))
    terms = _landmark_terms(code, g_s, config)
    loss = config.loss.weighted_sum(terms)
    return Term(loss, means(terms), variables, state.loss_stats).loss_and_aux()


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
    return _synthetic_terms(
        state.variables(params),
        state.loss_stats,
        as_float(batch["source"]),
        keys,
        networks=networks,
        config=config,
        equivariance=equivariance,
    ).loss_and_aux()


def unpaired_loss(
    params, state: TrainState, batch, keys, *, networks: Networks, config: Config
) -> tuple[Float[Array, " b"], Aux]:
    """Stage 2: L_total (Eq. 5) on pairs of different photos; stage 1's terms by their weight.

    Running averages of batch normalisation move with real photos (and the codes of real photos in
    the decoder) alone; the synthetic terms, where they have a weight, move them once more.
    """
    weights, photos = config.loss, as_float(batch["source"])
    pair = _joint_pairs(keys, photos, as_float(batch["target"]), config)
    images = networks.as_painted(jnp.concatenate(pair))  # or L_inv would learn to blur
    code, variables = networks.encode(state.variables(params), images)
    term = pair_terms(
        variables, state.loss_stats, images, code, networks=networks, loss=weights, flow=config.flow
    )
    if weights.synthetic:
        synthetic = _synthetic_terms(
            term.variables, term.loss_stats, photos, keys, networks=networks, config=config
        )
        loss = term.value + weights.synthetic * synthetic.value
        term = synthetic._replace(value=loss, metrics=term.metrics | synthetic.metrics)
    elif config.flow and weights.joint_flow:  # with hard T, L_total teaches W1 and W2 nothing
        flow = _flow_on_warped(term.variables, photos, keys, networks=networks, config=config)
        loss = term.value + weights.joint_flow * flow
        term = term._replace(value=loss, metrics=term.metrics | {"flow": flow.mean()})
    return term.loss_and_aux()


def _joint_pairs(keys, first, second, config: Config) -> tuple[Array, Array]:
    """The pairs of stage 2: the photos, both warped, or two warps of the first."""
    if config.joint_pairs == "photos":
        return first, second
    draws = jax.vmap(lambda key: jax.random.split(jax.random.fold_in(key, 1)))(keys)
    warped = jax.vmap(lambda key, image: _warped(key, image, config.warp)[0])
    other = second if config.joint_pairs == "warped_photos" else first
    return warped(draws[:, 0], first), warped(draws[:, 1], other)


def _synthetic_terms(
    variables, loss_stats, images, keys, *, networks, config: Config, equivariance: bool = False
) -> Term:
    """Weighted sum of the terms on synthetic pairs.

    target = photo o g_t, source = target o g_s: a landmark l of the source lies at g_s(l) in the
    target. The target is reconstructed from the source's appearance and its own pose.
    """
    source, target, mask, g_s = _synthetic_pairs(keys, images, config)
    code, variables = networks.encode(variables, jnp.concatenate([source, target]))
    reconstruction = reconstruction_term(
        variables, loss_stats, code, target, networks=networks, loss=config.loss, mask=mask
    )
    terms = {"reconstruction": reconstruction.value} | _landmark_terms(code, g_s, config)
    if config.flow:
        terms["flow"] = _flow_term(variables, code, g_s, networks=networks, config=config)
    if equivariance:
        terms["equivariance"] = equivariance_term(
            variables, code, networks=networks, loss=config.loss
        )
    loss = config.loss.weighted_sum(terms)
    return reconstruction._replace(value=loss, metrics=reconstruction.metrics | means(terms))


def _landmark_terms(code: Encoding, g_s, config: Config) -> dict[str, Array]:
    """What a known warp says of the landmarks of a synthetic pair, source first in `code`."""
    first, second = halves(
        losses.separation_hinge(code.landmarks, margin=config.loss.separation_margin)
    )
    return {
        "warp_consistency": losses.warp_consistency(*halves(code.landmarks), g_s),
        "separation": (first + second) / 2,
    }


def _flow_on_warped(variables, images, keys, *, networks, config: Config):
    """The auxiliary flow loss of warped photos."""
    source, target, _, g_s = _synthetic_pairs(keys, images, config)
    code, _ = networks.encode(variables, jnp.concatenate([source, target]))
    return _flow_term(variables, code, g_s, networks=networks, config=config)


def _flow_term(variables, code: Encoding, g_s, *, networks, config: Config):
    """Cross-entropy of the flow module's scores against the known match of the warped pair.

    In the words of `flow_cross_entropy` the unwarped image is the source: for each cell x of the
    warped image the match lies at g_s(x). It teaches the flow module alone: no gradient goes to f',
    or rows of Table 2 with flow would train N by one more loss.
    """
    warped, unwarped = halves(jax.lax.stop_gradient(code.flow_features))
    correlation = networks.correlate(variables, unwarped, warped)
    _, height, width, _ = warped.shape
    matches = warps.warp_grid(g_s, (height, width))
    return losses.flow_cross_entropy(
        correlation, matches, temperature=config.loss.match_temperature
    )


def _in_other_colors(keys, number: int, images, config: Config):
    """Images in colours that differ from one `number` to another."""
    if not config.warp.color:
        return images
    recolor = functools.partial(random_colors, strength=config.warp.color)
    keys = jax.vmap(lambda key: jax.random.fold_in(key, 1 + number))(keys)
    return jax.vmap(recolor)(keys, images)


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
    height, width = image.shape[:2]
    side = min(height, width)
    # IMM's margin of 10 and ramp of 20 pixels at 128.
    mask = warps.border_mask(
        (height, width), margin=round(side * 10 / 128), step=round(side * 20 / 128)
    )
    target = warps.warp_image(image, g_t, padding="reflect")
    source, g_s = _warped(source_key, target, warp)
    return source, target, warps.warp_image(mask, g_t)[..., 0], g_s


def _warped(key: Array, image: Float[Array, "H W 3"], warp: WarpConfig):
    """The image warped as sources are, and the warp."""
    g = warps.random_warp(
        key,
        rotation_stddev=warp.source_rotation,
        scale_stddev=warp.source_scale,
        translation_stddev=warp.source_translation,
        warp_stddevs=warp.source_warp,
    )
    return warps.warp_image(image, g, padding="reflect"), g
