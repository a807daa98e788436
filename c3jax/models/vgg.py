"""VGG feature extractors in torchvision's ImageNet layout."""

import flax.linen as nn
from jaxtyping import Array, Float

from c3jax._checks import check_choice
from c3jax.models.imagenet import Convolution, check_images, check_taps, max_pool, normalize_colors

WIDTHS = (64, 128, 256, 512, 512)
DEPTHS = {"vgg16": (2, 2, 3, 3, 3)}
PERCEPTUAL_TAPS = ("input", "conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2")


class VGG(nn.Module):
    """ReLU features of VGG's convolutions; nothing deeper than the taps is computed.

    Convolutions are 3x3 with bias; groups of them end in a 2x2 max pooling. Names are
    torchvision's: `features.N.weight` is here `params/features_N/kernel`, with N counting the
    ReLUs and poolings too.

    Args (fields):
      architecture: 'vgg16'.
      taps: which maps to return: 'input' (the images as given) or 'convG_I', convolution I of
          group G (stride 2^(G-1)) after its ReLU.
      trainable: whether the convolutions get gradients. The images get them in any case.
    """

    computes_in_input_dtype = True  # in training, see `c3jax.training.precision`
    architecture: str = "vgg16"
    taps: tuple[str, ...] = PERCEPTUAL_TAPS
    trainable: bool = False

    def __post_init__(self):
        super().__post_init__()
        check_choice("architecture", self.architecture, DEPTHS)
        check_taps("taps", self.taps, ("input", *convolution_indices(self.architecture)))

    @nn.compact
    def __call__(self, images: Float[Array, "*batch height width 3"]) -> dict[str, Array]:
        """Returns tap name -> `[*batch, h, w, channels]` of RGB images in [0, 1].

        Raises:
          ValueError: if images are not floating `[*batch, height, width, 3]`.
        """
        check_images(images)
        features = {"input": images}
        x = normalize_colors(images.reshape(-1, *images.shape[-3:]))
        for name, index in convolution_indices(self.architecture).items():
            if len(features.keys() & set(self.taps)) == len(set(self.taps)):
                break
            group, position = int(name[4]), int(name[6:])
            if group > 1 and position == 1:
                x = max_pool(x, size=2, padding=0)
            width, layer = WIDTHS[group - 1], f"features_{index}"
            conv = Convolution(width, 3, use_bias=True, trainable=self.trainable, name=layer)
            x = nn.relu(conv(x))
            features[name] = x.reshape(*images.shape[:-3], *x.shape[1:])
        return {tap: features[tap] for tap in self.taps}


def convolution_indices(architecture: str) -> dict[str, int]:
    """Tap name -> N of torchvision's `features.N`, in order of depth.

    Example:
        >>> list(convolution_indices('vgg16').items())[:3]
        [('conv1_1', 0), ('conv1_2', 2), ('conv2_1', 5)]
    """
    indices, index = {}, 0
    for group, depth in enumerate(DEPTHS[architecture], 1):
        for position in range(1, depth + 1):
            indices[f"conv{group}_{position}"] = index
            index += 2  # the convolution and its ReLU
        index += 1  # the pooling
    return indices
