"""`python -m benchmarks.gpu --minutes 6 --out FILE.json`: every number that a GPU is wanted for.

Pictures and weights are random; no network, TensorFlow or tyro is needed. In this order, until the
time is out: (a) steps of `paper` in bfloat16, hot functions and what PyTorch is compared with; (b)
the same losses in PyTorch; (c) every function against float64 on the host's CPU; (d) steps of the
laptop presets against it; (e) the steps of (a) in float32. Each row is in FILE.json as soon as it
is there, beside what was not reached.
"""

import argparse
import importlib.metadata
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.table import markdown

Task = dict[str, Any]
PACKAGES = ("jax", "jaxlib", "flax", "optax", "torch", "torchvision")
# A step, and its batch on one device; None: the preset's.
STEPS: dict[str, int | None] = {"c3_faces/paper/joint": 50}
STEPS |= dict.fromkeys(("semantic_alignment/paper/finetune", "jlad/paper/alignment-1"), None)
TOYS = (
    "c3_faces/laptop_small/warmup",
    "semantic_alignment/laptop_small/features",
    "jlad/laptop_small/pretrain",
)
BOTH = ("bfloat16", "float32")
TF32 = "float32 products may be TF32, in JAX (default precision) and in PyTorch (allowed)"


def main() -> None:
    """Measures and writes JSON, or prints the table of such a file."""
    options = parse()
    if options.table:
        return print(markdown(json.loads(options.table.read_text(encoding="utf-8"))))
    if options.work:
        return work(options)
    if options.out is None or not options.out.absolute().parent.is_dir():
        print("error: give --out FILE.json in a folder that is there", file=sys.stderr)
        raise SystemExit(2)
    if options.cache is not None:  # of the processes too
        folder = str(options.cache.absolute())
        os.environ |= {"JAX_COMPILATION_CACHE_DIR": folder, "TORCHINDUCTOR_CACHE_DIR": folder}
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    measure_all(options)


def parse() -> argparse.Namespace:
    """The command line."""
    about = str(__doc__).split("\n\n")[1]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=about)
    parser.add_argument("--minutes", type=float, default=6, help="of all that is measured")
    parser.add_argument("--out", type=Path, help="the JSON file")
    toy = "small programs for a CPU, a fifth of (c), and neither (d) nor (e)"
    parser.add_argument("--toy", action="store_true", help=toy)
    parser.add_argument("--cache", type=Path, help="folder that keeps compiled programs")
    parser.add_argument("--torch", default=sys.executable, help="a Python that has PyTorch")
    training = "of c3_faces on rendered faces, in the time that is left"
    parser.add_argument("--train", type=float, metavar="MINUTES", default=0, help=training)
    parser.add_argument("--table", type=Path, help="print the table of this JSON file")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.repeats = 1 if options.toy else 20
    return options


def plan(options: argparse.Namespace) -> list[Task]:
    """All rows, in the order of their worth."""
    import jax

    from benchmarks import agreement, programs, twins

    jax.config.update("jax_platforms", "cpu")  # the card is for the processes that measure
    steps = TOYS if options.toy else tuple(STEPS)
    last = {name.split("/")[0]: name for name in programs.names() if "/laptop/" in name}
    functions = [f"function/{name}" for name in programs.FUNCTIONS]
    ours = [f"jax/{name}" for name in twins.NAMES]
    theirs = [f"torch/{name}{how}" for name in twins.NAMES for how in ("", "/compiled")]

    def rows(part: str, names: Iterable[str], precisions: Iterable[str] = BOTH) -> list[Task]:
        every = itertools.product(names, precisions)
        return [{"part": part, "name": name, "precision": precision} for name, precision in every]

    return [
        *rows("a", ["matmul"]),
        *rows("a", steps, BOTH[:1]),
        *rows("a", functions + ours),
        *rows("b", theirs),
        *rows("c", [agreement.EVERY_FUNCTION], agreement.PRECISIONS),
        *rows("d", last.values(), agreement.PRECISIONS),
        *rows("e", steps, BOTH[1:]),
        *rows("train", ["c3_faces"] * (options.train > 0), BOTH[1:]),
    ]


def measure_all(options: argparse.Namespace) -> None:
    """Gives each part to a process of its own, until the time is out; writes after each row."""
    deadline = time.monotonic() + 60 * options.minutes
    tasks = plan(options)
    left_out = [task for task in tasks if options.toy and task["part"] in ("d", "e")]
    waiting = [task for task in tasks if task not in left_out]
    record: dict[str, Any] = {"card": None, "versions": versions(), "tf32": TF32}
    record |= {"toy": options.toy, "cache": options.cache is not None, "rows": []}

    def write() -> None:
        record["not_reached"] = list(map(title, waiting))
        record["left_out_by_toy"] = list(map(title, left_out))
        new = options.out.with_name(options.out.name + ".new")
        new.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        new.replace(options.out)

    def add(row: Task) -> None:
        if "card" in row:
            record.update(row)
        else:
            waiting.pop(0)
            record["rows"].append(with_share(row, record["rows"]))
            print(f"{title(row)}: {summary(row)}", flush=True)
        write()

    write()
    while waiting and time.monotonic() < deadline:
        part = [task for task in waiting if task["part"] == waiting[0]["part"]]
        code = employ(part, options, deadline, add)
        if waiting and waiting[0] in part and time.monotonic() < deadline:
            add(waiting[0] | {"error": f"its process ended with {code}"})
    for name in ("not_reached", "left_out_by_toy"):
        print(f"{name}: {', '.join(record[name]) or 'nothing'}")


