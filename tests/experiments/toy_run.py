"""The toy network as a command of its own, in one or several processes, for tests."""

import itertools
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp

from c3jax.training.step import AXIS
from data_pipelines.sampling import shard
from experiments.engine import cli, loop, processes
from experiments.engine.stages import Stage
from tests.c3jax.training.toy import OPTIMIZER, Toy, toy_batch, toy_loss, toy_state

REPOSITORY = Path(__file__).parents[2]
TOY = Toy(axis_name=AXIS)


@dataclass(frozen=True)
class Config:
    """The toy network, its batch statistics over all devices."""

    folder: Path = Path("toy")
    steps: int = 6
    pause: float = 0.0
    """seconds before every batch"""
    checkpoint_every: int = 100
    differ: bool = False
    """each process starts from another state"""


def loss_fn(params, state, batch, keys):
    return toy_loss(params, state, batch, keys, module=TOY)


def batches(config: Config, start_step: int):
    """This process's part of every batch."""
    place = processes.shard() or {"shard_index": 0, "shard_count": 1}
    for step in itertools.count(start_step):
        time.sleep(config.pause)
        yield {name: shard(value, **place) for name, value in toy_batch(step).items()}


def train(config: Config):
    """The last state of the toy network, and the seconds."""
    config.folder.mkdir(parents=True, exist_ok=True)
    stage = Stage("toy", config.steps, loss_fn, OPTIMIZER, lambda start: batches(config, start))
    state = toy_state(TOY)
    if config.differ:
        state = state.replace(loss_stats={"mean": jnp.ones(()) + jax.process_index()})
    return loop.train(
        [stage],
        state,
        folder=config.folder,
        seed=3,
        log_every=1,
        checkpoint_every=config.checkpoint_every,
        check_every=100,
        check=lambda state: [],
    )


def main() -> None:
    """Trains; the first process says how it ended."""
    _, config, _ = cli.parse(lambda data_name: {"toy": Config()}, prog="toy")
    state, _ = train(config)
    print(f"ended at step {int(state.step)} on {jax.device_count()} devices")


def start(
    count: int,
    devices: int,
    *arguments,
    program: str = "tests.experiments.toy_run",
    heartbeat: int = 100,
) -> list[subprocess.Popen]:
    """`count` processes of a program, each with so many CPU devices; a busy machine is no death."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = os.environ | {
        "JAX_NUM_CPU_DEVICES": str(devices),
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_DEFAULT_MATMUL_PRECISION": "highest",
        "JAX_ENABLE_COMPILATION_CACHE": "0",
    }
    return [
        subprocess.Popen(
            [sys.executable, "-m", program, f"--processes.heartbeat={heartbeat}"]
            + [f"--processes.address={address}", f"--processes.count={count}"]
            + [f"--processes.index={index}", *map(str, arguments)],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(count)
    ]


def finish(run: list[subprocess.Popen]) -> str:
    """Waits until all have ended well; what the first has said."""
    said = [process.communicate() for process in run]
    assert [process.returncode for process in run] == [0] * len(run), said
    assert all(out == "" for out, _ in said[1:])
    return said[0][0]


if __name__ == "__main__":
    cli.guarded(main)
