"""The networks of JLAD: trunk W_F, alignment W_A, uncertainty W_C and landmark decoder W_D."""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from c3jax._shapes import Features, Images, Landmarks
from c3jax.coordinates import grid
from c3jax.correlation import l2_normalize
from c3jax.landmarks import channel_softmax, heatmap_centroids, heatmap_spread
from c3jax.models.layers import (
    ConvBlock,
    Located,
    average_stages,
    join_stages,
    normal,
    resize,
)
from c3jax.models.reading import Read
from c3jax.sampling import warp
from c3jax.windows import local_correlation, window_scores

# Fields start near the identity and sigma near 1.
NEAR_ZERO = normal(1e-3)
WITHIN_A_CELL = 1 / 6  # variance of a place that is uniform in a cell, in x and y together


class Detection(NamedTuple):
    """What the landmark detection says of a batch of images.

    Attributes:
      features: F, of unit length, `[b, h, w, channels]`.
      logits: phi, channel 0 the background, `[b, h, w, K + 1]`.
      maps: psi of the landmarks, `[b, h, w, K]`.
      landmarks: hat psi, `[b, K, 2]`, (x, y) in [-1, 1].
    """

    features: Array
    logits: Array
    maps: Array
    landmarks: Array


class Alignment(NamedTuple):
    """What the semantic alignment says of pairs, on the source grid.

    Attributes:
      tau: `[b, h, w, 2]`, target locations.
      log_sigma: `[b, h, w, 1]`; zeros without uncertainty.
    """

    tau: Array
    log_sigma: Array


class FlowNet(nn.Module):
    """Encoder-decoder from similarities in windows to a residual flow, W_A of [1].

    The first convolution keeps the resolution, each further one of the encoder halves it; the
    decoder doubles it and joins the encoder's map of that resolution. ReLU, no normalisation.

    Args (fields):
      channels: of the encoder at each resolution.
      kernel_size: side of the first and the last kernel; those between are 3x3.

    Returns:
      flow `[b, h, w, 2]`, (x, y) in cells.
    """

    computes_in_input_dtype = True  # in training, see `c3jax.training.precision`
    channels: tuple[int, ...] = (64, 128, 256, 512)
    kernel_size: int = 9

    @nn.compact
    def __call__(self, similarity: Float[Array, "b h w d"]) -> Float[Array, "b h w 2"]:
        first, *deeper = self.channels
        outputs = _block(first, self.kernel_size)(similarity, train=False)
        skipped = []
        for channels in deeper:
            skipped.append(outputs)
            outputs = _block(channels, stride=2)(outputs, train=False)
        for skip in reversed(skipped):
            outputs = jnp.concatenate([resize(outputs, skip.shape[1:3]), skip], axis=-1)
            outputs = _block(skip.shape[-1])(outputs, train=False)
        size = (self.kernel_size, self.kernel_size)
        return nn.Conv(2, size, kernel_init=NEAR_ZERO, name="flow")(outputs)


class Head(nn.Module):
    """3x3 convolutions with ReLU, then one of the outputs: W_C and W_D of [1].

    Args (fields):
      outputs: channels of the result.
      channels: of the convolutions before.
    """

    computes_in_input_dtype = True  # in training, see `c3jax.training.precision`
    outputs: int
    channels: tuple[int, ...]

    @nn.compact
    def __call__(self, inputs: Features) -> Float[Array, "b h w {self.outputs}"]:
        for channels in self.channels:
            inputs = _block(channels)(inputs, train=False)
        return nn.Conv(self.outputs, (1, 1), kernel_init=NEAR_ZERO, name="out")(inputs)


