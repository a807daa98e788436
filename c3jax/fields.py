"""Flow fields: where each cell of the source lies in the target, JLAD section 3.1.

A field tau lives on the source grid and holds target locations, like T^{j->i} of C3: absolute and
normalised, so the identity is `grid`. `carry_points(points, tau)` takes points from the source to
the target, the tau o Phi of JLAD Eq. 1; `warp(maps, tau)` takes maps from the target to the source,
the tau o F^t and tau o psi(x^t) of Eq. 7 and 10. A flow is what a field adds to the identity.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from c3jax._checks import as_float, check_shape_argument, check_shapes
from c3jax.coordinates import numpy_grid, to_pixels
from c3jax.sampling import sample

Field = Float[Array, "*b h w 2"]


def flow_to_field(flow: Field) -> Field:
    """The field of a residual flow.

    tau(p) = p + flow(p)

    Args:
      flow: `[*b, h, w, 2]`, (x, y) displacements in the unit of the points.

    Returns:
      `[*b, h, w, 2]`, target locations on the source grid.

    Raises:
      ValueError: if `flow` is not `[..., h, w, 2]`.

    >>> flow_to_field(jnp.full((1, 3, 2), 0.25))[0, 2]  # the last of three cells
    Array([ 1.25, -0.75], dtype=float32)
    """
    sizes = check_shapes(flow=(flow, "... h w 2"))
    flow = as_float(flow)
    return flow + numpy_grid((sizes["h"], sizes["w"])).astype(flow.dtype)


def field_to_flow(field: Field) -> Field:
    """The residual flow of a field, how far each cell moves.

    flow(p) = tau(p) - p

    Args:
      field: `[*b, h, w, 2]`, target locations on the source grid.

    Returns:
      `[*b, h, w, 2]`, (x, y) displacements in the unit of the points.

    Raises:
      ValueError: if `field` is not `[..., h, w, 2]`.

    >>> from c3jax.coordinates import grid
    >>> field_to_flow(2 * grid((1, 3)))[0, 2]  # twice the location of the last cell
    Array([ 1., -1.], dtype=float32)
    """
    sizes = check_shapes(field=(field, "... h w 2"))
    field = as_float(field)
    return field - numpy_grid((sizes["h"], sizes["w"])).astype(field.dtype)


def resize_field(field: Field, shape: tuple[int, int]) -> Field:
    """The same field on another grid, by bilinear interpolation.

    Args:
      field: `[*b, h, w, 2]`, target locations on the source grid.
      shape: static (height, width) of the new grid: to warp an image, its size.

    Returns:
      `[*b, height, width, 2]`.

    Raises:
      ValueError: if `field` is not `[..., h, w, 2]` or `shape` not two positive integers.

    >>> resize_field(jnp.array([[[0.0, 0.0], [1.0, 0.5]]]), (1, 3))[0, 1]
    Array([0.5 , 0.25], dtype=float32)
    """
    batch = check_shapes(field=(field, "... h w 2"))["..."]
    field = as_float(field)
    cells = numpy_grid(check_shape_argument("shape", shape)).astype(field.dtype)
    return sample(field, jnp.broadcast_to(cells, (*batch, *cells.shape)), padding="clamp")


def compose_fields(first: Field, second: Field) -> Field:
    """Two fields, one after the other.

    out(p) = second(first(p)), bilinear between the cells; outside, the nearest cell's flow is added

    Args:
      first: `[*b, h, w, 2]`, on the grid of image A, holds locations in image B.
      second: `[*b, h', w', 2]`, on the grid of image B, holds locations in image C.

    Returns:
      `[*b, h, w, 2]`, on the grid of image A, holds locations in image C.

    Raises:
      ValueError: if a shape does not fit or the batch axes differ.

    >>> from c3jax.coordinates import grid
    >>> shift = grid((1, 3)) + jnp.array([0.5, 0.0])
    >>> compose_fields(shift, shift)[0, 2]  # 1 + 2 / 2, beyond the border
    Array([ 2., -1.], dtype=float32)
    """
    check_shapes(first=(first, "... h w 2"), second=(second, "... h' w' 2"))
    first = as_float(first)
    return first + sample(field_to_flow(second), first, padding="clamp")


def invert_field(
    field: Field, *, shape: tuple[int, int] | None = None, iterations: int = 10
) -> Field:
    """The field of the other direction, by damped Newton steps from the nearest cell.

    out(q) = p with field(p) = q

    Args:
      field: `[*b, h, w, 2]`, on the source grid, holds target locations.
      shape: static (height, width) of the target grid; that of `field` by default.
      iterations: Newton steps; an affine field needs one.

    Returns:
      `[*b, height, width, 2]`, on the target grid, holds source locations. Cells that the source
      does not reach get a location outside [-1, 1]; where `field` folds or is constant there is no
      inverse, and a location that comes near.

    Raises:
      ValueError: if `field` is not `[..., h, w, 2]`, `shape` not two positive integers or
        `iterations` negative.

    >>> from c3jax.coordinates import grid
    >>> invert_field(2 * grid((2, 3)))[1].round(3)  # half the location
    Array([[-0.5,  0.5],
           [ 0. ,  0.5],
           [ 0.5,  0.5]], dtype=float32)
    """
    sizes = check_shapes(field=(field, "... h w 2"))
    if iterations < 0:
        raise ValueError(f"iterations must not be negative, got {iterations}")
    height, width = check_shape_argument("shape", shape or (sizes["h"], sizes["w"]))
    field = as_float(field)
    targets = numpy_grid((height, width)).reshape(-1, 2).astype(field.dtype)
    targets = jnp.broadcast_to(targets, (*sizes["..."], *targets.shape))
    start = _nearest_cells(field, targets)
    points = lax.fori_loop(0, iterations, lambda _, p: _newton_step(field, p, targets), start)
    return points.reshape(*sizes["..."], height, width, 2)


def _nearest_cells(field, targets):
    """For each of the targets `[*b, n, 2]` the cell that the field takes nearest to it."""
    height, width = field.shape[-3:-1]
    found = field.reshape(*field.shape[:-3], 1, height * width, 2)
    distance = jnp.sum((targets[..., :, None, :] - found) ** 2, axis=-1)
    cells = jnp.asarray(numpy_grid((height, width)).reshape(-1, 2).astype(field.dtype))
    return cells[jnp.argmin(distance, axis=-1)]


def _newton_step(field, points, targets, damping=1e-6):
    """points + (J^T J + damping)^-1 J^T (targets - field(points)), J the field's derivative."""
    value, by_x, by_y = _linearize(field, points)
    residual = targets - value

    def dot(a, b):
        return jnp.sum(a * b, axis=-1)

    # J^T J = [[a, b], [b, c]] is positive definite with the damping: no division by zero.
    a, b, c = dot(by_x, by_x) + damping, dot(by_x, by_y), dot(by_y, by_y) + damping
    right_x, right_y = dot(by_x, residual), dot(by_y, residual)
    step = jnp.stack([c * right_x - b * right_y, a * right_y - b * right_x], axis=-1)
    return points + step / (a * c - b**2)[..., None]


