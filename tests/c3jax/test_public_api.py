"""Every public function, eagerly, under jit, vmap and pmap; and the rules of its signature."""

import functools
import inspect

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from benchmarks.examples import AXES, FUNCTIONS, OPTIONS, POSITIVE, arguments_of, axes_of, call_of
from tests.gradients import assert_gradient
from tests.tolerances import REORDERED

EXAMPLES = 4  # per function; split over the devices by pmap


def take(arguments, which):
    """The example of that number, or a slice of them, from trees of arrays."""
    return jax.tree.map(lambda array: array[which], arguments)


def assert_close(found, expected):
    chex.assert_trees_all_equal_shapes_and_dtypes(found, expected)
    jax.tree.map(
        lambda a, b: assert_allclose(np.asarray(a), np.asarray(b), **REORDERED), found, expected
    )


def test_the_tables_name_public_functions_only():
    assert {*OPTIONS, *AXES, *POSITIVE} <= set(FUNCTIONS)


@functools.cache
def compiled(name):
    """The function under jit, for all tests of it, and a list that grows when it is traced."""
    call, traces = call_of(name), []
    return jax.jit(lambda *arguments: traces.append(1) or call(*arguments)), traces


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_eager_jit_vmap_and_pmap_agree(name):
    call, arguments = call_of(name), arguments_of(name, EXAMPLES)
    eager = call(*take(arguments, 1))

    function, traces = compiled(name)
    before = len(traces)
    jitted = [function(*take(arguments, n)) for n in range(EXAMPLES)]
    assert len(traces) <= before + 1
    assert_close(jitted[1], eager)
    expected = jax.tree.map(lambda *leaves: np.stack(leaves), *jitted)

    mapped = jax.jit(jax.vmap(call))(*arguments)
    assert_close(jax.tree.map(np.asarray, mapped), expected)

    some = slice(min(EXAMPLES, jax.local_device_count()))
    parallel = jax.pmap(call)(*take(arguments, some))
    assert_close(jax.tree.map(np.asarray, parallel), take(expected, some))


# One example at a time, or with `n` of their own, or with kernels that have no batch axes.
WITHOUT_BATCH_AXES = {
    *(name for name in FUNCTIONS if not axes_of(name) or "key" in axes_of(name)),
    *(name for name in FUNCTIONS if name.startswith("metrics.")),
    "centre_pivot_conv4d",
    "conv4d",
    "folded_correlation",
    "separable_conv4d",
    "losses.perceptual",
    "losses.perceptual_distance",
    "losses.update_running_mean",
}


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - WITHOUT_BATCH_AXES))
def test_leading_axes_are_batch(name):
    (call, _), arguments = compiled(name), arguments_of(name, 2)
    each = [call(*take(arguments, n)) for n in range(2)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves)[None], *each)
    batched = call(*take(arguments, None))
    assert_close(jax.tree.map(np.asarray, batched), stacked)


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_nothing_promotes_dtypes_or_ranks(name, batched):
    if batched and name in WITHOUT_BATCH_AXES:
        return
    call, arguments = call_of(name), take(arguments_of(name, 1), None if batched else 0)
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        jax.eval_shape(call, *arguments)


@pytest.mark.parametrize("name", ["conv4d", "separable_conv4d", "centre_pivot_conv4d"])
def test_leading_axes_of_volumes_are_batch(name):
    call = jax.jit(call_of(name))
    volumes, *kernels = arguments_of(name, 2)
    kernels = take(kernels, 0)
    expected = np.stack([call(volume, *kernels) for volume in volumes])[None]
    assert_close(np.asarray(call(volumes[None], *kernels)), expected)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_outputs_have_the_dtype_of_the_inputs(name, x64):
    """A float64 constant that meets float32 arrays must not widen them."""
    shapes = jax.eval_shape(jax.vmap(call_of(name)), *arguments_of(name, EXAMPLES))
    if axes_of(name) not in ([], ["key"]):
        assert {leaf.dtype.name for leaf in jax.tree.leaves(shapes)} == {"float32"}


