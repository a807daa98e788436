"""Every public function, eagerly, under jit, vmap and pmap; and the rules of its signature."""

import functools
import inspect
import typing

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import c3jax
from c3jax import losses, metrics
from tests.tolerances import REORDERED

EXAMPLES = 4  # per case; split over the devices by pmap
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


def smooth_inverse(flow):
    return c3jax.invert_field(c3jax.flow_to_field(0.1 * flow))


def square(true, predicted):
    return jnp.mean((true - predicted) ** 2, axis=(-3, -2, -1))


def fitted(landmarks, keypoints):
    return metrics.fit_landmark_regressor(landmarks, keypoints)(landmarks)


VOLUME, MAP_I, MAP_J = (2, 3, 3, 2), (2, 3, 4), (3, 2, 4)
T_I, T_J, POINTS = (2, 3, 2), (3, 2, 2), (5, 2)
AFFINE, WEIGHTS = (2, 3), (9, 2)
IMAGE = (4, 5, 3)

CASES = {
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
    "flow_to_field": on(T_I),
    "field_to_flow": on(T_I),
    "resize_field": Case((T_I,), call=lambda f: c3jax.resize_field(f, (4, 5))),
    "compose_fields": on(T_I, T_J),
    "invert_field": Case((T_I,), call=smooth_inverse),
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


def public_functions():
    """Names in `c3jax`, `c3jax.losses` and `c3jax.metrics` that can be called, classes aside."""
    found = {}
    for prefix, module in (("", c3jax), ("losses.", losses), ("metrics.", metrics)):
        for name in module.__all__ if module is not metrics else vars(metrics):
            function = getattr(module, name)
            own = getattr(function, "__module__", "").startswith("c3jax")
            if inspect.isfunction(function) and own and not name.startswith(("_", "check_")):
                found[prefix + name] = function
    return found


FUNCTIONS = public_functions()


def call_of(name):
    case = CASES[name]
    return case.call or functools.partial(FUNCTIONS[name], **case.options)


def arguments_of(name, count=EXAMPLES):
    generator = np.random.default_rng(0)
    low = 0.1 if CASES[name].unit else -1.0
    return [
        jax.random.split(jax.random.key(0), count)
        if shape == "key"
        else jnp.asarray(generator.uniform(low, 1, size=(count, *shape)).astype(np.float32))
        for shape in CASES[name].arrays
    ]


def assert_close(found, expected):
    chex.assert_trees_all_equal_shapes_and_dtypes(found, expected)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(np.asarray(a), np.asarray(b), **REORDERED),
        found,
        expected,
    )


def test_the_table_holds_every_public_function_and_no_other():
    assert set(CASES) == set(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(CASES))
def test_eager_jit_vmap_and_pmap_agree(name):
    call, arguments = call_of(name), arguments_of(name)
    eager = call(*[argument[1] for argument in arguments])

    chex.clear_trace_counter()
    traced = jax.jit(chex.assert_max_traces(lambda *a: call(*a), n=1))
    jitted = [traced(*[argument[n] for argument in arguments]) for n in range(EXAMPLES)]
    assert_close(jitted[1], eager)
    expected = jax.tree.map(lambda *leaves: np.stack(leaves), *jitted)

    mapped = jax.jit(jax.vmap(call))(*arguments)
    assert_close(jax.tree.map(np.asarray, mapped), expected)

    devices = min(EXAMPLES, jax.local_device_count())
    parallel = jax.pmap(call)(*[argument[:devices] for argument in arguments])
    assert_close(
        jax.tree.map(np.asarray, parallel), jax.tree.map(lambda leaf: leaf[:devices], expected)
    )


# One example at a time, or with `n` of their own, or with kernels that have no batch axes.
WITHOUT_BATCH_AXES = {
    *(name for name, case in CASES.items() if case.arrays == ((),) or "key" in case.arrays),
    *(name for name in CASES if name.startswith("metrics.")),
    "centre_pivot_conv4d",
    "conv4d",
    "folded_correlation",
    "separable_conv4d",
    "losses.perceptual",
}


@pytest.mark.parametrize("name", sorted(set(CASES) - WITHOUT_BATCH_AXES))
def test_leading_axes_are_batch(name):
    call, arguments = jax.jit(call_of(name)), arguments_of(name, 2)
    each = [call(*[argument[n] for argument in arguments]) for n in range(2)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves)[None], *each)
    batched = call(*[argument[None] for argument in arguments])
    assert_close(jax.tree.map(np.asarray, batched), stacked)


@pytest.mark.parametrize("name", ["conv4d", "separable_conv4d", "centre_pivot_conv4d"])
def test_leading_axes_of_volumes_are_batch(name):
    call = jax.jit(call_of(name))
    volumes, *kernels = arguments_of(name, 2)
    kernels = [kernel[0] for kernel in kernels]
    expected = np.stack([call(volume, *kernels) for volume in volumes])[None]
    assert_close(np.asarray(call(volumes[None], *kernels)), expected)


@pytest.mark.parametrize("name", sorted(CASES))
def test_outputs_have_the_dtype_of_the_inputs(name, x64):
    """A float64 constant that meets float32 arrays must not widen them."""
    shapes = jax.eval_shape(jax.vmap(call_of(name)), *arguments_of(name))
    if CASES[name].arrays not in (((),), ("key",)):
        assert {leaf.dtype.name for leaf in jax.tree.leaves(shapes)} == {"float32"}


@pytest.mark.parametrize(
    "name", sorted({name for name in CASES if "." not in name} - set(WITHOUT_BATCH_AXES))
)
def test_integers_are_read_as_numbers(name):
    call, arguments = jax.jit(call_of(name)), arguments_of(name, 1)
    integers = [np.asarray(argument[0] > 0.5, np.int32) for argument in arguments]
    floats = [array.astype(np.float32) for array in integers]
    chex.assert_trees_all_close(call(*integers), call(*floats), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_signature_follows_the_house_rules(name):
    parameters = inspect.signature(FUNCTIONS[name]).parameters
    assert "rng" not in parameters and "eps" not in parameters
    if "key" in parameters:
        assert next(iter(parameters)) == "key"
    for parameter in parameters.values():
        if parameter.default is not parameter.empty:
            assert parameter.kind is parameter.KEYWORD_ONLY, f"{parameter.name} is an option"
    for option in ("temperature", "stddev", "padding", "over", "epsilon", "alpha"):
        if option in parameters:
            assert parameters[option].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_docstring_has_every_part(name):
    text = inspect.getdoc(FUNCTIONS[name])
    assert text.splitlines()[0].endswith("."), "the first line is a sentence"
    if "perceptual" not in FUNCTIONS[name].__module__:
        for part in ("Args:", "Returns:", "Raises:", ">>> "):
            assert part in text, f"{name} lacks {part}"
        for argument in inspect.signature(FUNCTIONS[name]).parameters:
            assert argument in text.split("Args:")[1], f"{name}: {argument} is not documented"
