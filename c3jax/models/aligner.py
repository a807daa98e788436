"""The semantic aligner: a trunk and the module that refines the correlation of its features."""

import flax.linen as nn
from jaxtyping import Array, Float

from c3jax.models.layers import join_stages


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

    def features(
        self, images: Float[Array, "b H W 3"], *, train: bool = False
    ) -> Float[Array, "b h w c"]:
        """f' of images."""
        several = len(self.stages) > 1
        return join_stages(self.trunk(images, train=train), self.stages, normalize=several)

    def correlate(
        self, source: Float[Array, "b hs ws c"], target: Float[Array, "b ht wt c"]
    ) -> Float[Array, "b hs ws ht wt"]:
        """Refined correlation of two maps f' (Eq. 3)."""
        return self.flow(source, target)

    def __call__(
        self, source: Float[Array, "b H W 3"], target: Float[Array, "b H W 3"], **options
    ) -> Float[Array, "b hs ws ht wt"]:
        """Refined correlation of two images."""
        return self.correlate(self.features(source, **options), self.features(target, **options))