@pytest.mark.parametrize(
    "name", sorted({name for name in FUNCTIONS if "." not in name} - WITHOUT_BATCH_AXES)
)
def test_integers_are_read_as_numbers(name):
    (call, _), arguments = compiled(name), take(arguments_of(name, 1), 0)
    integers = jax.tree.map(lambda array: np.asarray(array > 0.5, np.int32), arguments)
    floats = jax.tree.map(lambda array: array.astype(np.float32), integers)
    chex.assert_trees_all_close(call(*integers), call(*floats), rtol=1e-5, atol=1e-5)


# Counts, distances of points to themselves, and what is held constant.
NOT_DIFFERENTIABLE = {"metrics.pck", "metrics.landmark_health", "losses.init_running_mean"}
NOT_DIFFERENTIABLE |= {"losses.perceptual", "losses.update_running_mean"}
NOT_DIFFERENTIABLE |= {"losses.uncertainty_likelihood"}


@pytest.mark.parametrize(
    "name", [n for n in sorted(set(FUNCTIONS) - NOT_DIFFERENTIABLE) if "key" not in axes_of(n)]
)
def test_gradients_are_right(name, x64):
    arguments = take(arguments_of(name, 1), 0)
    assert_gradient(call_of(name), *jax.tree.map(lambda array: array.astype(float), arguments))


CHECKED = {n for n in FUNCTIONS if hasattr(FUNCTIONS[n], "__wrapped__") and axes_of(n)}
OF_TREES = {n for n in CHECKED if not all(isinstance(axes, str) for axes in axes_of(n))}


@pytest.mark.parametrize("name", sorted(CHECKED - OF_TREES))
def test_arrays_of_other_shapes_are_refused(name):
    call, arguments = call_of(name), take(arguments_of(name, 1), 0)
    if "key" in axes_of(name):
        with pytest.raises(ValueError, match=r"^image must have shape \[H, W, 3\], got \(5, 3\)"):
            call(arguments[0], arguments[1][0])
        return
    first = next(iter(inspect.signature(FUNCTIONS[name]).parameters))
    if jnp.ndim(arguments[0]):
        with pytest.raises(ValueError, match=rf"^{first} must have shape \[.*\], got \(\)"):
            call(jnp.zeros(()), *arguments[1:])
    # Points that are sampled, and distances whose mean is moved, may have further axes.
    if len(arguments) > 1 and name not in ("sample", "losses.update_running_mean"):
        with pytest.raises(ValueError, match="batch axes|must have shape"):
            call(*arguments[:-1], jnp.stack([arguments[-1]] * 7))


@pytest.mark.parametrize("name", sorted(CHECKED - OF_TREES))
def test_an_axis_of_two_sizes_is_refused(name):
    """Of every axis that an annotation names twice, or whose size it says."""
    call, arguments = call_of(name), take(arguments_of(name, 1), 0)
    axes = [each.split() for each in axes_of(name)]
    named = [axis for own in axes for axis in own]
    for n, own in enumerate(axes):
        for place, axis in enumerate(own, -len(own)):
            if axis.isdigit() or named.count(axis) > 1 and not axis.startswith("*"):
                doubled = jnp.concatenate([arguments[n]] * 2, axis=place)
                with pytest.raises(ValueError, match=f"has {axis} = |must have shape"):
                    call(*arguments[:n], doubled, *arguments[n + 1 :])


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
        refuses = ("Raises:",) * (not hasattr(FUNCTIONS[name], "__wrapped__"))
        for part in ("Args:", "Returns:", *refuses, ">>> "):
            assert part in text, f"{name} lacks {part}"
        for argument in inspect.signature(FUNCTIONS[name]).parameters:
            assert argument in text.split("Args:")[1], f"{name}: {argument} is not documented"
