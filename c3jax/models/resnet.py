"""Residual networks: torchvision's ImageNet layout, and a small trunk to learn from scratch."""

import dataclasses
from functools import partial

import flax.linen as nn
from jaxtyping import Array, Float

from c3jax._checks import check_choice
from c3jax.models.imagenet import (
    Convolution,
    FrozenBatchNorm,
    check_images,
    check_taps,
    max_pool,
    normalize_colors,
)
from c3jax.models.layers import BatchNorm

LAYERS = ("layer1", "layer2", "layer3", "layer4")
STAGES = ("input", "stem", *LAYERS, "logits")
NUM_CLASSES = 1000


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What tells one residual network from another.

    Args (fields):
      bottleneck: blocks of 1x1, 3x3 and 1x1 to four times the width; else two 3x3.
      depths: blocks in layer1 to layer4.
      widths: channels of the 3x3 convolutions in layer1 to layer4; the stem has the first.
      stem_size: side of the stem's kernel; its stride is 2.
      stem_pool: whether a stride-2 max pooling follows the stem; else layer1 has the stride.
    """

    bottleneck: bool
    depths: tuple[int, int, int, int]
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    stem_size: int = 7
    stem_pool: bool = True


ARCHITECTURES = {
    "resnet18": Architecture(bottleneck=False, depths=(2, 2, 2, 2)),
    "resnet50": Architecture(bottleneck=True, depths=(3, 4, 6, 3)),
    "resnet101": Architecture(bottleneck=True, depths=(3, 4, 23, 3)),
    "small": Architecture(
        bottleneck=False, depths=(1, 1, 1, 1), widths=(16, 32, 64, 64), stem_size=3, stem_pool=False
    ),
}


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside the identity (a strided 1x1 where the shape changes)."""

    width: int
    stride: int
    dilation: int
    previous_dilation: int
    convolution: type
    normalization: type

    @nn.compact
    def __call__(self, x):
        conv, norm = self.convolution, self.normalization
        y = conv(self.width, 3, self.stride, self.previous_dilation, name="conv1")(x)
        y = nn.relu(norm(name="bn1")(y))
        y = norm(name="bn2")(conv(self.width, 3, 1, self.dilation, name="conv2")(y))
        return nn.relu(y + _shortcut(x, y, self.stride, conv, norm))


class BottleneckBlock(BasicBlock):
    """1x1, 3x3 (it has the stride: "v1.5") and 1x1 convolutions, to four times the width."""

    @nn.compact
    def __call__(self, x):
        conv, norm = self.convolution, self.normalization
        y = nn.relu(norm(name="bn1")(conv(self.width, 1, name="conv1")(x)))
        y = conv(self.width, 3, self.stride, self.previous_dilation, name="conv2")(y)
        y = nn.relu(norm(name="bn2")(y))
        y = norm(name="bn3")(conv(4 * self.width, 1, name="conv3")(y))
        return nn.relu(y + _shortcut(x, y, self.stride, conv, norm))


def _shortcut(x, y, stride, conv, norm):
    if stride == 1 and x.shape[-1] == y.shape[-1]:
        return x
    return norm(name="downsample_1")(conv(y.shape[-1], 1, stride, name="downsample_0")(x))


