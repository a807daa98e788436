"""`python -m benchmarks.cost`: what the 4D blocks cost: operations, latency, memory.

The project's own version of the two numbers in C3 4.4. A pair of images, forward (or with
`--gradient` forward and backward), on the device at hand.
"""

import itertools
import math
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import tyro

from benchmarks.flops import program_flop
from benchmarks.measure import compile_program, run
from benchmarks.programs import Program
from benchmarks.report import check_out, report
from c3jax.models.aligner import Aligner
from c3jax.models.flow import FlowModule
from c3jax.models.ncnet import NCNet
from c3jax.models.resnet import ResNet
from c3jax.tools.errors import UsageError, check_least
from experiments.engine import cli
from experiments.measure.published import table

STRIDE, FEATURES = 16, 1024  # of layer3 in ResNet-50 and ResNet-101
BLOCKS = ("separable", "centre_pivot", "full")
Trunk = Literal["none", "resnet50", "resnet101", "resnet18", "small"]


@dataclass(frozen=True)
class Options:
    """Print multiply-accumulates, FLOPs, latency and peak memory of each 4D block for one pair.

    `separable` is the flow module of C3, `centre_pivot` its sum in place of the composition, `full`
    is NC-Net.
    """

    sizes: tuple[int, ...] = (256, 400)
    """sides of the square images in pixels; the volume has (size / 16)^4 cells"""
    trunks: tuple[Trunk, ...] = ("none", "resnet50", "resnet101")
    """up to layer3, on both images; none: the block alone, on features of 1,024 channels"""
    channels: tuple[int, ...] = (16, 16, 1)
    """output channels of the layers"""
    kernel_size: int = 5
    """side of the 4D kernels"""
    gradient: bool = False
    """forward and backward, by the parameters of the block"""
    repeats: int = 5
    """runs of which the median is printed"""
    out: Path | None = None
    """file for the same as JSON"""


COLUMNS = {
    "block": "{block}",
    "trunk": "{trunk}",
    "px": "{size}",
    "grid": "{cells}x{cells}",
    "MAC": "{macs:,}",
    "GFLOP": "{gflops:.1f}",
    "XLA": "{xla_gflops:.1f}",
    "loops": "{xla_loops}",
    "ms": "{milliseconds:.1f}",
    "MiB": "{temporary_mib:.0f}",
}
NOTES = """
GFLOP: 2 per multiply-accumulate (MAC) of the formulas, taps in the padding included. XLA: the
compiler's own count, without taps in the padding, and with the body of a loop once. MiB: temporary,
of the compiled program.

published:"""


def main() -> None:
    """Measures, prints a table and writes JSON."""
    options = tyro.cli(Options, prog="python -m benchmarks.cost")
    check(options)
    every = itertools.product(options.sizes, options.trunks, BLOCKS)
    rows = (measure(block, trunk, size, options) for size, trunk, block in every)
    direction = "forward and backward" if options.gradient else "forward"
    # The claim of the paper, from the notes of its Table 3.
    published = next(note for note in table("C3", "3").notes if "GFLOPs" in note)
    report(options, f"float32, one pair, {direction}", COLUMNS, rows, published=published)
    print(NOTES, published)


def check(options: Options) -> None:
    """Raises UsageError for what cannot be measured."""
    if min(options.sizes, default=0) < STRIDE:
        raise UsageError(f"--sizes must be {STRIDE} pixels or more each, got {options.sizes}")
    check_least("--repeats", options.repeats, 1)
    check_out(options.out)


def measure(block: str, trunk: str, size: int, options: Options) -> dict[str, Any]:
    """Counts, compiles and runs one program.

    Returns:
      cells: of one side of the volume's grids.
      macs: multiply-accumulates of correlation, convolutions and trunk, padding included, forward.
      gflops: two per multiply-accumulate.
      xla_gflops: without taps in the padding, and with the body of a loop once.
      xla_loops: whether the program has loops, so that XLA's count is too small.
      milliseconds: median.
      temporary_mib: of the compiled program, besides its arguments and results.
    """
    macs, (cells, _, features) = trunk_cost(trunk, size)
    macs += block_macs(block, cells, features, options)
    shape = (cells, cells, features) if trunk == "none" else (size, size, 3)
    program = make_program(block, trunk, shape, options)
    compiled, _ = compile_program(program)
    seconds, _ = run(compiled, program, options.repeats)
    return {
        "block": block,
        "trunk": trunk,
        "size": size,
        "cells": cells,
        "macs": macs,
        "gflops": 2 * macs / 1e9,
        "xla_gflops": compiled.cost_analysis()["flops"] / 1e9,
        "xla_loops": " while(" in compiled.as_text(),
        "milliseconds": 1e3 * statistics.median(seconds),
        "temporary_mib": compiled.memory_analysis().temp_size_in_bytes / 2**20,
    }


def make_program(block: str, trunk: str, shape: tuple[int, ...], options: Options) -> Program:
    """A function of the variables and the pair, each of this shape: features or images."""
    fields: Any = {"channels": options.channels, "kernel_size": options.kernel_size}
    model: Any = NCNet(**fields) if block == "full" else FlowModule(layers=block, **fields)
    if trunk != "none":
        model = Aligner(ResNet(trunk, stages=("layer3",), trainable=False), model)
    keys = jax.random.split(jax.random.key(0), 3)
    pair = [jax.random.uniform(key, (1, *shape)) for key in keys[:2]]
    variables = jax.jit(model.init)(keys[2], *pair)
    gradient = jax.grad(lambda v, *maps: (model.apply(v, *maps) ** 2).sum())
    function = jax.jit(gradient if options.gradient else model.apply)
    return Program(block, 1, function, (variables, *pair))


def block_macs(block: str, cells: int, features: int, options: Options) -> int:
    """Multiply-accumulates of the correlation and of N(c) + N(c^T)^T, forward."""
    volume, taps = cells**4, options.kernel_size**2
    per_cell, cin = 0, 1
    for cout in options.channels:
        per_cell += {
            "separable": taps * (cin + cout) * cout,
            "centre_pivot": 2 * taps * cin * cout,
            "full": taps**2 * cin * cout,
        }[block]
        cin = cout
    return volume * (features + 2 * per_cell)


def trunk_cost(architecture: str, size: int) -> tuple[int, tuple[int, ...]]:
    """Multiply-accumulates of both images up to layer3, counted in the program; `(h, w, C)`."""
    if architecture == "none":
        cells = math.ceil(size / STRIDE)
        return 0, (cells, cells, FEATURES)
    trunk = ResNet(architecture, stages=("layer3",))
    images = jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32)
    variables = jax.eval_shape(trunk.init, jax.random.key(0), images)
    traced, maps = jax.make_jaxpr(trunk.apply, return_shape=True)(variables, images)
    return program_flop(traced.jaxpr) // 2, maps["layer3"].shape[1:]


if __name__ == "__main__":
    cli.guarded(main)
