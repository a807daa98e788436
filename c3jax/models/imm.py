"""IMM of Jakab et al., the baseline that C3 starts from and is compared with ("Cond." there)."""

from functools import partial

import flax.linen as nn
from jaxtyping import Array

from c3jax._shapes import Correlation, Features, Images, Landmarks, Source, Target
from c3jax.correlation import correlation_4d
from c3jax.landmarks import (
    gaussian_maps,
    heatmap_spread,
    marginal_soft_argmax,
    spatial_softmax,
)
from c3jax.models.layers import (
    AppearancePose,
    ConvBlock,
    Encoding,
    Initializer,
    Located,
    normal,
)


class Encoder(nn.Module):
    """Pairs of convolutions; each pair but the first halves the resolution.

    7x7 and 3x3 at full resolution, then 3x3 at stride 2 and 3x3; batch normalisation and ReLU
    after each. `[b, H, W, 3]` becomes `[b, H / 2^(n - 1), W / 2^(n - 1), widths[-1]]` for n widths.
    """

    computes_in_input_dtype = True  # in training, see `c3jax.training.precision`
    widths: tuple[int, ...] = (32, 64, 128, 256)
    axis_name: str | None = None
    kernel_init: Initializer = normal(None)

    @nn.compact
    def __call__(self, images: Images, *, train: bool) -> Features:
        block = partial(ConvBlock, axis_name=self.axis_name, kernel_init=self.kernel_init)
        outputs = images
        for level, width in enumerate(self.widths):
            first = (3, 2) if level else (7, 1)  # size and stride
            for size, stride in (first, (3, 1)):
                outputs = block(width, size, stride)(outputs, train=train)
        return outputs


class IMM(AppearancePose):
    """Landmarks through conditional image generation [1], with the methods of `c3jax.models.c3.C3`.

    Appearance and pose have an encoder of their own, without pretraining. Landmarks are
    `marginal_soft_argmax` of the pose encoder's K maps, the renderer is `Decoder`. There is no
    cross-image flow module: `correlate` is the plain cosine correlation of the pose encoder's
    features.

    Differs from [1]: both encoders see both images of a pair, which matters to the statistics of
    batch normalisation alone; maps are doubled in size with half-pixel centres.

    Args (fields), beside those of `AppearancePose`:
      encoder_widths: channels of each pair of convolutions of both encoders.

    References:
      [1] Jakab, Gupta, Bilen, Vedaldi. Unsupervised learning of object landmarks through
          conditional image generation. NeurIPS 2018.
    """

    encoder_widths: tuple[int, ...] = (32, 64, 128, 256)

    last_convolutions = 1

    def setup(self):
        super().setup()
        self.appearance = Encoder(self.encoder_widths, **self._blocks())
        self.pose = Encoder(self.encoder_widths, **self._blocks())

    def encode(self, images: Images, *, train: bool = False) -> Encoding:
        """Appearance, landmarks and their Gaussian maps; `flow_features` are the pose encoder's."""
        appearance = self._pooled(self.appearance(images, train=train))
        features = self.pose(images, train=train)
        logits = self.pose_logits(features)
        landmarks = marginal_soft_argmax(logits, temperature=self.temperature)
        maps = gaussian_maps(landmarks, logits.shape[1:3], stddev=self.stddev)
        return Encoding(appearance, logits, landmarks, maps, features)

    def landmarks(self, images: Images) -> Landmarks:
        """Landmarks of images, (x, y) in [-1, 1]."""
        return self.encode(images).landmarks

    def locate(self, images: Images) -> Located:
        """Landmarks of images and how unsure they are, by the product of both marginal maps."""
        code = self.encode(images)
        means = (code.logits.mean(axis, keepdims=True) for axis in (1, 2))
        along_x, along_y = (spatial_softmax(m, temperature=self.temperature) for m in means)
        features = code.flow_features.mean((1, 2))
        return Located(code.landmarks, heatmap_spread(along_x * along_y), features)

    def correlate(self, source: Source, target: Target) -> Correlation:
        """Cosines of the pose encoder's features: nothing here is learned."""
        return correlation_4d(source, target)

    def __call__(self, images: Images, *, train: bool = False) -> Array:
        """Reconstruction of the images from themselves; touches every parameter (for `init`)."""
        encoding = self.encode(images, train=train)
        return self.decode(encoding.appearance, encoding.maps, train=train)
