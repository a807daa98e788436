"""The networks of C3: trunk N, extractors E_a and E_p, decoder D, cross-image flow module."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax.landmarks import landmark_bottleneck
from c3jax.models.flow import FlowModule
from c3jax.models.layers import ConvBlock, Initializer, normal, resize
from c3jax.models.resnet import ResNet


class Encoding(NamedTuple):
    """What the encoder says of a batch of images.

    appearance: `a = E_a(f)`, `[b, h, w, channels]`.
    logits: raw pose maps before the bottleneck, `[b, h, w, K]`.
    landmarks: `[b, K, 2]`, (x, y) in [-1, 1].
    maps: `p`, Gaussian maps at the landmarks, `[b, h, w, K]`.
    flow_features: `f'`, `[b, h', w', channels]`.
    """

    appearance: Array
    logits: Array
    landmarks: Array
    maps: Array
    flow_features: Array


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


class Decoder(nn.Module):
    """Image decoder D (C3, appendix).

    Blocks of two convolutions; each block but the first works at twice the resolution (bilinear)
    and half the channels of the one before, from `channels` down to `min_channels`, up to
    `image_shape`. A last convolution without non-linearity gives the three colours.
    """

    image_shape: tuple[int, int]
    channels: int = 256
    min_channels: int = 32
    axis_name: str | None = None
    kernel_init: Initializer = normal(None)

    @nn.compact
    def __call__(
        self,
        appearance: Float[Array, "b h w ca"],
        maps: Float[Array, "b h w k"],
        *,
        train: bool,
    ) -> Float[Array, "b h2 w2 3"]:
        outputs = jnp.concatenate([appearance, maps], axis=-1)
        height, width = outputs.shape[1:3]
        channels = self.channels
        while True:
            for _ in range(2):
                outputs = ConvBlock(
                    channels, axis_name=self.axis_name, kernel_init=self.kernel_init
                )(outputs, train=train)
            if (height, width) == tuple(self.image_shape):
                break
            height, width = (
                min(2 * height, self.image_shape[0]),
                min(2 * width, self.image_shape[1]),
            )
            outputs = resize(outputs, (height, width))
            channels = max(channels // 2, self.min_channels)
        # Images lie in [0, 1]: starting at mid-grey spares the first steps.
        return 0.5 + nn.Conv(3, (3, 3), kernel_init=self.kernel_init, name="colors")(outputs)


class C3(nn.Module):
    """Landmark model of C3 (3.1, 3.2, 4.1 and appendix of [1]).

    Args (fields):
      trunk: backbone N; maps images `[b, H, W, 3]` in [0, 1] to a dict of feature maps by stage.
      num_landmarks: K.
      landmark_stages: stages of the trunk that make up f, brought to the grid of the first and
        concatenated.
      flow_stages: the same for f'.
      appearance_channels, pose_channels: widths of E_a and E_p (256 in the paper).
      decoder_channels, min_decoder_channels: first and smallest width of D (256 and 32).
      appearance_grid: None keeps the appearance map of the paper. A number pools it to so many
        cells a side, which keeps the decoder from copying the pose out of it.
      stddev: of the Gaussian maps, in [-1, 1] units (IMM's exp(-d^2 / 0.1^2) is 0.0707).
      temperature: of the soft-argmax.
      init_stddev: standard deviation of the normal initialisation of E_a, E_p and D (0.01 in the
        paper); None for He initialisation.

    References:
      [1] Unsupervised Landmark Learning from Unpaired Data.
    """

    trunk: nn.Module
    num_landmarks: int = 10
    landmark_stages: tuple[str, ...] = ("layer4",)
    flow_stages: tuple[str, ...] = ("layer3",)
    appearance_channels: int = 256
    pose_channels: int = 256
    decoder_channels: int = 256
    min_decoder_channels: int = 32
    image_shape: tuple[int, int] = (128, 128)
    appearance_grid: int | None = None
    stddev: float = 0.0707
    temperature: float = 1.0
    init_stddev: float | None = 0.01
    flow_channels: tuple[int, ...] = (16, 16, 1)
    flow_linear: bool = False
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
        self.flow = FlowModule(channels=self.flow_channels, linear=self.flow_linear)

    def encode(self, images: Float[Array, "b H W 3"], *, train: bool = False) -> Encoding:
        """`f = N(I), a = E_a(f), p = E_p(f)` and f' (3.1, 3.2)."""
        stages = self.trunk(images, train=train)
        features = _join(stages, self.landmark_stages)
        appearance = self.appearance(features, train=train)
        if self.appearance_grid is not None:
            appearance = _pool(appearance, self.appearance_grid)
        logits = self.pose_logits(self.pose(features, train=train))
        landmarks, maps = landmark_bottleneck(
            logits, stddev=self.stddev, temperature=self.temperature
        )
        return Encoding(appearance, logits, landmarks, maps, _join(stages, self.flow_stages))

    def decode(
        self,
        appearance: Float[Array, "b h w c"],
        maps: Float[Array, "b h w k"],
        *,
        train: bool = False,
    ) -> Float[Array, "b H W 3"]:
        """`I = D(a, p)` (3.1)."""
        return self.decoder(appearance, maps, train=train)

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


def from_config(config: dict[str, Any]) -> C3:
    """The model of a JSON-like dict: fields of `C3`, with `trunk` the fields of its `ResNet`.

    Raises:
      ValueError: an unknown field.
    """
    fields = {name: tuple(v) if isinstance(v, list) else v for name, v in config.items()}
    trunk = {
        name: tuple(v) if isinstance(v, list) else v for name, v in fields.pop("trunk").items()
    }
    try:
        return C3(trunk=ResNet(**trunk), **fields)
    except TypeError as error:
        raise ValueError(f"the model configuration does not fit: {error}") from error


def _join(stages: dict[str, Array], names: tuple[str, ...]) -> Array:
    """Feature maps of several stages on the grid of the first, concatenated."""
    shape = stages[names[0]].shape[1:3]
    return jnp.concatenate([resize(stages[name], shape) for name in names], axis=-1)


def _pool(maps: Array, cells: int) -> Array:
    """Average over `cells` x `cells` regions, spread out again to the grid of `maps`."""
    height, width = maps.shape[1:3]
    if height % cells or width % cells:
        raise ValueError(
            f"appearance_grid {cells} does not divide the feature map {height}x{width}"
        )
    pooled = nn.avg_pool(maps, (height // cells, width // cells), (height // cells, width // cells))
    return resize(pooled, (height, width))
