"""Every public function, eagerly, under jit, vmap and pmap; and the rules of its signature."""

import inspect

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import c3jax
from benchmarks.examples import CASES, arguments_of, call_of
from c3jax import losses, metrics
from tests.tolerances import REORDERED

EXAMPLES = 4  # per case; split over the devices by pmap


def public_functions():
    """Names in `c3jax`, `c3jax.losses` and `c3jax.metrics` that can be called, classes aside."""
    found = {}
    for prefix, module in (("", c3jax), ("losses.", losses), ("metrics.", metrics)):
        for name in module.__all__ if module is not metrics else vars(metrics):
            function = getattr(module, name)
            own = getattr(function, "__module__", "").startswith("c3jax")
            if inspect.isfunction(function) and own and not name.startswith(("_", "check")):
                found[prefix + name] = function
    return found


FUNCTIONS = public_functions()


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
    call, arguments = call_of(name), arguments_of(name, EXAMPLES)
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
    "losses.perceptual_distance",
    "losses.update_running_mean",
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
    shapes = jax.eval_shape(jax.vmap(call_of(name)), *arguments_of(name, EXAMPLES))
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


@pytest.mark.parametrize(
    "name", [n for n in sorted(CASES) if hasattr(FUNCTIONS[n], "__wrapped__") and not CASES[n].call]
)
def test_arrays_of_other_shapes_are_refused(name):
    call, arguments = call_of(name), [argument[0] for argument in arguments_of(name, 1)]
    if "key" in CASES[name].arrays:
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