class ResNet(nn.Module):
    """Features of a residual network at the stages asked for; nothing deeper is computed.

    The layout is torchvision's (explicit padding, the stride on the 3x3, max pooling padded with
    -inf, epsilon 1e-5) and so are the names: `layer1.0.conv1.weight` is here
    `params/layer1_0/conv1/kernel`. `'small'` is a trunk to learn from scratch where no weights
    are at hand: 3x3 stem, no pooling, one basic block a layer, the same strides.

    A stage that would exceed `output_stride` keeps its resolution and dilates instead; its first
    block still has the dilation of the stage before (torchvision's
    `replace_stride_with_dilation`), so that the features on every second cell are unchanged.

    Args (fields):
      architecture: one of `ARCHITECTURES`.
      output_stride: greatest stride of any stage, in pixels: 4, 8, 16 or 32.
      stages: which of `STAGES` to return: 'input' (the images as given), 'stem' (before the
          pooling, stride 2), 'layer1' (4), 'layer2' (8), 'layer3' (16), 'layer4' (32) and
          'logits' (1000 ImageNet classes).
      normalization: 'frozen', a fixed affine map, as pretrained weights need it; or 'batch',
          statistics of the batch if `train`, else running averages (momentum .9).
      trainable: whether convolutions get gradients; by default only with 'batch'. Frozen batch
          normalisation never does. The images get gradients in any case.
      widths, depths: replace those of the architecture.
      axis_name: mapped axis over which batch statistics are averaged; None is per device.
    """

    computes_in_input_dtype = True  # in training, see `c3jax.training.precision`
    architecture: str = "resnet18"
    output_stride: int = 32
    stages: tuple[str, ...] = ("layer4",)
    normalization: str = "frozen"
    trainable: bool | None = None
    widths: tuple[int, int, int, int] | None = None
    depths: tuple[int, int, int, int] | None = None
    axis_name: str | None = None

    def __post_init__(self):
        super().__post_init__()
        check_choice("architecture", self.architecture, ARCHITECTURES)
        check_choice("output_stride", self.output_stride, (4, 8, 16, 32))
        check_choice("normalization", self.normalization, ("frozen", "batch"))
        check_taps("stages", self.stages, STAGES)

    @nn.compact
    def __call__(
        self, images: Float[Array, "*batch height width 3"], *, train: bool = False
    ) -> dict[str, Array]:
        """Returns stage name -> `[*batch, h, w, channels]` ('logits': `[*batch, 1000]`).

        Args:
          images: RGB in [0, 1]; ImageNet's mean and standard deviation are applied inside.
          train: with `normalization='batch'`, use the statistics of this batch and update
              'batch_stats' (which must be mutable). Without effect on 'frozen'.

        Raises:
          ValueError: if images are not floating `[*batch, height, width, 3]`.
        """
        check_images(images)
        features, wanted = {"input": images}, self.stages
        x = normalize_colors(images.reshape(-1, *images.shape[-3:]))
        deepest = max(map(STAGES.index, wanted))
        for stage in STAGES[1 : deepest + 1]:
            x = self._stage(stage, x, train=train)
            if stage in wanted:
                features[stage] = x.reshape(*images.shape[:-3], *x.shape[1:])
        return {stage: features[stage] for stage in wanted}

    def _stage(self, stage, x, *, train):
        if stage == "logits":
            return nn.Dense(NUM_CLASSES, dtype=x.dtype, name="fc")(x.mean((1, 2)))
        plan = ARCHITECTURES[self.architecture]
        widths, depths = self.widths or plan.widths, self.depths or plan.depths
        conv, norm = self._convolution(), self._normalization(train, x.dtype)
        if stage == "stem":
            x = conv(widths[0], plan.stem_size, 2, name="conv1")(x)
            return nn.relu(norm(name="bn1")(x))
        if stage == "layer1" and plan.stem_pool:
            x = max_pool(x, size=3, padding=1)
        index = LAYERS.index(stage)
        stride, dilation, previous = _strides(plan, self.output_stride)[index]
        block = BottleneckBlock if plan.bottleneck else BasicBlock
        for number in range(depths[index]):
            name = f"{stage}_{number}"
            x = block(widths[index], stride, dilation, previous, conv, norm, name=name)(x)
            stride, previous = 1, dilation
        return x

    def _convolution(self):
        learned = self.normalization == "batch"
        return partial(Convolution, trainable=learned if self.trainable is None else self.trainable)

    def _normalization(self, train, dtype):
        if self.normalization == "frozen":
            return FrozenBatchNorm
        own = {"dtype": dtype, "axis_name": self.axis_name}
        return partial(BatchNorm, use_running_average=not train, **own)


def _strides(plan, output_stride):
    """Stride, dilation and dilation of the first block, for layer1 to layer4."""
    strides, total, dilation = [], 4 if plan.stem_pool else 2, 1
    for wanted in (1 if plan.stem_pool else 2, 2, 2, 2):
        previous = dilation
        if total * wanted > output_stride:
            dilation, wanted = dilation * wanted, 1
        total *= wanted
        strides.append((wanted, dilation, previous))
    return strides
