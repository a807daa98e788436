"""The C3 step of `test_c3_devices` as a command, in one or several processes, for tests."""

from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from experiments.engine import cli, processes
from tests.experiments.c3_faces.test_c3_devices import STEPS, Run


@dataclass(frozen=True)
class Config:
    """20 steps of stage 2, batch statistics over all devices."""

    out: Path = Path("c3.npz")


def main() -> None:
    """Writes losses, the first gradient and the parameters."""
    _, config, _ = cli.parse(lambda data_name: {"c3": Config()}, prog="c3")
    run = Run(jax.device_count()).run(STEPS)
    first = {"gradient": run.first_gradient(), "statistics": run.states[1].batch_stats}
    trees = {
        "first": {**first, **run.metrics[0]},
        "last": {"params": run.states[-1].params, **run.metrics[-1]},
    }
    if processes.is_first():
        leaves = jax.tree_util.tree_leaves_with_path(trees)
        name = {path: jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves}
        np.savez(config.out, **{name[path]: np.asarray(leaf) for path, leaf in leaves})


if __name__ == "__main__":
    cli.guarded(main)