def _linearize(field, points):
    """The field and its derivatives along x and y at points `[*b, n, 2]`.

    Bilinear between four cells; the patches at the border go on beyond it.
    """
    height, width = field.shape[-3:-1]
    position = to_pixels(points, (height, width))
    first = jnp.array([max(width - 2, 0), max(height - 2, 0)], points.dtype)
    corner = jnp.clip(jnp.floor(lax.stop_gradient(position)), 0, first)
    x, y = jnp.moveaxis(position - corner, -1, 0)[..., None]
    column, row = jnp.moveaxis(corner.astype(int), -1, 0)
    cells = field.reshape(*field.shape[:-3], height * width, 2)

    def neighbour(dx, dy):
        index = jnp.minimum(row + dy, height - 1) * width + jnp.minimum(column + dx, width - 1)
        return jnp.take_along_axis(cells, index[..., None], axis=-2)

    upper_left, upper_right = neighbour(0, 0), neighbour(1, 0)
    lower_left, lower_right = neighbour(0, 1), neighbour(1, 1)
    upper, lower = upper_right - upper_left, lower_right - lower_left
    left, right = lower_left - upper_left, lower_right - upper_right
    value = upper_left + x * upper + y * (left + x * (right - left))
    by_x = (upper + y * (lower - upper)) * (width - 1) / 2
    by_y = (left + x * (right - left)) * (height - 1) / 2
    return value, by_x, by_y
