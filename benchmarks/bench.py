"""`python -m benchmarks.bench`: how fast the training steps and the hot functions are here.

Pictures and weights are random: nothing needs to be in place. One device is measured.
"""

import dataclasses
import fnmatch
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from benchmarks.programs import Program, make_program, names
from experiments.engine import cli
from experiments.engine.errors import UsageError


@dataclass(frozen=True)
class Options:
    """Measure the step of every stage of every preset, and the hot functions with their gradients.

    Names are EXPERIMENT/PRESET/STAGE and function/NAME.
    """

    only: tuple[str, ...] = ("*/laptop/*", "function/*")
    """patterns of the names; give '*' for all, '*/paper/*' for what accelerators run"""
    batch_size: int | None = None
    """examples in a batch; by default the preset's, 16 for functions"""
    precision: Literal["float32", "bfloat16"] = "float32"
    """of the networks' activations in steps"""
    repeats: int = 10
    """steps of which the median is taken"""
    matmul: int = 2048
    """side of the square float32 matrices whose product is the peak"""
    out: Path | None = None
    """file for the same as JSON"""


@dataclass(frozen=True)
class Row:
    """One program. GFLOP: 2 per multiply-accumulate of convolutions and products, by the program.

    XLA's count has the other operations too, but the body of a loop once, and no taps in padding.
    """

    name: str
    batch_size: int
    milliseconds: float
    images_per_s: float
    """examples: pictures in stages on warped pictures, pairs in stages on pairs"""
    gflop: float
    xla_gflop: float
    peak_share: float
    """of the rate of the float32 matrix product"""
    data_wait_ms: float | None
    """for a batch of pictures in memory, cut and stacked while the device works"""
    memory_mib: float
    """arguments, results and temporaries of the compiled program"""
    compile_cold_s: float
    compile_warm_s: float
    """with the program in the cache on the disk"""


def main() -> None:
    """Measures, prints a table and writes JSON."""
    options = tyro.cli(Options, prog="python -m benchmarks.bench")
    chosen = check(options)
    import jax

    device = jax.devices()[0]
    peak = matmul_rate(options.matmul)
    print(
        f"{device.device_kind}, JAX {jax.__version__}, one device, median of {options.repeats}; "
        f"float32 product of {options.matmul}x{options.matmul}: {peak / 1e9:.0f} GFLOP/s\n{HEADER}",
        flush=True,
    )
    rows = []
    for name in chosen:
        program = make_program(name, options.batch_size, options.precision)
        rows.append(measure(program, options.repeats, peak))
        print(format_row(rows[-1]), flush=True)
    if options.out is not None:
        described = {
            "device": device.device_kind,
            "jax": jax.__version__,
            "matmul_gflops": peak / 1e9,
        }
        described |= {"options": cli.to_json(options), "rows": list(map(dataclasses.asdict, rows))}
        options.out.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def check(options: Options) -> list[str]:
    """The names that are measured; raises UsageError for what cannot be."""
    for name, least in (("batch_size", 1), ("repeats", 1), ("matmul", 1)):
        value = getattr(options, name)
        if value is not None and value < least:
            flag = name.replace("_", "-")
            raise UsageError(f"--{flag} must be {least} or more, got {value}")
    if options.out is not None and not options.out.parent.is_dir():
        raise UsageError(f"--out {options.out}: there is no folder {options.out.parent}")
    chosen = [n for n in names() if any(fnmatch.fnmatch(n, p) for p in options.only)]
    if not chosen:
        raise UsageError(f"--only {' '.join(options.only)} is none of {', '.join(names())}")
    return chosen


HEADER = (
    "program                                batch      ms  images/s    GFLOP      XLA   peak  "
    "data ms      MiB  cold s  warm s"
)


def format_row(row: Row) -> str:
    """A line of the table."""
    wait = "" if row.data_wait_ms is None else f"{row.data_wait_ms:.1f}"
    return (
        f"{row.name:38}{row.batch_size:6}{row.milliseconds:8.1f}{row.images_per_s:10.1f}"
        f"{row.gflop:9.1f}{row.xla_gflop:9.1f}{row.peak_share:6.0%}{wait:>9}"
        f"{row.memory_mib:9.0f}{row.compile_cold_s:8.1f}{row.compile_warm_s:8.1f}"
    )


