"""What `import c3jax` offers: the program itself imports each name on first use."""

from c3jax import inference as inference
from c3jax import losses, metrics
from c3jax import models as models
from c3jax import training as training
from c3jax import weights as weights
from c3jax.colors import random_colors, random_palette
from c3jax.convolutions import (
    centre_pivot_conv4d,
    conv4d,
    folded_correlation,
    gaussian_kernel,
    separable_conv4d,
)
from c3jax.coordinates import grid, to_normalized, to_pixels
from c3jax.correlation import (
    correlation_4d,
    dead_fraction,
    l2_normalize,
    mutual_matching,
    transpose_volume,
)
from c3jax.landmarks import (
    channel_softmax,
    gaussian_maps,
    heatmap_centroids,
    heatmap_spread,
    landmark_bottleneck,
    marginal_soft_argmax,
    soft_argmax,
    spatial_softmax,
)
from c3jax.matching import (
    carry_points,
    kernel_transformation_map,
    match_scores,
    soft_warp,
    transformation_map,
)
from c3jax.sampling import sample, warp
from c3jax.splines import ThinPlateSpline, apply_warp, warp_grid, warp_image
from c3jax.warps import affine_grid, border_mask, compose, random_affine, random_warp
from c3jax.windows import local_correlation, window_products, window_scores

__all__ = [
    "ThinPlateSpline",
    "affine_grid",
    "apply_warp",
    "border_mask",
    "carry_points",
    "centre_pivot_conv4d",
    "channel_softmax",
    "compose",
    "conv4d",
    "correlation_4d",
    "dead_fraction",
    "folded_correlation",
    "gaussian_kernel",
    "gaussian_maps",
    "grid",
    "heatmap_centroids",
    "heatmap_spread",
    "kernel_transformation_map",
    "l2_normalize",
    "landmark_bottleneck",
    "local_correlation",
    "losses",
    "marginal_soft_argmax",
    "match_scores",
    "metrics",
    "mutual_matching",
    "random_affine",
    "random_colors",
    "random_palette",
    "random_warp",
    "sample",
    "separable_conv4d",
    "soft_argmax",
    "soft_warp",
    "spatial_softmax",
    "to_normalized",
    "to_pixels",
    "transformation_map",
    "transpose_volume",
    "warp",
    "warp_grid",
    "warp_image",
    "window_products",
    "window_scores",
]
