"""`python -m benchmarks.cost`: what the 4D blocks cost: operations, latency, memory.

The project's own version of the two numbers in C3 4.4. A pair of images, forward (or with
`--gradient` forward and backward), on the device at hand.
"""

import dataclasses
import json
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from benchmarks.measure import compile_program, run
from benchmarks.programs import Program
from experiments.engine import cli, runs
from experiments.engine.errors import UsageError
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


@dataclass(frozen=True)
class Row:
    """One program. XLA leaves out taps in the padding, and counts the body of a loop once."""

    block: str
    trunk: str
    size: int
    cells: int
    """of one side of the volume's grids"""
    macs: int
    """multiply-accumulates of correlation, convolutions and trunk, padding included, forward"""
    gflops: float
    """two per multiply-accumulate"""
    xla_gflops: float
    xla_loops: bool
    """whether the program has loops, so that XLA's count is too small"""
    milliseconds: float
    temporary_mib: float
    """of the compiled program, besides its arguments and results"""


def main() -> None:
    """Measures, prints a table and writes JSON."""
    options = tyro.cli(Options, prog="python -m benchmarks.cost")
    check(options)
    import jax

    device = jax.devices()[0]
    print(f"{device.device_kind}, JAX {jax.__version__}, float32, one pair, "
          f"{'forward and backward' if options.gradient else 'forward'}, "
          f"median of {options.repeats}\n{HEADER}", flush=True)  # fmt: skip
    rows = []
    for row in measure_all(options):
        rows.append(row)
        print(format_row(row), flush=True)
    print(f"\n{NOTES}\n\npublished: {published()}")
    if options.out is not None:
        described = {"device": device.device_kind, "jax": jax.__version__, "published": published()}
        described |= {"options": runs.to_json(options), "rows": list(map(dataclasses.asdict, rows))}
        options.out.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def check(options: Options) -> None:
    """Raises UsageError for what cannot be measured."""
    if min(options.sizes, default=0) < STRIDE:
        raise UsageError(f"--sizes must be {STRIDE} pixels or more each, got {options.sizes}")
    if options.repeats < 1:
        raise UsageError(f"--repeats must be 1 or more, got {options.repeats}")
    if options.out is not None and not options.out.parent.is_dir():
        raise UsageError(f"--out {options.out}: there is no folder {options.out.parent}")


def published() -> str:
    """The claim of the paper, from the notes of its Table 3."""
    return next(note for note in table("C3", "3").notes if "GFLOPs" in note)


NOTES = """\
GFLOP: 2 per multiply-accumulate (MAC) of the formulas, taps in the padding included. XLA: the
compiler's own count, without taps in the padding; >: it counts the body of a loop once. Memory:
temporary, of the compiled program."""
HEADER = "block        trunk         px   grid     GMAC    GFLOP       XLA        ms      MiB"


def format_row(row: Row) -> str:
    """A line of the table."""
    grid, xla = f"{row.cells}x{row.cells}", f"{'>' * row.xla_loops}{row.xla_gflops:.1f}"
    return (
        f"{row.block:13}{row.trunk:11}{row.size:5}{grid:>7}{row.macs / 1e9:9.1f}{row.gflops:9.1f}"
        f"{xla:>10}{row.milliseconds:10.1f}{row.temporary_mib:9.0f}"
    )


def measure_all(options: Options) -> Iterator[Row]:
    """A row for every size, trunk and block."""
    for size in options.sizes:
        for trunk in options.trunks:
            for block in BLOCKS:
                yield measure(block, trunk, size, options)


def measure(block: str, trunk: str, size: int, options: Options) -> Row:
    """Counts, compiles and runs one program."""
    import jax

    function, variables, pair = make_program(block, trunk, size, options)
    macs_of_trunk, (cells, _, features) = trunk_cost(trunk, size)
    macs = macs_of_trunk + block_macs(block, cells, features, options)
    program = Program(block, 1, jax.jit(function), (variables, *pair))
    compiled, _ = compile_program(program)
    seconds, _ = run(compiled, program, options.repeats)
    return Row(
        block=block,
        trunk=trunk,
        size=size,
        cells=cells,
        macs=macs,
        gflops=2 * macs / 1e9,
        xla_gflops=compiled.cost_analysis()["flops"] / 1e9,
        xla_loops=" while(" in compiled.as_text(),
        milliseconds=1e3 * statistics.median(seconds),
        temporary_mib=compiled.memory_analysis().temp_size_in_bytes / 2**20,
    )


def make_program(block: str, trunk: str, size: int, options: Options) -> tuple[Any, Any, Any]:
    """The function of (variables, source, target), its variables, and the pair."""
    import jax

    from c3jax.models.aligner import Aligner
    from c3jax.models.flow import FlowModule
    from c3jax.models.ncnet import NCNet
    from c3jax.models.resnet import ResNet

    fields: Any = {"channels": options.channels, "kernel_size": options.kernel_size}
    model: Any = NCNet(**fields) if block == "full" else FlowModule(layers=block, **fields)
    shape = trunk_cost(trunk, size)[1]
    if trunk != "none":
        shape = (size, size, 3)
        model = Aligner(ResNet(trunk, stages=("layer3",), trainable=False), model)
    keys = jax.random.split(jax.random.key(0), 3)
    pair = [jax.random.uniform(key, (1, *shape)) for key in keys[:2]]
    variables = jax.jit(model.init)(keys[2], *pair)
    if not options.gradient:
        return model.apply, variables, pair
    return jax.grad(lambda v, *maps: (model.apply(v, *maps) ** 2).sum()), variables, pair


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
    import jax
    import jax.numpy as jnp

    from benchmarks.flops import program_flop
    from c3jax.models.resnet import ResNet

    if architecture == "none":
        return 0, (math.ceil(size / STRIDE), math.ceil(size / STRIDE), FEATURES)
    trunk = ResNet(architecture, stages=("layer3",))
    images = jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32)
    variables = jax.eval_shape(trunk.init, jax.random.key(0), images)
    traced, maps = jax.make_jaxpr(trunk.apply, return_shape=True)(variables, images)
    return program_flop(traced.jaxpr) // 2, maps["layer3"].shape[1:]


if __name__ == "__main__":
    cli.guarded(main)