def employ(tasks: list[Task], options: Any, deadline: float, add: Callable) -> int:
    """A process that does the tasks one after the other; it is killed when the time is out."""
    python = options.torch if tasks[0]["part"] == "b" else sys.executable
    command = [python, "-m", "benchmarks.gpu", "--work", json.dumps(tasks)]
    train = min(options.train, (deadline - time.monotonic()) / 60)
    command += ["--train", str(train), "--out", str(options.out)] + ["--toy"] * options.toy
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    worker = subprocess.Popen(command, **pipes)
    killer = threading.Timer(deadline - time.monotonic(), worker.kill)
    killer.start()
    try:
        for line in worker.stdout or ():
            add(json.loads(line))
    finally:
        killer.cancel()
        worker.kill()
    return worker.wait()


def work(options: argparse.Namespace) -> None:
    """In a process of its own: does the tasks, and writes a line of JSON for each."""
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what else is printed is no row
    threading.Thread(target=leave_with_parent, daemon=True).start()
    tasks = json.loads(options.work)

    def say(row: Task) -> None:
        print(json.dumps(row), file=lines, flush=True)

    if tasks[0]["part"] != "b":
        import jax

        # Toys compile longer than they compute.
        jax.config.update("jax_disable_most_optimizations", options.toy)
        say({"card": jax.devices()[0].device_kind})
    for task in tasks:
        try:
            found = DO[task["part"]](task, options)
        except Exception as error:  # memory that is out, say: the next row may fit
            lines_of = str(error).strip().splitlines() or [""]
            found = {"error": f"{type(error).__name__}: {lines_of[0][:300]}"}
        say(task | found)


def leave_with_parent() -> None:
    """Ends this process when the one that started it is gone."""
    sys.stdin.read()
    os._exit(1)


def versions() -> dict[str, str]:
    """Of Python and the packages that are there."""
    there = {package.name: package.version for package in importlib.metadata.distributions()}
    return {"python": sys.version.split()[0]} | {n: there[n] for n in PACKAGES if n in there}


def in_jax(task: Task, options: argparse.Namespace) -> dict[str, Any]:
    """(a) and (e) A program, or the rate of matrix products."""
    import jax

    from benchmarks import functions, measure, programs

    name, precision = task["name"], task["precision"]
    jax.clear_caches()
    if name == "matmul":
        return {"rate": measure.matmul_rate(256 if options.toy else 8192, precision)}
    if name.startswith("jax/"):
        program = functions.twin_program(name.removeprefix("jax/"), precision, toy=options.toy)
    else:
        size = (2 if "/laptop" in name else 1) if options.toy else STEPS.get(name)
        program = programs.make_program(name, size, precision)
    return measure.measure(program, options.repeats) | {"name": name}


def in_torch(task: Task, options: argparse.Namespace) -> dict[str, Any]:
    """(b) A twin."""
    from benchmarks.twins import measure_torch

    _, name, *how = task["name"].split("/")
    sizes: Any = {"toy": options.toy, "repeats": options.repeats}
    return measure_torch(name, task["precision"], compiled=bool(how), **sizes)


def against_float64(task: Task, options: argparse.Namespace) -> dict[str, Any]:
    """(c) and (d)."""
    from benchmarks.agreement import compare

    return compare(task["name"], task["precision"], toy=options.toy)


def train(task: Task, options: argparse.Namespace) -> dict[str, Any]:
    """A short training; its `results.json` is put beside the rows."""
    from benchmarks import programs

    results = programs.train(options.train, options.out.absolute().parent)
    beside = options.out.with_suffix(".results.json")
    shutil.copy(results, beside)
    return {"results": beside.name}


DO = {"a": in_jax, "b": in_torch, "c": against_float64, "d": against_float64, "e": in_jax}
DO |= {"train": train}


def title(task: Task) -> str:
    """How a row is called."""
    return f"({task['part']}) {task['name']} {task['precision']}"


def with_share(row: Task, before: list[Task]) -> Task:
    """The row with its share of the rate of matrix products; PyTorch's has ours' operations."""
    same = {r["name"]: r for r in before if r["precision"] == row["precision"]}
    twin = same.get("/".join(["jax", *row["name"].split("/")[1:2]]), {})
    gflop, rate = row.get("gflop", twin.get("gflop")), same.get("matmul", {}).get("rate")
    if not (gflop and rate and "milliseconds" in row):
        return row
    return row | {"gflop": gflop, "peak_share": 1e12 * gflop / row["milliseconds"] / rate}


def summary(row: Task) -> str:
    """What the terminal says of a row."""
    if "milliseconds" in row:
        return f"{row['milliseconds']:.2f} ms"
    if "errors" in row:
        return f"above {row['tolerance']:g}: {', '.join(row['above']) or 'none'}"
    return row.get("error") or row.get("results") or f"{row['rate'] / 1e9:,.0f} GFLOP/s"


if __name__ == "__main__":
    main()
