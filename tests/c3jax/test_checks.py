"""Checks of static shapes and Python scalars."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Bool, Float

from c3jax import _checks as checks
from c3jax.splines import ThinPlateSpline


def test_sizes_are_returned_by_name_and_batch_axes_together():
    sizes = checks.check_shapes(
        image=(np.zeros((5, 6, 2, 3, 4)), "*b H W C"), weights=(np.zeros((4, 2)), "C 2")
    )
    assert sizes == {"*b": (5, 6), "H": 2, "W": 3, "C": 4, "2": 2}


def test_traced_arrays_and_lists_have_shapes():
    jax.jit(lambda x: checks.check_shapes(x=(x, "2 3")) and x)(jnp.zeros((2, 3)))
    assert checks.check_shapes(x=([[1, 2]], "n 2"))["n"] == 1


@pytest.mark.parametrize(
    ("shape", "pattern"),
    [((3,), "*b K 2"), ((4, 3), "*b K 2"), ((1, 4, 2), "K 2"), ((), "n"), ((2,), "K 2")],
)
def test_wrong_ranks_and_fixed_sizes_are_refused(shape, pattern):
    with pytest.raises(ValueError, match=r"^points must have shape \[.*\], got \("):
        checks.check_shapes(points=(np.zeros(shape), pattern))


@checks.checked
def corners(
    warp: ThinPlateSpline,
    points: Float[Array, "*b K 2"],
    *,
    valid: Bool[Array, "*b K"] | None = None,
):
    return points


def test_annotations_are_checked_those_of_named_tuples_and_of_options_too():
    warp, points = ThinPlateSpline(jnp.zeros((5, 2, 3)), jnp.zeros((5, 4, 2))), jnp.zeros((5, 6, 2))
    assert corners(warp, points) is points
    assert corners(warp, points=points, valid=np.ones((5, 6))) is points
    with pytest.raises(ValueError, match=r"^points must have shape \[..., K, 2\], got \(5, 3\)"):
        corners(warp, jnp.zeros((5, 3)))
    with pytest.raises(ValueError, match=r"^points .* has batch axes = \(\), but warp_affine has"):
        jax.jit(corners)(warp, points[0])
    with pytest.raises(ValueError, match=r"^warp_weights must have shape \[..., M, 2\], got"):
        corners(warp._replace(weights=jnp.zeros((5, 4, 3))), points)
    with pytest.raises(
        ValueError, match=r"^valid of shape \(5, 7\) has K = 7, but points has K = 6"
    ):
        corners(warp, points, valid=np.ones((5, 7)))
    with pytest.raises(ValueError, match=r"^points must have shape .* got \(2,\)"):
        jax.vmap(corners, (None, 0))(warp, jnp.zeros((3, 2)))


def test_one_name_is_one_size_also_within_an_argument():
    with pytest.raises(
        ValueError, match=r"^kernel of shape \(3, 5\) has k = 5, but kernel has k = 3"
    ):
        checks.check_shapes(kernel=(np.zeros((3, 5)), "k k"))
    with pytest.raises(ValueError, match=r"^b of shape \(4,\) has n = 4, but a has n = 3$"):
        checks.check_shapes(a=(np.zeros(3), "n"), b=(np.zeros(4), "n"))


def test_batch_axes_are_never_broadcast():
    with pytest.raises(
        ValueError, match=r"^b of shape \(1, 2\) has batch axes = \(1,\), but a has"
    ):
        checks.check_shapes(a=(np.zeros((3, 2)), "*b 2"), b=(np.zeros((1, 2)), "*b 2"))


def test_scalars():
    checks.check_positive(a=1, b=0.5, c=np.float32(2))
    checks.check_not_negative(a=0)
    for value in (0, -1.0, float("nan"), np.float32(-2)):
        with pytest.raises(ValueError, match="^stddev must be positive, got"):
            checks.check_positive(stddev=value)
    for value in (-1, float("nan")):
        with pytest.raises(ValueError, match="^epsilon must not be negative, got"):
            checks.check_not_negative(epsilon=value)


def test_traced_scalars_cannot_be_checked():
    jax.jit(lambda x: checks.check_positive(x=x) or x)(-1.0)
    jax.jit(lambda x: checks.check_not_negative(x=x) or x)(-1.0)
