"""A call of every public function on small arrays, by which all of them are tested."""

import functools
import typing

import jax
import jax.numpy as jnp
import numpy as np

import c3jax
from c3jax import losses, metrics

STILL = {"rotation_stddev": 5.0, "scale_stddev": 0.1, "translation_stddev": 0.1}


class Case(typing.NamedTuple):
    """A call `function(*arrays, **options)` on arrays of these shapes."""

    arrays: tuple
    options: dict = {}
    call: typing.Callable | None = None  # in place of the function itself
    unit: bool = False  # arrays in (0, 1) in place of (-1, 1)


def on(*arrays, **options):
    return Case(arrays, options)


def static(call):
    """A function without array arguments: called beside one number."""
    return Case(((),), call=call)


def spline_call(function, **options):
    """A function whose last argument is a spline, given as affine and weights."""

    def call(*arrays):
        return function(*arrays[:-2], c3jax.ThinPlateSpline(*arrays[-2:]), **options)

    return call


def grid_call(affine, weights):
    return c3jax.warp_grid(c3jax.ThinPlateSpline(affine, weights), (2, 3))


def apply_call(affine, weights, points):
    return c3jax.apply_warp(c3jax.ThinPlateSpline(affine, weights), points)


def square(true, predicted):
    return jnp.mean((true - predicted) ** 2, axis=(-3, -2, -1))


def fitted(landmarks, keypoints):
    return metrics.fit_landmark_regressor(landmarks, keypoints)(landmarks)


VOLUME, MAP_I, MAP_J = (2, 3, 3, 2), (2, 3, 4), (3, 2, 4)
T_I, T_J, POINTS = (2, 3, 2), (3, 2, 2), (5, 2)
AFFINE, WEIGHTS = (2, 3), (9, 2)
IMAGE = (4, 5, 3)

