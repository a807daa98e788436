"""`python -m benchmarks.bench`: how fast the training steps and the hot functions are here.

Pictures and weights are random: nothing needs to be in place. One device is measured.
"""

import fnmatch
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import tyro
from jax.experimental.compilation_cache import compilation_cache

from benchmarks.measure import compile_program, matmul_rate, measure
from benchmarks.programs import Program, make_program, names
from benchmarks.report import check_out, report
from benchmarks.table import TIMED
from c3jax.tools.errors import UsageError, check_least
from experiments.engine import cli


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
    """of the networks' activations in steps, and of the arrays of functions"""
    repeats: int = 10
    """steps of which the median is taken"""
    matmul: int = 2048
    """side of the square float32 matrices whose product is the peak"""
    out: Path | None = None
    """file for the same as JSON"""


COLUMNS = TIMED | {"again, s": "{compile_warm_s:.1f}"}


def main() -> None:
    """Measures, prints a table and writes JSON."""
    options = tyro.cli(Options, prog="python -m benchmarks.bench")
    chosen = check(options)
    peak = matmul_rate(options.matmul)
    product = f"float32 product of {options.matmul}x{options.matmul}: {peak / 1e9:.0f} GFLOP/s"
    programs = (make_program(name, options.batch_size, options.precision) for name in chosen)
    rows = (
        {"precision": options.precision, **measure_twice(program, options.repeats, peak)}
        for program in programs
    )
    report(options, f"one device, {product}", COLUMNS, rows, matmul_gflops=peak / 1e9)


def check(options: Options) -> list[str]:
    """The names that are measured; raises UsageError for what cannot be."""
    check_least("--batch-size", options.batch_size, 1)
    check_least("--repeats", options.repeats, 1)
    check_least("--matmul", options.matmul, 1)
    check_out(options.out)
    chosen = [n for n in names() if any(fnmatch.fnmatch(n, p) for p in options.only)]
    if not chosen:
        raise UsageError(f"--only {' '.join(options.only)} is none of {', '.join(names())}")
    return chosen


def measure_twice(program: Program, repeats: int, peak: float) -> dict[str, Any]:
    """Compiles with an empty and with a filled cache on the disk, runs, counts.

    Returns:
      what `measure` gives, `peak_share` (of the rate of the float32 matrix product), and
      `compile_cold_s` and `compile_warm_s`.
    """
    with tempfile.TemporaryDirectory() as folder:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        keep_compiled_in(folder)
        row = measure(program, repeats)
        jax.clear_caches()
        _, warm = compile_program(program)
        keep_compiled_in(None)
    share = 1e12 * row["gflop"] / row["milliseconds"] / peak
    cold = row["compile_s"]
    return row | {"peak_share": share, "compile_cold_s": cold, "compile_warm_s": warm}


def keep_compiled_in(folder: str | None) -> None:
    """JAX's cache of compiled programs on the disk; what it knows of another one is dropped."""
    jax.config.update("jax_compilation_cache_dir", folder)
    compilation_cache.reset_cache()
    jax.clear_caches()


if __name__ == "__main__":
    cli.guarded(main)