def measure(program: Program, repeats: int, peak: float) -> Row:
    """Compiles twice, runs, counts."""
    import jax

    compiled, cold, warm = compile_twice(program)
    flop = program_flop(jax.make_jaxpr(program.function)(*program.arguments).jaxpr)
    seconds, waits = run(program, repeats)
    memory = compiled.memory_analysis()
    bytes_used = memory.temp_size_in_bytes + memory.argument_size_in_bytes
    bytes_used += memory.output_size_in_bytes - memory.alias_size_in_bytes
    return Row(
        name=program.name,
        batch_size=program.batch_size,
        milliseconds=1e3 * seconds,
        images_per_s=program.batch_size / seconds,
        gflop=flop / 1e9,
        xla_gflop=compiled.cost_analysis()["flops"] / 1e9,
        peak_share=flop / seconds / peak,
        data_wait_ms=None if waits is None else 1e3 * waits,
        memory_mib=bytes_used / 2**20,
        compile_cold_s=cold,
        compile_warm_s=warm,
    )


def compile_twice(program: Program) -> tuple[Any, float, float]:
    """The compiled program, and the seconds with an empty and with a filled cache."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    settings = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: jax.config.values[name] for name in settings}
    with tempfile.TemporaryDirectory() as folder:
        for name, value in zip(settings, (folder, 0.0), strict=True):
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        seconds = []
        for _ in range(2):
            jax.clear_caches()
            start = time.perf_counter()
            compiled = program.function.lower(*program.arguments).compile()
            seconds.append(time.perf_counter() - start)
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    return compiled, *seconds


def run(program: Program, repeats: int) -> tuple[float, float | None]:
    """Median seconds of a call, and of the wait for its batch."""
    import jax

    state, *rest = program.arguments
    seconds, waits = [], []
    for _ in range(repeats + 1):  # the first call compiles
        start = time.perf_counter()
        if program.batches is not None:
            rest[0] = next(program.batches)
        waits.append(time.perf_counter() - start)
        found = jax.block_until_ready(program.function(state, *rest))
        seconds.append(time.perf_counter() - start - waits[-1])
        state = found[0] if program.batches is not None else state
    wait = None if program.batches is None else statistics.median(waits[1:])
    return statistics.median(seconds[1:]), wait


def matmul_rate(side: int) -> float:
    """FLOP/s of a float32 product, best of five."""
    import jax
    import jax.numpy as jnp

    product = jax.jit(jnp.matmul)
    matrix = jnp.ones((side, side), jnp.float32)

    def seconds() -> float:
        start = time.perf_counter()
        product(matrix, matrix).block_until_ready()
        return time.perf_counter() - start

    return 2 * side**3 / min([seconds() for _ in range(6)][1:])


def program_flop(jaxpr, times: int = 1) -> int:
    """Two per multiply-accumulate of all convolutions and matrix products, those in loops too."""
    total = 0
    for equation in jaxpr.eqns:
        count = FLOP.get(equation.primitive.name)
        total += times * count(equation) if count else 0
        rounds = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        total += sum(program_flop(inner, times * rounds) for inner in _inner(equation))
    return total


def _inner(equation) -> Iterator[Any]:
    for value in equation.params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            inner = getattr(item, "jaxpr", item)
            if hasattr(inner, "eqns"):
                yield inner


def _convolution_flop(equation) -> int:
    out, kernel = equation.outvars[0].aval.shape, equation.invars[1].aval.shape
    params = equation.params
    # A strided convolution's gradient spreads its input with zeros, which cost nothing.
    zeros = math.prod(params["lhs_dilation"])
    taps = math.prod(kernel) // kernel[params["dimension_numbers"].rhs_spec[0]]
    return 2 * math.prod(out) * taps // zeros


def _product_flop(equation) -> int:
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return 2 * math.prod(equation.outvars[0].aval.shape) * math.prod(left[i] for i in contracted)


FLOP: dict[str, Callable[[Any], int]] = {
    "conv_general_dilated": _convolution_flop,
    "dot_general": _product_flop,
}

if __name__ == "__main__":
    cli.guarded(main)
