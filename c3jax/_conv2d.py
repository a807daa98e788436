"""2D convolutions whose gradients, or whose maps, XLA:CPU is slow at; elsewhere they are XLA's own.

`conv_general_dilated` is what the layers of the networks call: the gradient of a kernel takes a
third of XLA's time. `conv2d` is for very many small maps, as the sides of a 4D volume are. On a CPU
it is twice as fast, because

* the k x k taps are one matrix product of the k rows around a cell by what they give to the k
  columns around it: 80 by 80 for 16 channels and 5 x 5 taps, where a convolution has 400 by 16;
* it works on few enough maps at a time that they stay in the cache;
* every convolution has the one form that XLA:CPU hands to its matrix product inside a loop, NHWC
  by HWIO without reversal: the gradients are written out, those that JAX derives are not so.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

# Sizes that were fastest for 16 channels: input cells of a product, maps of a kernel's gradient.
CELLS_AT_A_TIME, MAPS_AT_A_TIME = 3000, 128
# The same of a layer's kernel, for 48 to 176 channels.
LAYER_CELLS_AT_A_TIME = 2048
LAYOUT = ("NHWC", "HWIO", "NHWC")


def conv_general_dilated(maps, kernel, strides, padding, **options):
    """`lax.conv_general_dilated` for `nn.Conv`, with the faster gradient of a plain 3x3 kernel."""
    same = padding == "SAME" or all(tuple(sides) == (1, 1) for sides in padding)
    plain = {*strides, *options["lhs_dilation"], *options["rhs_dilation"]} == {1}
    large = math.prod(maps.shape[:3]) > LAYER_CELLS_AT_A_TIME
    if kernel.shape[:2] == (3, 3) and same and plain and large:
        return layer_conv2d(maps, kernel)
    return lax.conv_general_dilated(maps, kernel, strides, padding, **options)


@jax.custom_vjp
def layer_conv2d(maps, kernel):
    """`[b, h, w, cin]` by `[k, k, cin, cout]`, k odd, to `[b, h, w, cout]`, zero padding."""
    return plain_conv2d(maps, kernel)


def _layer_forward(maps, kernel):
    return plain_conv2d(maps, kernel), (maps, kernel)


def _layer_backward(saved, gradient):
    maps, kernel = saved
    of_kernel = lax.platform_dependent(
        jnp.zeros_like(kernel), maps, gradient, cpu=_layer_gradient, default=add_gradient_of_kernel
    )
    return plain_conv2d(gradient, _turned(kernel)), of_kernel


layer_conv2d.defvjp(_layer_forward, _layer_backward)


def _layer_gradient(total, maps, gradient):
    """Products of cells with the k x k gradients around them, of as many as the cache holds."""
    size, _, cin, cout = total.shape
    radius, (height, width) = size // 2, maps.shape[1:3]

    def add(total, chunk):
        maps, gradient = chunk
        padded = jnp.pad(gradient, ((0, 0), (radius, radius), (radius, radius), (0, 0)))
        around = [
            padded[:, y : y + height, x : x + width] for y in range(size) for x in range(size)
        ]
        taps = jnp.concatenate(around[::-1], axis=-1)
        return total + jnp.einsum(
            "byxi,byxo->io", maps, taps, preferred_element_type=total.dtype
        ), None

    wanted = LAYER_CELLS_AT_A_TIME / (height * width)
    first = jnp.zeros((cin, size * size * cout), jnp.promote_types(total.dtype, jnp.float32))
    products, _ = lax.scan(add, first, (_split(maps, wanted), _split(gradient, wanted)))
    by_tap = products.reshape(cin, size, size, cout).transpose(1, 2, 0, 3)
    return total + by_tap.astype(total.dtype)


@jax.custom_vjp
def conv2d(maps, kernel):
    """`[n, h, w, cin]` by `[k, k, cin, cout]`, k odd, to `[n, h, w, cout]`, zero padding."""
    return lax.platform_dependent(maps, kernel, cpu=_conv_in_chunks, default=plain_conv2d)


def _forward(maps, kernel):
    return conv2d(maps, kernel), (maps, kernel)


def _backward(saved, gradient):
    maps, kernel = saved
    arguments = (jnp.zeros_like(kernel), maps, gradient)
    of_kernel = lax.platform_dependent(
        *arguments, cpu=_add_gradient_in_chunks, default=add_gradient_of_kernel
    )
    return conv2d(gradient, _turned(kernel)), of_kernel


conv2d.defvjp(_forward, _backward)


def plain_conv2d(maps, kernel):
    return lax.conv_general_dilated(maps, kernel, (1, 1), "SAME", dimension_numbers=LAYOUT)


def _conv_in_chunks(maps, kernel):
    chunks = _split(maps, CELLS_AT_A_TIME / (maps.shape[1] * maps.shape[2]))
    convolved = lax.map(lambda chunk: _conv_as_matmul(chunk, kernel), chunks)
    return convolved.reshape(*maps.shape[:3], kernel.shape[3])


def _conv_as_matmul(maps, kernel):
    """out(y, x) = sum_dx P(y, x + dx, dx), P(y, x, dx) = sum_dy kernel(dy, dx) maps(y + dy, x)."""
    size, _, cin, cout = kernel.shape
    radius, height = size // 2, maps.shape[1]
    padded = jnp.pad(maps, ((0, 0), (radius, radius), (0, 0), (0, 0)))
    rows = jnp.concatenate([padded[:, dy : dy + height] for dy in range(size)], axis=-1)
    matrix = kernel.transpose(0, 2, 1, 3).reshape(size * cin, size * cout)
    product = (rows.reshape(-1, size * cin) @ matrix).reshape(*maps.shape[:3], size * cout)
    columns = jnp.split(product, size, axis=-1)
    return sum(shift(column, dx - radius, axis=2) for dx, column in enumerate(columns))


def shift(array, by, *, axis):
    """array(i + by) in place of array(i) along one axis; zeros come in."""
    padding = [(0, 0, 0)] * array.ndim
    padding[axis] = (-by, by, 0)
    return lax.pad(array, jnp.zeros((), array.dtype), padding)


def add_gradient_of_kernel(total, maps, gradient):
    """total(d) + sum_{n, t} maps(n, t + d) gradient(n, t), one convolution over n channels."""
    if maps.shape[3] > gradient.shape[3]:  # the wider one is the kernel: more columns
        return _turned(add_gradient_of_kernel(_turned(total), gradient, maps))
    inputs, window = maps.transpose(3, 1, 2, 0), gradient.transpose(1, 2, 0, 3)
    padding = [(len(total) // 2, len(total) // 2)] * 2
    taps = lax.conv_general_dilated(inputs, window, (1, 1), padding, dimension_numbers=LAYOUT)
    return total + taps.transpose(1, 2, 0, 3)


def _add_gradient_in_chunks(total, maps, gradient):
    chunks = _split(maps, MAPS_AT_A_TIME), _split(gradient, MAPS_AT_A_TIME)
    return lax.scan(lambda t, chunk: (add_gradient_of_kernel(t, *chunk), None), total, chunks)[0]


def _turned(kernel):
    """The kernel of the transposed convolution."""
    return kernel[::-1, ::-1].swapaxes(2, 3)


def _split(maps, wanted):
    """`[n, ...]` to `[chunks, size, ...]` with a size that divides n, about the one `wanted`."""
    n = len(maps)
    divisors = [size for size in range(1, n + 1) if n % size == 0]
    size = min(divisors, key=lambda size: max(size / wanted, wanted / size))
    return maps.reshape(-1, size, *maps.shape[1:])
