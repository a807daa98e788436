"""A call of every public function on small arrays, by which all of them are tested.

The arrays have the axes that the annotations of the function name.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import c3jax
from c3jax import losses, metrics


def public_functions() -> dict[str, Callable]:
    """Those of `c3jax`, `c3jax.losses` and `c3jax.metrics`, by name."""
    return {
        prefix + name: function
        for prefix, module in (("", c3jax), ("losses.", losses), ("metrics.", metrics))
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__.startswith("c3jax") and not name.startswith(("_", "check"))
    }


FUNCTIONS = public_functions()

# Grids: of images 4x5, of maps 2x3 and, of the other picture, 3x2.
SIZES = {"H": 4, "W": 5, "h": 2, "w": 3, "hi": 2, "wi": 3, "hj": 3, "wj": 2}
SIZES |= {"hs": 2, "ws": 3, "ht": 3, "wt": 2, "k": 3, "k2": 5, "cin": 2, "cmid": 2, "cout": 3}
SIZES |= {"C": 4, "c": 4, "D": 9, "K": 5, "L": 5, "M": 9, "N": 5, "P": 5}
SIZES |= {"n": 6, "terms": 1, "*bn": 6}

# Axes of arguments whose annotation names none.
AXES = {"compose": "2 3", "transpose_volume": "hs ws ht wt", "losses.cycle": "H W C"}

# Arrays in (0, 1) in place of (-1, 1).
POSITIVE = {"mutual_matching", "kernel_transformation_map", "heatmap_centroids"}
POSITIVE |= {"heatmap_spread"}
POSITIVE |= {"losses.perceptual_distance", "losses.concentration"}
POSITIVE |= {"metrics.normalized_mean_error", "metrics.pck"}


def square(true, predicted):
    return jnp.mean((true - predicted) ** 2, axis=(-3, -2, -1))


STILL = {"rotation_stddev": 5.0, "scale_stddev": 0.1, "translation_stddev": 0.1}
OPTIONS: dict[str, dict[str, Any]] = {
    "grid": {"shape": (2, 3)},
    "to_pixels": {"shape": (4, 5)},
    "to_normalized": {"shape": (4, 5)},
    "soft_argmax": {"temperature": 0.5},
    "gaussian_maps": {"shape": (4, 5), "stddev": 0.3},
    "landmark_bottleneck": {"stddev": 0.3, "shape": (3, 5)},
    "separable_conv4d": {"activation": jax.nn.relu},
    "gaussian_kernel": {"size": 3},
    "match_scores": {"over": "source"},
    "transformation_map": {"over": "target", "hard": False},
    "kernel_transformation_map": {"over": "target", "stddev": 0.8},
    "soft_warp": {"over": "source"},
    "sample": {"padding": "reflect"},
    "warp_grid": {"shape": (2, 3)},
    "affine_grid": {"shape": (2, 3)},
    "random_affine": STILL,
    "random_warp": {**STILL, "warp_stddevs": (0.001, 0.01), "control_points": 3},
    "random_colors": {"strength": 0.0},
    "random_palette": {"frequency": 0.0},
    "border_mask": {"shape": (8, 9), "margin": 1, "step": 2},
    "local_correlation": {"radius": 1},
    "window_products": {"radius": 2},
    "window_scores": {"temperature": 0.5},
    "losses.cycle": {"distance": square},
    "losses.c3_total": {"lambda_cycle": 1.0, "lambda_equivariance": 2.0, "lambda_invariance": 3.0},
    "losses.uncertainty_weighted_alignment": {"radius": 1},
    "losses.separation": {"margin": 0.9},
    "losses.jlad_total": {"lambda_detection": 1.0, "lambda_alignment": 2.0, "lambda_joint": 3.0},
    "losses.separation_hinge": {"margin": 0.9},
    "losses.flow_cross_entropy": {"temperature": 0.5},
    "losses.init_running_mean": {"num_terms": 2},
    "metrics.pck": {"alpha": 0.5},
}


def call_of(name: str) -> Callable:
    """The function of its arrays alone; where it has none, beside one number."""
    call = functools.partial(FUNCTIONS[name], **OPTIONS.get(name, {}))
    if name == "metrics.fit_landmark_regressor":
        return lambda landmarks, keypoints: call(landmarks, keypoints)(landmarks)
    return call if axes_of(name) else lambda x: x + call()


def arguments_of(name: str, count: int) -> list:
    """Its arrays, or trees of them, `count` examples of each."""
    generator = np.random.default_rng(0)
    low = 0.1 if name in POSITIVE else -1.0

    def examples(axes: str) -> jax.Array:
        if axes == "key":
            return jax.random.split(jax.random.key(0), count)
        shape = [SIZES.get(axis) or int(axis) for axis in axes.split() if axis not in BATCH]
        return jnp.asarray(generator.uniform(low, 1, (count, *shape)).astype(np.float32))

    return jax.tree.map(examples, axes_of(name) or [""])


BATCH = ("*b", "*batch")


def axes_of(name: str) -> list:
    """The axes of its arrays, such as `"*b H W C"`; lists and splines hold several arrays."""
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.name not in OPTIONS.get(name, {})]
    return ["key" if p.name == "key" else _axes(p.annotation) or AXES[name] for p in needed]


def _axes(annotation: Any) -> Any:
    if hasattr(annotation, "_fields"):  # a named tuple, such as a spline
        return annotation(*map(_axes, annotation.__annotations__.values()))
    if arguments := getattr(annotation, "__args__", None):  # a sequence
        return [_axes(arguments[0])]
    return getattr(annotation, "dim_str", None)
