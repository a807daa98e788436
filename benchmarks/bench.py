"""`python -m benchmarks.bench`: how fast the training steps and the hot functions are here.

Pictures and weights are random: nothing needs to be in place. One device is measured.
"""

import contextlib
import dataclasses
import fnmatch
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from benchmarks.measure import Measured, compile_program, matmul_rate, measure
from benchmarks.programs import Program, make_program, names
from experiments.engine import cli, runs
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
    """of the networks' activations in steps, and of the arrays of functions"""
    repeats: int = 10
    """steps of which the median is taken"""
    matmul: int = 2048
    """side of the square float32 matrices whose product is the peak"""
    out: Path | None = None
    """file for the same as JSON"""


@dataclass(frozen=True, kw_only=True)
class Row(Measured):
    """One program, and what is told of it here alone."""

    peak_share: float
    """of the rate of the float32 matrix product"""
    compile_cold_s: float
    """`compile_s`"""
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
        rows.append(measure_twice(program, options.repeats, peak))
        print(format_row(rows[-1]), flush=True)
    if options.out is not None:
        described = {
            "device": device.device_kind,
            "jax": jax.__version__,
            "matmul_gflops": peak / 1e9,
        }
        described |= {"options": runs.to_json(options), "rows": list(map(dataclasses.asdict, rows))}
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


def measure_twice(program: Program, repeats: int, peak: float) -> Row:
    """Compiles with an empty and with a filled cache, runs, counts."""
    import jax

    with empty_cache():
        jax.clear_caches()
        found = measure(program, repeats)
        jax.clear_caches()
        _, warm = compile_program(program)
    return Row(
        **{field.name: getattr(found, field.name) for field in dataclasses.fields(Measured)},
        peak_share=1e12 * found.gflop / found.milliseconds / peak,
        compile_cold_s=found.compile_s,
        compile_warm_s=warm,
    )


@contextlib.contextmanager
def empty_cache():
    """Compiled programs are kept in a folder that begins empty."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    settings = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: jax.config.values[name] for name in settings}
    with tempfile.TemporaryDirectory() as folder:
        for name, value in zip(settings, (folder, 0.0), strict=True):
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


if __name__ == "__main__":
    cli.guarded(main)
