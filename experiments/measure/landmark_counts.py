"""Short trainings of landmarks on features that a frozen trunk has computed once.

The losses of C3's warm-up, on fixed warps: landmarks follow them, and keep apart.
"""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from c3jax import losses
from c3jax.colors import random_colors
from c3jax.models.layers import join_stages
from c3jax.splines import ThinPlateSpline, apply_warp, warp_image
from c3jax.tools.measure.networks import apply_in_batches
from c3jax.training.state import TrainState, init_state
from c3jax.training.step import Aux
from c3jax.warps import random_warp
from experiments.engine import loop
from experiments.engine.networks import Variables
from experiments.engine.stages import make_stage
from experiments.terms.cross_image import halves
from experiments.terms.networks import apply_training, means

LEARN = ("pose", "pose_logits")  # the networks behind the trunk that landmarks come from


@dataclass(frozen=True)
class Views:
    """Features of warped copies of photos.

    features: float16 `[n, V, h, w, c]`.
    warps: of each copy, copy(x) = photo(g(x)), with batch axes `[n, V]`.
    """

    features: np.ndarray
    warps: ThinPlateSpline

    @property
    def num_train(self) -> int:
        """Photos."""
        return len(self.features)

    def batches(self, *, batch_size: int, seed: int, start_step: int = 0) -> Iterator[dict]:
        """Endless batches of two copies each of random photos, `source` and `target`."""
        for step in itertools.count(start_step):
            rng = np.random.default_rng([seed, step])
            photos = rng.integers(len(self.features), size=batch_size)
            every = np.tile(np.arange(self.features.shape[1]), (batch_size, 1))
            batch = {}
            for name, copy in zip(
                ("source", "target"), rng.permuted(every, axis=1).T, strict=False
            ):
                batch[name] = self.features[photos, copy]
                batch[f"{name}_affine"] = self.warps.affine[photos, copy]
                batch[f"{name}_weights"] = self.warps.weights[photos, copy]
            yield batch


def make_views(
    network: nn.Module, variables: Any, photos: np.ndarray, count: int, warp: Any, *, seed: int
) -> Views:
    """What the trunk of a network sees in warped copies of photos in other colours.

    Args:
      network: with a `trunk`, and the `landmark_stages` of it that are seen.
      variables: of the network, at least the trunk's.
      photos: uint8 `[n, S, S, 3]`.
      count: copies of each photo.
      warp: deviations of the warps, `source_*`, and strength of the colours.
      seed: of both.
    """
    keys: Any = jax.random.split(jax.random.key(seed), (len(photos), count))
    look = functools.partial(_look_at_copies, warp=warp)
    return Views(*apply_in_batches(network, variables, look, photos, keys, size=1))


def learn(network: nn.Module, variables: Any, views: Views, config: Any, folder: Path) -> Variables:
    """Trains what reads landmarks from the features, or goes on in `folder`.

    Args:
      network: with an `extract`.
      variables: at step 0.
      views: to train on.
      config: an experiment's, for its stage `warmup` and the weights of its losses.
      folder: for checkpoints and logged losses.
    """
    loss = functools.partial(warp_loss, network=network, weights=config.loss)
    stage = make_stage(config, "warmup", views, loss, seed=config.seed)
    frozen = tuple(variables["params"].keys() - set(LEARN))
    variables = jax.tree.map(jnp.copy, variables)  # the step donates its state
    state, _ = loop.train(
        [stage],
        init_state(variables, optimizer=stage.optimizer, loss_stats={}, frozen=frozen),
        folder=folder,
        seed=config.seed,
        log_every=config.log_every,
        checkpoint_every=config.checkpoint_every,
        check_every=config.check_every,
        check=lambda state: [],
        devices=jax.local_devices()[:1],
    )
    return state.variables()


def warp_loss(params, state: TrainState, batch, keys, *, network: nn.Module, weights: Any):
    """Two copies of a photo: landmarks of both lie at the same places of it, and keep apart."""
    features = jnp.concatenate([batch["source"], batch["target"]]).astype(jnp.float32)
    inputs = (state.variables(params), features, features)
    code, variables = apply_training(network, *inputs, method="extract")
    source, target = (
        ThinPlateSpline(batch[f"{name}_affine"], batch[f"{name}_weights"])
        for name in ("source", "target")
    )
    first, second = halves(code.landmarks)
    apart = losses.separation_hinge(code.landmarks, margin=weights.separation_margin)
    terms = {
        "warp_consistency": losses.warp_consistency(first, apply_warp(target, second), source),
        "separation": sum(halves(apart)) / 2,
    }
    aux = Aux(means(terms), variables["batch_stats"], state.loss_stats)
    return weights.weighted_sum(terms), aux


def _look_at_copies(network, photos, keys, *, warp):
    """Features `[b, V, h, w, c]` of copies of photos `[b, S, S, 3]`, keys `[b, V]`; the warps."""

    def copy(key, photo):
        warp_key, color_key = jax.random.split(key)
        g = random_warp(
            warp_key,
            rotation_stddev=warp.source_rotation,
            scale_stddev=warp.source_scale,
            translation_stddev=warp.source_translation,
            warp_stddevs=warp.source_warp,
        )
        seen = warp_image(photo, g, padding="reflect")
        return random_colors(color_key, seen, strength=warp.color), g

    copies, g = jax.vmap(jax.vmap(copy, (0, None)))(keys, photos)
    stages = network.trunk(copies.reshape(-1, *photos.shape[1:]))
    features = join_stages(stages, network.landmark_stages)
    return features.reshape(*keys.shape, *features.shape[1:]).astype(jnp.float16), g