class JLAD(nn.Module):
    """Joint model of semantic alignment and landmark detection (3.2 of [1]).

    Parameters stand in four groups: `trunk` is W_F, `alignment` W_A, `uncertainty` W_C and
    `detection` W_D. The paper leaves open: the layers of W_A, W_C and W_D. It prints the size of
    the image for F, tau, sigma and phi alike; here all have the grid of the features.
    Differs from [1]: the layers see similarities less their mean over the window.

    Args (fields):
      trunk: maps images `[b, H, W, 3]` in [0, 1] to a dict of feature maps by stage; in [1]
        ResNet-101 up to layer3 ('conv4-23'), here at stride 8.
      num_landmarks: K, how many.
      stages: stages of the trunk that make up F, brought to the grid of the first, each at unit
        length where there are several, and concatenated.
      radius: of the windows, in cells.
      alignment_channels, alignment_kernel: as in `FlowNet`.
      uncertainty_channels, detection_channels: of the convolutions of W_C and W_D.
      with_uncertainty: False is "wo/UM" of [1]: no W_C, sigma is 1.
      with_self_similarity: False is "wo/SS": W_D sees the features alone.
      iterations: 1 is [1]. More correlate the source with the target warped by the field so far
        and add to it, so that matches beyond the window come within reach.
      start_temperature: None is [1]: W_A and W_C regress field and uncertainty from nothing. With
        one, they add to the mean and to the logarithm of the standard deviation (in cells) of the
        match in the window, by the softmax of Eq. 3's similarities over it.
      uncertainty_of_features: False is [1]. True: W_C sees the source's features too, which tell an
        object's outline where similarities do not.

    References:
      [1] Joint Learning of Semantic Alignment and Object Landmark Detection (JLAD).
    """

    trunk: nn.Module
    num_landmarks: int = 10
    stages: tuple[str, ...] = ("layer3",)
    radius: int = 5
    alignment_channels: tuple[int, ...] = (64, 128, 256, 512)
    alignment_kernel: int = 9
    uncertainty_channels: tuple[int, ...] = (128, 64)
    detection_channels: tuple[int, ...] = (256, 256)
    with_uncertainty: bool = True
    with_self_similarity: bool = True
    iterations: int = 1
    start_temperature: float | None = None
    uncertainty_of_features: bool = False

    def setup(self):
        self.alignment = FlowNet(self.alignment_channels, self.alignment_kernel)
        self.detection = Head(self.num_landmarks + 1, self.detection_channels)
        if self.with_uncertainty:
            self.uncertainty = Head(1, self.uncertainty_channels)

    def encode(self, images: Images, *, train: bool = False) -> Detection:
        """Features, landmark maps and landmarks of images, Eq. 4 and 5."""
        return self.detect(self._joined(self.trunk(images, train=train)))

    def detect(self, features: Features) -> Detection:
        """Landmarks of features of unit length."""
        inputs = _of_unit_variance(features)
        if self.with_self_similarity:
            inputs = jnp.concatenate([inputs, self._similarity(features, features)], axis=-1)
        logits = self.detection(inputs)
        maps = channel_softmax(logits)
        return Detection(features, logits, maps, heatmap_centroids(maps))

    def align(self, source: Features, target: Features) -> Alignment:
        """Field and uncertainty of two maps of features, from their similarity C^st (Eq. 3)."""
        count, height, width, _ = source.shape
        tau = jnp.broadcast_to(grid((height, width), dtype=source.dtype), (count, height, width, 2))
        # From cells to the unit of the points.
        unit = 2 / jnp.array([max(width - 1, 1), max(height - 1, 1)], source.dtype)
        similarity = self._similarity(source, target)
        for iteration in range(self.iterations):
            if iteration > 0:
                similarity = self._similarity(source, warp(target, tau, padding="clamp"))
            match, log_spread = self._start(similarity)
            tau = tau + unit * (match + self.alignment(similarity))
        if not self.with_uncertainty:
            return Alignment(tau, jnp.zeros_like(tau[..., :1]))
        if self.uncertainty_of_features:
            similarity = jnp.concatenate([similarity, _of_unit_variance(source)], axis=-1)
        return Alignment(tau, log_spread + self.uncertainty(similarity))

    def features(self, images: Images) -> Features:
        """Features of unit length, which are matched."""
        return self.encode(images).features

    def landmarks(self, images: Images) -> Landmarks:
        """Landmarks of images, (x, y) in [-1, 1]."""
        return self.encode(images).landmarks

    def locate(self, images: Images) -> Located:
        """Landmarks of images and how unsure they are."""
        stages = self.trunk(images, train=False)
        found = self.detect(self._joined(stages))
        features = average_stages(stages, self.stages)
        return Located(found.landmarks, heatmap_spread(found.maps), features)

    def match(self, source: Images, target: Images) -> Read:
        """Matches of pairs of images: the field from the source is T^{j->i}, the other T^{i->j}."""
        features = self.features(jnp.concatenate([source, target]))
        others = jnp.concatenate(jnp.split(features, 2)[::-1])
        tau, log_sigma = self.align(features, others)
        maps = [tau, jax.nn.sigmoid(-log_sigma[..., 0])]
        if self.with_uncertainty:
            maps.append(jnp.exp(log_sigma[..., 0]))
        return Read(*(side for both in maps for side in jnp.split(both, 2)))

    def __call__(
        self, source: Images, target: Images, *, train=False
    ) -> tuple[Alignment, Detection, Detection]:
        """Alignment of pairs, and the landmarks of their sources and targets.

        Both images of a pair are in one batch, so that batch statistics of the trunk are of both.
        """
        both = self.encode(jnp.concatenate([source, target]), train=train)
        of_source, of_target = (
            jax.tree.map(lambda leaf, side=side: jnp.split(leaf, 2)[side], both) for side in (0, 1)
        )
        return self.align(of_source.features, of_target.features), of_source, of_target

    def _joined(self, stages):
        several = len(self.stages) > 1
        return l2_normalize(join_stages(stages, self.stages, normalize=several))

    def _start(self, similarity):
        """Mean and log standard deviation of the match in the window, in cells; or zeros."""
        if self.start_temperature is None:
            return 0.0, 0.0
        temperature = self.start_temperature * math.sqrt(similarity.shape[-1])  # of unit variance
        scores = window_scores(similarity, temperature=temperature)
        along = np.arange(-self.radius, self.radius + 1, dtype=np.float32)
        offsets = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)  # (x, y)
        mean = scores @ offsets
        squared = jnp.sum((mean[..., None, :] - offsets) ** 2, axis=-1)
        variance = jnp.sum(scores * squared, axis=-1, keepdims=True) + WITHIN_A_CELL
        return mean, jnp.log(variance) / 2

    def _similarity(self, source, target):
        """Eq. 3 as the layers take it: cosines are all positive, and only their contrast tells.

        Cells outside the picture, of similarity 0, count in the mean: a cue of where the edge is.
        They stay, since without them the layers of trained models would see other numbers.
        """
        similarity = _of_unit_variance(local_correlation(source, target, radius=self.radius))
        return similarity - similarity.mean(-1, keepdims=True)


def _block(channels, kernel_size=3, stride=1):
    return ConvBlock(channels, kernel_size, stride, normalize=False)


def _of_unit_variance(vectors):
    """Vectors of unit length with channels of unit variance, as the initialisation expects them."""
    return vectors * math.sqrt(vectors.shape[-1])
