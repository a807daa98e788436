"""The networks of C3: trunk N, extractors E_a and E_p, decoder D, cross-image flow module."""

from functools import partial

import flax.linen as nn
from jaxtyping import Array, Float

from c3jax._shapes import Correlation, Features, Images, Landmarks, Source, Target
from c3jax.landmarks import heatmap_spread, landmark_bottleneck, spatial_softmax
from c3jax.models.flow import FlowModule
from c3jax.models.layers import (
    AppearancePose,
    ConvBlock,
    Encoding,
    Initializer,
    Located,
    average_stages,
    join_stages,
    normal,
    resize,
)


class Extractor(nn.Module):
    """Two stacked 3x3 convolutions with ReLU (C3 4.1), with batch normalisation as in IMM."""

    computes_in_input_dtype = True  # in training, see `c3jax.training.precision`
    channels: int = 256
    axis_name: str | None = None
    kernel_init: Initializer = normal(None)

    @nn.compact
    def __call__(self, features: Features, *, train: bool) -> Array:
        block = partial(ConvBlock, axis_name=self.axis_name, kernel_init=self.kernel_init)
        for _ in range(2):
            features = block(self.channels)(features, train=train)
        return features


class LandmarkNetworks(AppearancePose):
    """E_a, E_p and D of C3 (3.1, 4.1 and appendix of [1]), on the features of a trunk.

    Args (fields), beside those of `AppearancePose`:
      appearance_channels, pose_channels: widths of E_a and E_p (in the paper 256 for E_a, and
        "a similar structure" for E_p).

    References:
      [1] Unsupervised Landmark Learning from Unpaired Data.
    """

    appearance_channels: int = 256
    pose_channels: int = 256

    def setup(self):
        super().setup()
        self.appearance = Extractor(self.appearance_channels, **self._blocks())
        self.pose = Extractor(self.pose_channels, **self._blocks())

    def extract(
        self, features: Features, flow_features: Float[Array, "b h2 w2 c2"], *, train: bool = False
    ) -> Encoding:
        """`a = E_a(f), p = E_p(f)` of features f, beside the f' of the same images (3.1)."""
        appearance = self._pooled(self.appearance(features, train=train))
        logits = self.pose_logits(self.pose(features, train=train))
        landmarks, maps = landmark_bottleneck(
            logits, stddev=self.stddev, temperature=self.temperature
        )
        return Encoding(appearance, logits, landmarks, maps, flow_features)


class C3(LandmarkNetworks, kw_only=True):
    """Landmark model of C3 (3.1, 3.2, 4.1 and appendix of [1]).

    Args (fields), beside those of `LandmarkNetworks`:
      trunk: backbone N; maps images `[b, H, W, 3]` in [0, 1] to a dict of feature maps by stage.
      trunk_size: side that pictures are brought to before the trunk sees them; None leaves them as
        they are, as the papers do. Small pictures get finer maps of deep stages so.
      landmark_stages: stages of the trunk that make up f, brought to the grid of the first and
        concatenated.
      flow_stages: the same for f'.
      flow_channels, flow_linear, flow_start, flow_mutual, flow_symmetric: as in `FlowModule`.

    References:
      [1] Unsupervised Landmark Learning from Unpaired Data.
    """

    trunk: nn.Module
    trunk_size: int | None = None
    landmark_stages: tuple[str, ...] = ("layer4",)
    flow_stages: tuple[str, ...] = ("layer3",)
    flow_channels: tuple[int, ...] = (16, 16, 1)
    flow_linear: bool = False
    flow_start: str = "gaussian"
    flow_mutual: bool = True
    flow_symmetric: bool = True

    def setup(self):
        super().setup()
        self.flow = FlowModule(
            channels=self.flow_channels,
            linear=self.flow_linear,
            start=self.flow_start,
            mutual=self.flow_mutual,
            symmetric=self.flow_symmetric,
        )

    def encode(self, images: Images, *, train: bool = False) -> Encoding:
        """`f = N(I), a = E_a(f), p = E_p(f)` and f' (3.1, 3.2)."""
        return self._encode(self._stages(images, train=train), train=train)

    def landmarks(self, images: Images) -> Landmarks:
        """Landmarks of images, (x, y) in [-1, 1]."""
        return self.encode(images).landmarks

    def locate(self, images: Images) -> Located:
        """Landmarks of images and how unsure they are."""
        stages = self._stages(images)
        code = self._encode(stages)
        maps = spatial_softmax(code.logits, temperature=self.temperature)
        features = average_stages(stages, self.landmark_stages)
        return Located(code.landmarks, heatmap_spread(maps), features)

    def _stages(self, images, *, train=False):
        if self.trunk_size is not None:
            images = resize(images, (self.trunk_size,) * 2)
        return self.trunk(images, train=train)

    def _encode(self, stages, *, train=False):
        features = join_stages(stages, self.landmark_stages)
        return self.extract(features, join_stages(stages, self.flow_stages), train=train)

    def correlate(self, source: Source, target: Target) -> Correlation:
        """Refined correlation of two maps f' (Eq. 3)."""
        return self.flow(source, target)

    def __call__(self, images: Images, *, train: bool = False) -> Array:
        """Reconstruction of the images from themselves; touches every parameter (for `init`)."""
        encoding = self.encode(images, train=train)
        self.correlate(encoding.flow_features, encoding.flow_features)
        return self.decode(encoding.appearance, encoding.maps, train=train)
