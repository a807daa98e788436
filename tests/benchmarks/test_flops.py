"""Operations of programs against counts by hand."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from benchmarks.flops import program_flop
from c3jax._conv2d import conv2d

IMAGES = jnp.ones((2, 9, 7, 3))
KERNEL = jnp.ones((3, 3, 3, 5))
ONE = 2 * 3 * 3 * 3  # a product of 3x3 matrices


def convolve(images, kernel, stride=1):
    return lax.conv_general_dilated(
        images, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def flop(function, *arguments, platform="cpu"):
    return program_flop(jax.make_jaxpr(function)(*arguments).jaxpr, platform)


def test_products_convolutions_and_loops_are_counted_by_hand():
    assert flop(jnp.matmul, jnp.ones((4, 5)), jnp.ones((5, 6))) == 2 * 4 * 5 * 6
    once = 2 * (2 * 9 * 7 * 5) * (9 * 3)
    assert flop(convolve, IMAGES, KERNEL) == once
    assert flop(jax.jit(convolve), IMAGES, KERNEL) == once
    in_loop = lambda images: lax.map(lambda one: convolve(one[None], KERNEL), images)  # noqa: E731
    assert flop(in_loop, IMAGES) == once


@pytest.mark.parametrize("stride", [1, 2])
def test_a_gradient_costs_two_forward_passes_more(stride):
    images = jnp.ones((2, 8, 12, 3))
    forward = flop(lambda *x: convolve(*x, stride), images, KERNEL)
    both = jax.grad(lambda *x: convolve(*x, stride).sum(), (0, 1))
    assert flop(both, images, KERNEL) == pytest.approx(2 * forward + forward, rel=0.35)


def by_platform(x):
    """One product on a CPU, two elsewhere."""
    return lax.platform_dependent(x, cpu=lambda x: x @ x, default=lambda x: x @ x @ x)


def in_scan(x):
    return lax.scan(lambda carry, _: (by_platform(carry), None), x, None, length=4)[0]


@pytest.mark.parametrize(
    ("function", "times"),
    [(by_platform, 1), (jax.jit(by_platform), 1), (in_scan, 4), (jax.jit(in_scan), 4)],
    ids=["plain", "jit", "scan", "scan in jit"],
)
def test_of_branches_by_platform_one_is_counted_through_gradients_too(function, times):
    """A gradient has two products more for each product."""
    gradient = jax.grad(lambda x: function(x).sum())
    mapped = jax.jit(jax.vmap(gradient))
    for platform, products in (("cpu", 1), ("gpu", 2), ("tpu", 2)):
        each = times * products * ONE
        assert flop(function, jnp.ones((3, 3)), platform=platform) == each
        assert flop(gradient, jnp.ones((3, 3)), platform=platform) == 3 * each
        assert flop(mapped, jnp.ones((5, 3, 3)), platform=platform) == 5 * 3 * each


def test_a_branch_of_a_gpu_is_that_of_its_makers_platform():
    own = lambda x: lax.platform_dependent(x, cuda=lambda x: x @ x @ x, default=lambda x: x @ x)  # noqa: E731
    assert [flop(own, jnp.ones((3, 3)), platform=p) for p in ("gpu", "cpu")] == [2 * ONE, ONE]


def test_of_another_condition_the_largest_branch_is_counted():
    either = lambda x: lax.cond(x[0, 0] > 0, lambda x: x @ x @ x, lambda x: x @ x, x)  # noqa: E731
    assert flop(either, jnp.ones((3, 3))) == 2 * ONE


@pytest.mark.parametrize("platform", ["cpu", "gpu"])
def test_the_convolution_of_a_side_is_counted_once_and_its_gradient_twice_more(platform):
    maps, kernel = jnp.ones((6, 5, 4, 2)), jnp.ones((3, 3, 2, 3))
    once = 2 * (6 * 5 * 4) * 9 * 2 * 3
    gradient = jax.grad(lambda *x: jax.jit(conv2d)(*x).sum(), (0, 1))
    assert flop(conv2d, maps, kernel, platform=platform) == once
    assert flop(gradient, maps, kernel, platform=platform) == 3 * once
