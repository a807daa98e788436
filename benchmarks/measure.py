"""How long a program takes: compiled once, then called again and again."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.programs import Program


@dataclass(frozen=True)
class Measured:
    """One program. GFLOP: 2 per multiply-accumulate of convolutions and products, by the program.

    XLA's count has the other operations too, but the body of a loop once, and no taps in padding.
    """

    name: str
    batch_size: int
    milliseconds: float
    """median"""
    quartiles_ms: tuple[float, float]
    images_per_s: float
    """examples: pictures in stages on warped pictures, pairs in stages on pairs"""
    gflop: float
    xla_gflop: float
    data_wait_ms: float | None
    """for a batch of pictures in memory, cut and stacked while the device works"""
    memory_mib: float
    """arguments, results and temporaries of the compiled program"""
    compile_s: float


def measure(program: Program, repeats: int) -> Measured:
    """Compiles once, calls the compiled program, counts."""
    import jax

    from benchmarks.flops import program_flop

    compiled, compile_s = compile_program(program)
    flop = program_flop(jax.make_jaxpr(program.function)(*program.arguments).jaxpr)
    seconds, wait = run(compiled, program, repeats)
    low, median, high = np.percentile(seconds, (25, 50, 75))
    memory = compiled.memory_analysis()
    bytes_used = memory.temp_size_in_bytes + memory.argument_size_in_bytes
    bytes_used += memory.output_size_in_bytes - memory.alias_size_in_bytes
    return Measured(
        name=program.name,
        batch_size=program.batch_size,
        milliseconds=1e3 * median,
        quartiles_ms=(1e3 * low, 1e3 * high),
        images_per_s=program.batch_size / median,
        gflop=flop / 1e9,
        xla_gflop=compiled.cost_analysis()["flops"] / 1e9,
        data_wait_ms=None if wait is None else 1e3 * wait,
        memory_mib=bytes_used / 2**20,
        compile_s=compile_s,
    )


def compile_program(program: Program) -> tuple[Any, float]:
    """The compiled program, and the seconds that tracing and compiling took."""
    start = time.perf_counter()
    compiled = program.function.lower(*program.arguments).compile()
    return compiled, time.perf_counter() - start


def run(function: Callable, program: Program, repeats: int) -> tuple[list[float], float | None]:
    """Seconds of each call after the first, and the median wait for a batch."""
    import jax

    state, *rest = program.arguments
    seconds, waits = [], []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        if program.batches is not None:
            rest[0] = next(program.batches)
        waits.append(time.perf_counter() - start)
        found = jax.block_until_ready(function(state, *rest))
        seconds.append(time.perf_counter() - start - waits[-1])
        state = found[0] if program.batches is not None else state
    wait = None if program.batches is None else float(np.median(waits[1:]))
    return seconds[1:], wait


def matmul_rate(side: int, dtype: str = "float32") -> float:
    """FLOP/s of a square matrix product, best of five."""
    import jax
    import jax.numpy as jnp

    matrix = jax.random.normal(jax.random.key(0), (side, side), dtype)
    program = Program("matmul", 1, jax.jit(jnp.matmul), (matrix, matrix))
    return 2 * side**3 / min(run(program.function, program, 5)[0])
