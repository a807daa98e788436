"""How long a program takes: compiled once, then called again and again."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.flops import program_flop
from benchmarks.table import timing


@dataclass(frozen=True)
class Program:
    """A compiled function and its arguments; a step takes a batch second and returns a state first.

    batches: what a step gets, anew at every call; None for a function.
    """

    name: str
    batch_size: int
    function: Any
    arguments: tuple
    batches: Iterator[dict[str, np.ndarray]] | None = None


def measure(program: Program, repeats: int) -> dict[str, Any]:
    """Compiles once, calls the compiled program, counts.

    Returns:
      milliseconds, quartiles_ms: median and quartiles of a call.
      images_per_s: examples: pictures in stages on warped pictures, pairs in stages on pairs.
      gflop: 2 per multiply-accumulate of convolutions and products, by the program.
      xla_gflop: with the other operations, but the body of a loop once, and no taps in padding.
      data_wait_ms: for a batch of pictures in memory, cut and stacked while the device works.
      memory_mib: arguments, results and temporaries of the compiled program.
      compile_s: of tracing and compiling.
    """
    compiled, compile_s = compile_program(program)
    flop = program_flop(jax.make_jaxpr(program.function)(*program.arguments).jaxpr)
    seconds, wait = run(compiled, program, repeats)
    memory = compiled.memory_analysis()
    bytes_used = memory.temp_size_in_bytes + memory.argument_size_in_bytes
    bytes_used += memory.output_size_in_bytes - memory.alias_size_in_bytes
    return {
        "name": program.name,
        **timing(seconds, program.batch_size),
        "gflop": flop / 1e9,
        "xla_gflop": compiled.cost_analysis()["flops"] / 1e9,
        "data_wait_ms": None if wait is None else 1e3 * wait,
        "memory_mib": bytes_used / 2**20,
        "compile_s": compile_s,
    }


def compile_program(program: Program) -> tuple[Any, float]:
    """The compiled program, and the seconds that tracing and compiling took."""
    start = time.perf_counter()
    compiled = program.function.lower(*program.arguments).compile()
    return compiled, time.perf_counter() - start


def run(function: Callable, program: Program, repeats: int) -> tuple[list[float], float | None]:
    """Seconds of each call after the first, and the median wait for a batch."""
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
    matrix = jax.random.normal(jax.random.key(0), (side, side), dtype)
    program = Program("matmul", 1, jax.jit(jnp.matmul), (matrix, matrix))
    return 2 * side**3 / min(run(program.function, program, 5)[0])
