"""The semantic aligner: a trunk and the module that refines the correlation of its features."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax._shapes import Correlation, Features, Images, Source, Target
from c3jax.models.c3 import LandmarkNetworks
from c3jax.models.layers import Encoding, join_stages
from c3jax.models.reading import Read, Reading


class Aligner(nn.Module):
    """Features f' of a trunk and their refined correlation (C3 3.2 and 4.4 of [1]).

    Args (fields):
      trunk: backbone N; maps images `[b, H, W, 3]` in [0, 1] to a dict of feature maps by stage.
      flow: from two feature maps to their refined correlation, a `FlowModule` or an `NCNet`.
      stages: stages of the trunk that make up f', brought to the grid of the first, each at unit
        length where there are several, and concatenated.

    References:
      [1] Unsupervised Landmark Learning from Unpaired Data (C3).
    """

    trunk: nn.Module
    flow: nn.Module
    stages: tuple[str, ...] = ("layer3",)

    def features(self, images: Images, *, train: bool = False) -> Features:
        """f' of images."""
        several = len(self.stages) > 1
        return join_stages(self.trunk(images, train=train), self.stages, normalize=several)

    def correlate(self, source: Source, target: Target) -> Correlation:
        """Refined correlation of two maps f' (Eq. 3)."""
        return self.flow(source, target)

    def match(self, source: Images, target: Images, *, reading: Reading | None = None) -> Read:
        """Matches of pairs of images in both directions, read from the refined correlation."""
        features = self.features(jnp.concatenate([source, target]))
        return (reading or Reading()).read(self.correlate(*jnp.split(features, 2)))

    def __call__(self, source: Images, target: Images, **options) -> Correlation:
        """Refined correlation of two images."""
        return self.correlate(self.features(source, **options), self.features(target, **options))


class LandmarkAligner(Aligner, kw_only=True):
    """An aligner with landmark networks on its trunk, C3's "with landmarks" (4.4 of [1]).

    E_a, E_p and D stand in the group `landmarks` of the parameters; trunk and flow module are those
    of an `Aligner`, which reads the same variables.
    Differs from [1]: there E_a and E_p see f, the last block (3.1, 4.1). Here they see f', so that
    landmark maps have the grid of the transformation maps.

    Args (fields), beside those of `Aligner`:
      landmarks: E_a, E_p and D.

    References:
      [1] Unsupervised Landmark Learning from Unpaired Data (C3).
    """

    landmarks: LandmarkNetworks

    def encode(self, images: Images, *, train: bool = False) -> Encoding:
        """Appearance, landmarks and their maps, and f' of images."""
        features = self.features(images, train=train)
        return self.landmarks.extract(features, features, train=train)

    def decode(
        self, appearance: Features, maps: Float[Array, "b h w k"], *, train: bool = False
    ) -> Images:
        """The image with this appearance and this pose."""
        return self.landmarks.decode(appearance, maps, train=train)

    def __call__(self, source: Images, target: Images, **options) -> Correlation:
        """Refined correlation of two images; touches every parameter in `init`."""
        if self.is_initializing():
            code = self.encode(source, **options)
            self.decode(code.appearance, code.maps, **options)
        return super().__call__(source, target, **options)
