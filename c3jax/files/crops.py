"""Which region of a picture becomes the square that a network looks at."""

from typing import Literal, get_args

Crop = Literal["centre", "centre_inner", "pad", "squash", "squash_inner"]
# How pictures of pairs become square: corner pixel centres lie on corner pixel centres, so that
# align-corners coordinates are the same in the original; with and without the filter.
Corners = Literal["antialias", "align_corners"]
Framing = Crop | Corners
# IMM squashes CelebA's 178x218 to 160x160 and keeps the central 128: 128/160 of either side.
INNER_FRACTION = 0.8


def crop_sides(crop: Framing, width, height, *, size: int, shorter, longer) -> tuple:
    """Width and height of the region that `crop` cuts about the centre; numbers or tensors."""
    if crop in get_args(Corners):  # outer half pixels are those of the square, not the picture's
        return size * (width - 1) / (size - 1), size * (height - 1) / (size - 1)
    return {
        "centre": (shorter, shorter),
        "centre_inner": (INNER_FRACTION * shorter, INNER_FRACTION * shorter),
        "pad": (longer, longer),
        "squash": (width, height),
        "squash_inner": (INNER_FRACTION * width, INNER_FRACTION * height),
    }[crop]
