"""The networks of C3: trunk N, extractors E_a and E_p, decoder D, cross-image flow module."""

import flax.linen as nn
from jaxtyping import Array, Float

from c3jax.landmarks import landmark_bottleneck
from c3jax.models.flow import FlowModule
from c3jax.models.layers import (
    ConvBlock,
    Decoder,
    Encoding,
    Initializer,
    join_stages,
    normal,
    pool,
)


class Extractor(nn.Module):
    """Two stacked 3x3 convolutions with ReLU (C3 4.1), with batch normalisation as in IMM."""

    channels: int = 256
    axis_name: str | None = None
    kernel_init: Initializer = normal(None)

    @nn.compact
    def __call__(self, features: Float[Array, "b h w c"], *, train: bool) -> Array:
        for _ in range(2):
            features = ConvBlock(
                self.channels, axis_name=self.axis_name, kernel_init=self.kernel_init
            )(features, train=train)
        return features


class LandmarkNetworks(nn.Module):
    """E_a, E_p and D of C3 (3.1, 4.1 and appendix of [1]), on the features of a trunk.

    Args (fields):
      num_landmarks: K.
      appearance_channels, pose_channels: widths of E_a and E_p (256 in the paper).
      decoder_channels, min_decoder_channels: first and smallest width of D (256 and 32).
      appearance_grid: None keeps the appearance map of the paper. A number pools it to so many
        cells a side, which keeps the decoder from copying the pose out of it.
      image_shape: (height, width) of the decoded images.
      stddev: of the Gaussian maps, in [-1, 1] units (IMM's exp(-d^2 / 0.1^2) is 0.0707).
      temperature: of the soft-argmax.
      init_stddev: standard deviation of the normal initialisation of E_a, E_p and D (0.01 in the
        paper); None for He initialisation.
      axis_name: mapped axis that batch statistics are averaged over; None is per device.

    References:
      [1] Unsupervised Landmark Learning from Unpaired Data.
    """

    num_landmarks: int = 10
    appearance_channels: int = 256
    pose_channels: int = 256
    decoder_channels: int = 256
    min_decoder_channels: int = 32
    image_shape: tuple[int, int] = (128, 128)
    appearance_grid: int | None = None
    stddev: float = 0.0707
    temperature: float = 1.0
    init_stddev: float | None = 0.01
    axis_name: str | None = None

    def setup(self):
        init = normal(self.init_stddev)
        common = {"axis_name": self.axis_name, "kernel_init": init}
        self.appearance = Extractor(self.appearance_channels, **common)
        self.pose = Extractor(self.pose_channels, **common)
        self.pose_logits = nn.Conv(self.num_landmarks, (1, 1), kernel_init=init)
        self.decoder = Decoder(
            self.image_shape, self.decoder_channels, self.min_decoder_channels, **common
        )

    def extract(
        self,
        features: Float[Array, "b h w c"],
        flow_features: Float[Array, "b h2 w2 c2"],
        *,
        train: bool = False,
    ) -> Encoding:
        """`a = E_a(f), p = E_p(f)` of features f, beside the f' of the same images (3.1)."""
        appearance = self.appearance(features, train=train)
        if self.appearance_grid is not None:
            appearance = pool(appearance, self.appearance_grid)
        logits = self.pose_logits(self.pose(features, train=train))
        landmarks, maps = landmark_bottleneck(
            logits, stddev=self.stddev, temperature=self.temperature
        )
        return Encoding(appearance, logits, landmarks, maps, flow_features)

    def decode(
        self,
        appearance: Float[Array, "b h w c"],
        maps: Float[Array, "b h w k"],
        *,
        train: bool = False,
    ) -> Float[Array, "b H W 3"]:
        """`I = D(a, p)` (3.1)."""
        return self.decoder(appearance, maps, train=train)


class C3(LandmarkNetworks, kw_only=True):
    """Landmark model of C3 (3.1, 3.2, 4.1 and appendix of [1]).

    Args (fields), beside those of `LandmarkNetworks`:
      trunk: backbone N; maps images `[b, H, W, 3]` in [0, 1] to a dict of feature maps by stage.
      landmark_stages: stages of the trunk that make up f, brought to the grid of the first and
        concatenated.
      flow_stages: the same for f'.
      flow_channels, flow_linear: as in `FlowModule`.

    References:
      [1] Unsupervised Landmark Learning from Unpaired Data.
    """

    trunk: nn.Module
    landmark_stages: tuple[str, ...] = ("layer4",)
    flow_stages: tuple[str, ...] = ("layer3",)
    flow_channels: tuple[int, ...] = (16, 16, 1)
    flow_linear: bool = False

    def setup(self):
        super().setup()
        self.flow = FlowModule(channels=self.flow_channels, linear=self.flow_linear)

    def encode(self, images: Float[Array, "b H W 3"], *, train: bool = False) -> Encoding:
        """`f = N(I), a = E_a(f), p = E_p(f)` and f' (3.1, 3.2)."""
        stages = self.trunk(images, train=train)
        features = join_stages(stages, self.landmark_stages)
        return self.extract(features, join_stages(stages, self.flow_stages), train=train)

    def correlate(
        self, source: Float[Array, "b hs ws c"], target: Float[Array, "b ht wt c"]
    ) -> Float[Array, "b hs ws ht wt"]:
        """Refined correlation of two maps f' (Eq. 3)."""
        return self.flow(source, target)

    def __call__(self, images: Float[Array, "b H W 3"], *, train: bool = False) -> Array:
        """Reconstruction of the images from themselves; touches every parameter (for `init`)."""
        encoding = self.encode(images, train=train)
        self.correlate(encoding.flow_features, encoding.flow_features)
        return self.decode(encoding.appearance, encoding.maps, train=train)
