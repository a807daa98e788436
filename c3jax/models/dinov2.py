"""DINOv2: features of a vision transformer that learned from pictures without labels."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from c3jax._checks import check_choice
from c3jax.models.imagenet import Convolution, check_images, check_taps, normalize_colors
from c3jax.models.layers import resize

PATCH, EPSILON, MLP_RATIO = 14, 1e-6, 4
Tokens = Float[Array, "b n c"]


@dataclasses.dataclass(frozen=True)
class Variant:
    """What tells one DINOv2 from another.

    Args (fields):
      width: channels of a token.
      depth: blocks.
      heads: of the attention; they divide the width.
      grid: side of the learned position embeddings, in cells.
    """

    width: int
    depth: int
    heads: int
    grid: int = 37


VARIANTS = {"dinov2_s14": Variant(width=384, depth=12, heads=6)}


def stages_of(architecture: str) -> tuple[str, ...]:
    """Names of the stages of a variant: 'block0', 'block1', ..., 'norm'."""
    return (*(f"block{number}" for number in range(VARIANTS[architecture].depth)), "norm")


def seen_side(side: int) -> int:
    """The side at which the network looks at a picture: the next multiple of 14, in pixels."""
    return -(-side // PATCH) * PATCH


class PatchEmbedding(nn.Module):
    """A token of each 14x14 pixels."""

    width: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w 3"]) -> Float[Array, "b h2 w2 {self.width}"]:
        return Convolution(self.width, PATCH, PATCH, use_bias=True, same=True, name="proj")(x)


class Attention(nn.Module):
    """Multi-head self-attention."""

    heads: int

    @nn.compact
    def __call__(self, x: Tokens) -> Tokens:
        width = x.shape[-1]
        qkv = nn.Dense(3 * width, dtype=x.dtype, name="qkv")(x)
        query, key, value = jnp.moveaxis(qkv.reshape(*x.shape[:2], 3, self.heads, -1), 2, 0)
        mixed = jax.nn.dot_product_attention(query, key, value)
        return nn.Dense(width, dtype=x.dtype, name="proj")(mixed.reshape(x.shape))


class MLP(nn.Module):
    """Two dense layers with an exact GELU between them."""

    @nn.compact
    def __call__(self, x: Tokens) -> Tokens:
        hidden = nn.Dense(MLP_RATIO * x.shape[-1], dtype=x.dtype, name="fc1")(x)
        hidden = nn.gelu(hidden, approximate=False)
        return nn.Dense(x.shape[-1], dtype=x.dtype, name="fc2")(hidden)


class LayerScale(nn.Module):
    """A learned factor of each channel."""

    @nn.compact
    def __call__(self, x: Tokens) -> Tokens:
        return x * self.param("gamma", nn.initializers.ones, (x.shape[-1],)).astype(x.dtype)


class Block(nn.Module):
    """x + ls1(attn(norm1(x))), and the same of the MLP."""

    heads: int

    @nn.compact
    def __call__(self, x: Tokens) -> Tokens:
        for number, part in enumerate((Attention(self.heads, name="attn"), MLP(name="mlp")), 1):
            y = nn.LayerNorm(EPSILON, dtype=x.dtype, name=f"norm{number}")(x)
            x = x + LayerScale(name=f"ls{number}")(part(y))
        return x


class DINOv2(nn.Module):
    """Features of a DINOv2 [1] at the stages asked for; nothing deeper is computed.

    The layout and the names are timm's: `blocks.0.attn.qkv.weight` is here
    `params/blocks_0/attn/qkv/kernel`. Pictures whose sides are no multiples of 14 are brought to
    the next ones. Position embeddings are brought to the grid of the patches.

    Args (fields):
      architecture: one of `VARIANTS`.
      stages: which of `stages_of(architecture)` to return, the patch tokens as a map of stride 14:
          'block0' to 'block11', or 'norm', the last block after the final normalisation.
      trainable: whether the parameters get gradients. The images get them in any case.

    References:
      [1] DINOv2: Learning Robust Visual Features without Supervision (Oquab et al., 2023).
    """

    computes_in_input_dtype = True  # in training, see `c3jax.training.precision`
    architecture: str = "dinov2_s14"
    stages: tuple[str, ...] = ("norm",)
    trainable: bool = False

    def __post_init__(self):
        super().__post_init__()
        check_choice("architecture", self.architecture, VARIANTS)
        check_taps("stages", self.stages, stages_of(self.architecture))

    @nn.compact
    def __call__(
        self, images: Float[Array, "*batch height width 3"], *, train: bool = False
    ) -> dict[str, Array]:
        """Returns stage name -> `[*batch, ceil(height / 14), ceil(width / 14), channels]`.

        Args:
          images: RGB in [0, 1]; ImageNet's mean and standard deviation are applied inside.
          train: without effect: there is no dropout.

        Raises:
          ValueError: if images are not floating `[*batch, height, width, 3]`.
        """
        check_images(images)
        every, variant = stages_of(self.architecture), VARIANTS[self.architecture]
        height, width = map(seen_side, images.shape[-3:-1])
        x = resize(images.reshape(-1, *images.shape[-3:]), (height, width))
        x = self._part(PatchEmbedding, variant.width, name="patch_embed")(normalize_colors(x))
        grid = x.shape[1:3]
        x, features = self._with_positions(x, variant), {}
        for number, stage in enumerate(every[: max(map(every.index, self.stages)) + 1]):
            if stage == "norm":
                x = self._part(nn.LayerNorm, EPSILON, dtype=x.dtype, name="norm")(x)
            else:
                x = self._part(Block, variant.heads, name=f"blocks_{number}")(x)
            features[stage] = x[:, 1:].reshape(*images.shape[:-3], *grid, -1)
        return {stage: features[stage] for stage in self.stages}

    def _with_positions(self, x, variant):
        """The class token and the patches as tokens, each with the embedding of its place."""
        count, *grid, width = x.shape
        init = nn.initializers.normal(0.02)
        token = self.param("cls_token", init, (1, 1, width))
        places = self.param("pos_embed", init, (1, 1 + variant.grid**2, width))
        if not self.trainable:
            token, places = jax.lax.stop_gradient((token, places))
        # Antialiased cubic kernels with Keys's a = -1/2, as PyTorch's; no change at the same grid.
        of_patches = places[:, 1:].reshape(1, variant.grid, variant.grid, width)
        of_patches = jax.image.resize(of_patches, (1, *grid, width), "cubic", antialias=True)
        tokens = jnp.broadcast_to(token + places[:, :1], (count, 1, width)).astype(x.dtype)
        x = (x + of_patches.astype(x.dtype)).reshape(count, -1, width)
        return jnp.concatenate([tokens, x], axis=1)

    def _part(self, kind, *fields, **options):
        """A part of the network, its parameters without gradients unless it is trainable."""
        if not self.trainable:
            kind = nn.map_variables(
                kind, "params", jax.lax.stop_gradient, init=self.is_initializing()
            )
        return kind(*fields, **options)
