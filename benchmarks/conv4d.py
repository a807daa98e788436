"""Forward and backward of 4D blocks in JAX and in PyTorch, taken in turns in one run.

    python benchmarks/conv4d.py --torch PATH_TO_A_PYTHON_WITH_PYTORCH [--rounds 5]

PyTorch is no dependency: it lives in an environment of its own (CPU build), and is asked for one
timing after the other while JAX waits, so that both see the same machine. 25x25 cells on both
sides, 16 to 16 channels, kernel 5, float32, the gradient of a sum of squares with respect to volume
and kernels. Printed are the least and the median seconds, and the share of the best float32 matmul
rate of the same run that the two convolutions reach.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

CELLS, CHANNELS, KERNEL, MATMUL = 25, 16, 5, 2000
# Multiplications of the two 2D convolutions: forward, and twice as many backward.
SEPARABLE_FLOPS = 3 * 2 * 2 * CELLS**4 * KERNEL**2 * CHANNELS**2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", help="a Python with PyTorch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return serve(torch_tasks())
    tasks = jax_tasks()
    if options.torch:
        tasks |= ask_worker(options.torch)
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task()  # compiled, and in the cache
    for _ in range(options.rounds):
        for name, task in tasks.items():
            seconds[name].append(task())
    show(seconds)


def show(seconds: dict[str, list[float]]) -> None:
    """The table: seconds, ratio to our block, share of the matmul rate."""
    ours = min(seconds["JAX separable_conv4d"])
    rate = 2 * MATMUL**3 / min(seconds["JAX matmul"])
    print(f"{os.cpu_count()} cores; matmul {rate / 1e9:.0f} GFLOP/s")
    for name, values in seconds.items():
        least, median = min(values), statistics.median(values)
        line = f"{name:36s} min {least:7.3f} s  median {median:7.3f} s  {least / ours:6.2f} x ours"
        if "separable" in name:
            line += f"  {100 * SEPARABLE_FLOPS / least / rate:4.0f} % of matmul"
        print(line)


def timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def jax_tasks() -> dict:
    """Our block and other layouts of the same size; each task returns its seconds."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    from c3jax import centre_pivot_conv4d, separable_conv4d

    keys = jax.random.split(jax.random.key(0), 3)
    volume = jax.random.normal(keys[0], (CELLS,) * 4 + (CHANNELS,))
    kernels = jax.random.normal(keys[1], (2, KERNEL, KERNEL, CHANNELS, CHANNELS)) / 20

    def maps(x, kernel):
        layout = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=layout)

    def transposed(x, w1, w2):  # the obvious form
        cells = CELLS**2
        y = maps(x.reshape(-1, CELLS, CELLS, CHANNELS), w2).reshape(cells, cells, -1)
        y = maps(y.swapaxes(0, 1).reshape(-1, CELLS, CELLS, CHANNELS), w1)
        return y.reshape(cells, cells, -1).swapaxes(0, 1)

    def conv3d(x, w1, w2):  # without transposes
        layout = ("NDHWC", "DHWIO", "NDHWC")

        def one(y, kernel):
            ones = (1,) * 3
            return lax.conv_general_dilated(y, kernel, ones, "SAME", dimension_numbers=layout)

        y = one(x.reshape(1, -1, CELLS, CELLS, CHANNELS), w2[None])
        return one(y.reshape(1, CELLS, CELLS, -1, CHANNELS), w1[:, :, None])

    def step(block):
        gradient = jax.jit(jax.grad(lambda x, k: (block(x, k[0], k[1]) ** 2).sum(), argnums=(0, 1)))
        return lambda: timed(lambda: jax.block_until_ready(gradient(volume, kernels)))

    square = jax.random.normal(keys[2], (MATMUL, MATMUL))
    matmul = jax.jit(jnp.matmul)
    return {
        "JAX matmul": lambda: timed(lambda: matmul(square, square).block_until_ready()),
        "JAX separable_conv4d": step(separable_conv4d),
        "JAX two conv2d and transposes, separable": step(transposed),
        "JAX conv3d layout, separable": step(conv3d),
        "JAX centre_pivot_conv4d": step(centre_pivot_conv4d),
    }


def torch_tasks() -> dict:
    """The same two convolutions, and a full 4D convolution as five batched conv3d."""
    import torch
    from torch.nn import functional

    cells = CELLS**2
    volume = torch.randn(cells, CHANNELS, CELLS, CELLS, requires_grad=True)
    w1, w2 = (torch.randn(CHANNELS, CHANNELS, KERNEL, KERNEL, requires_grad=True) for _ in "12")
    rows = torch.randn(CELLS, CHANNELS, CELLS, CELLS, CELLS, requires_grad=True)
    full = torch.randn(KERNEL, CHANNELS, CHANNELS, *[KERNEL] * 3, requires_grad=True)
    square = torch.randn(MATMUL, MATMUL)
    half = KERNEL // 2

    def exchange(x):
        x = x.reshape(cells, CHANNELS, cells).permute(2, 1, 0)
        return x.reshape(cells, CHANNELS, CELLS, CELLS)

    def separable():
        x = exchange(functional.conv2d(volume, w2, padding=half))
        x = exchange(functional.conv2d(x, w1, padding=half))
        torch.autograd.grad((x**2).sum(), (volume, w1, w2))

    def full_4d():
        out = functional.conv3d(rows, full[half], padding=half)
        for by in (-2, -1, 1, 2):
            part = rows[max(0, by) : CELLS + min(0, by)]
            part = functional.conv3d(part, full[by + half], padding=half)
            pads = [0] * 8 + [max(0, -by), max(0, by)]
            out = out + functional.pad(part, pads)
        torch.autograd.grad((out**2).sum(), (rows, full))

    named = f"PyTorch {torch.__version__.split('+')[0]}"
    return {
        f"{named} two conv2d, separable": lambda: timed(separable),
        f"{named} full 4D as five conv3d": lambda: timed(full_4d),
        f"{named} matmul": lambda: timed(lambda: square @ square),
    }


def serve(tasks: dict) -> None:
    """Prints the names of the tasks, then the seconds of each one that is asked for."""
    print("\t".join(tasks), flush=True)
    for line in sys.stdin:
        print(tasks[line.strip()](), flush=True)


def ask_worker(python: str) -> dict:
    """The tasks of another process, which waits between them."""
    pipe, command = subprocess.PIPE, [python, __file__, "--worker"]
    worker = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    asks, answers = worker.stdin, worker.stdout
    assert asks is not None and answers is not None

    def seconds(name: str) -> float:
        print(name, file=asks, flush=True)
        return float(answers.readline())

    names = answers.readline().strip().split("\t")
    return {name: lambda name=name: seconds(name) for name in names}


if __name__ == "__main__":
    main()