CASES: dict[str, Case] = {
    "grid": static(lambda x: x + c3jax.grid((2, 3))),
    "to_pixels": Case((POINTS,), call=lambda p: c3jax.to_pixels(p, (4, 5))),
    "to_normalized": Case((POINTS,), call=lambda p: c3jax.to_normalized(p, (4, 5))),
    "soft_argmax": on(MAP_I, temperature=0.5),
    "marginal_soft_argmax": on(MAP_I),
    "spatial_softmax": on(MAP_I),
    "gaussian_maps": Case((POINTS,), call=lambda p: c3jax.gaussian_maps(p, (4, 5), stddev=0.3)),
    "landmark_bottleneck": on(MAP_I, stddev=0.3, shape=(3, 5)),
    "l2_normalize": on((2, 3)),
    "correlation_4d": on(MAP_I, MAP_J),
    "mutual_matching": Case((VOLUME,), unit=True),
    "transpose_volume": on(VOLUME),
    "conv4d": on((*VOLUME, 2), (3, 3, 3, 3, 2, 1)),
    "separable_conv4d": on((*VOLUME, 2), (3, 3, 2, 1), (5, 5, 2, 2), activation=jax.nn.relu),
    "centre_pivot_conv4d": on((*VOLUME, 2), (3, 3, 2, 3), (5, 5, 2, 3)),
    "folded_correlation": on(MAP_I, MAP_J, (3, 3, 1, 1), (5, 5, 1, 1)),
    "dead_fraction": on(VOLUME),
    "gaussian_kernel": static(lambda x: x + c3jax.gaussian_kernel(3)),
    "match_scores": on(VOLUME, over="source"),
    "transformation_map": on(VOLUME, over="target", hard=False),
    "kernel_transformation_map": Case((VOLUME,), {"over": "target", "stddev": 0.8}, unit=True),
    "carry_points": on(POINTS, T_I),
    "soft_warp": on(MAP_I, VOLUME, over="source"),
    "sample": on(IMAGE, (6, 2), padding="reflect"),
    "warp": on(IMAGE, T_I),
    "apply_warp": Case((AFFINE, WEIGHTS, POINTS), call=apply_call),
    "warp_grid": Case((AFFINE, WEIGHTS), call=grid_call),
    "warp_image": Case((IMAGE, AFFINE, WEIGHTS), call=spline_call(c3jax.warp_image)),
    "affine_grid": Case((AFFINE,), call=lambda a: c3jax.affine_grid(a, (2, 3))),
    "compose": on(AFFINE, AFFINE),
    "random_affine": on("key", **STILL),
    "random_warp": on("key", **STILL, warp_stddevs=(0.001, 0.01), control_points=3),
    "random_colors": on("key", IMAGE, strength=0.0),
    "random_palette": on("key", IMAGE, frequency=0.0),
    "border_mask": static(lambda x: x + c3jax.border_mask((8, 9), margin=1, step=2)),
    "channel_softmax": on(MAP_I),
    "heatmap_centroids": Case((MAP_I,), unit=True),
    "local_correlation": on(MAP_I, MAP_I, radius=1),
    "window_products": on(MAP_I, MAP_I, radius=2),
    "window_scores": on((2, 3, 9), temperature=0.5),
    "losses.perceptual_distance": Case(
        (IMAGE, IMAGE, (1,)),
        call=lambda a, b, m: losses.perceptual_distance([a], [b], m),
        unit=True,
    ),
    "losses.update_running_mean": on((2,), (2,)),
    "losses.cycle": on(IMAGE, IMAGE, IMAGE, IMAGE, distance=square),
    "losses.invariance": on(MAP_I, MAP_I, MAP_J, MAP_J),
    "losses.invariance_of_points": on(POINTS, POINTS, POINTS, POINTS),
    "losses.equivariance": on(MAP_I, MAP_J, T_J, T_I),
    "losses.soft_equivariance": on(MAP_I, MAP_J, VOLUME, VOLUME),
    "losses.equivariance_of_points": on(POINTS, POINTS, T_J, T_I),
    "losses.c3_total": on(
        (), (), (), lambda_cycle=1.0, lambda_equivariance=2.0, lambda_invariance=3.0
    ),
    "losses.anchor_pairs": on(POINTS, POINTS, T_I),
    "losses.landmark_equivariance": on(POINTS, POINTS, T_I),
    "losses.uncertainty_weighted_alignment": on(MAP_I, MAP_J, T_I, (2, 3, 1), radius=1),
    "losses.uncertainty_likelihood": on(T_I, T_I, (2, 3, 1)),
    "losses.concentration": Case((MAP_I,), unit=True),
    "losses.separation": on(POINTS, margin=0.9),
    "losses.joint_consistency": on(MAP_I, MAP_J, T_I, (2, 3, 1)),
    "losses.jlad_total": on(
        (), (), (), lambda_detection=1.0, lambda_alignment=2.0, lambda_joint=3.0
    ),
    "losses.warp_consistency": Case(
        (POINTS, POINTS, AFFINE, WEIGHTS), call=spline_call(losses.warp_consistency)
    ),
    "losses.separation_hinge": on(POINTS, margin=0.9),
    "losses.flow_cross_entropy": on(VOLUME, T_J, temperature=0.5),
    "losses.match_confidence": on(VOLUME),
    "losses.weak_matching": on(VOLUME, VOLUME),
    "losses.feature_distances": Case(
        (IMAGE, IMAGE), call=lambda a, b: losses.feature_distances([a], [b])
    ),
    "losses.perceptual": Case(
        (IMAGE, IMAGE, (1,)), call=lambda a, b, m: losses.perceptual([a], [b], m)
    ),
    "losses.init_running_mean": static(lambda x: x + losses.init_running_mean(2)),
    "metrics.fit_landmark_regressor": Case(((6, *POINTS), (6, 3, 2)), call=fitted),
    "metrics.normalized_mean_error": Case(((6, *POINTS), (6, *POINTS), (6,)), unit=True),
    "metrics.inter_ocular_distance": on((6, *POINTS)),
    "metrics.pck": Case(((6, *POINTS), (6, *POINTS), (6,)), {"alpha": 0.5}, unit=True),
    "metrics.endpoint_error": on((6, *POINTS), (6, *POINTS)),
    "metrics.landmark_health": on((6, *POINTS)),
}


def call_of(name: str) -> typing.Callable:
    """The function of its arrays alone."""
    case, (*modules, own) = CASES[name], name.split(".")
    return case.call or functools.partial(
        getattr(functools.reduce(getattr, modules, c3jax), own), **case.options
    )


def arguments_of(name: str, count: int) -> list[jax.Array]:
    """Its arrays, `count` examples of each."""
    generator = np.random.default_rng(0)
    low = 0.1 if CASES[name].unit else -1.0
    return [
        jax.random.split(jax.random.key(0), count)
        if shape == "key"
        else jnp.asarray(generator.uniform(low, 1, size=(count, *shape)).astype(np.float32))
        for shape in CASES[name].arrays
    ]
