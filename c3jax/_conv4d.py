"""4D convolution as 2D ones over the target side, one source row at a time.

The k source rows around a row are channels of the input, and what it gives to the k source columns
around a column are channels of the output: k cin by k cout of them fill a matrix product even where
cin or cout is 1. It takes k times the memory of one source row. On a CPU it is 10 to 50 times as
fast as k 3D convolutions.
"""

import jax
import jax.numpy as jnp
from jax import lax

from c3jax._conv2d import add_gradient_of_kernel, plain_conv2d, shift


@jax.custom_vjp
def conv4d(volume, kernel):
    """`[b, hs, ws, ht, wt, cin]` by `[k, k, k, k, cin, cout]`, k odd, zero padding, same size."""
    size, *_, cin, cout = kernel.shape
    over_target = kernel.transpose(2, 3, 0, 4, 1, 5).reshape(size, size, size * cin, size * cout)

    def one_row(rows):
        taps = plain_conv2d(rows.reshape(-1, *rows.shape[2:]), over_target)
        taps = taps.reshape(*rows.shape[:-1], size, cout)
        return sum(shift(taps[..., dx, :], dx - size // 2, axis=1) for dx in range(size))

    rows_around = _rows_around(volume, size)
    out = lax.map(lambda row: one_row(rows_around(row)), jnp.arange(volume.shape[1]))
    return jnp.moveaxis(out, 0, 1)


def _forward(volume, kernel):
    return conv4d(volume, kernel), (volume, kernel)


def _backward(saved, gradient):
    volume, kernel = saved
    turned = kernel[::-1, ::-1, ::-1, ::-1].swapaxes(4, 5)
    return conv4d(gradient, turned), _gradient_of_kernel(volume, gradient, kernel)


conv4d.defvjp(_forward, _backward)


def _gradient_of_kernel(volume, gradient, kernel):
    size, *_, cin, cout = kernel.shape
    rows_around = _rows_around(volume, size)

    def add_row(total, row):
        number, given = row
        taps = jnp.stack([shift(given, size // 2 - dx, axis=1) for dx in range(size)], axis=-2)
        maps = (rows_around(number), taps.reshape(*given.shape[:-1], size * cout))
        maps = (each.reshape(-1, *each.shape[2:]) for each in maps)
        return add_gradient_of_kernel(total, *maps), None

    total = jnp.zeros((size, size, size * cin, size * cout), kernel.dtype)
    rows = jnp.arange(volume.shape[1]), jnp.moveaxis(gradient, 1, 0)
    total = lax.scan(add_row, total, rows)[0]
    return total.reshape(size, size, size, cin, size, cout).transpose(2, 4, 0, 1, 3, 5)


def _rows_around(volume, size):
    """Function from a source row to the `size` rows around it as channels."""
    padded = jnp.pad(volume, [(0, 0), (size // 2, size // 2)] + [(0, 0)] * 4)

    def rows(number):  # [b, ws, ht, wt, size * cin]
        window = lax.dynamic_slice_in_dim(padded, number, size, axis=1)
        return jnp.concatenate([window[:, dy] for dy in range(size)], axis=-1)

    return rows
