"""Every preset `paper` at full size, on generated pictures and random weights; takes minutes."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

import jax
import numpy as np
import pytest

from benchmarks import programs
from benchmarks.flops import program_flop
from c3jax.models.resnet import ResNet
from c3jax.models.vgg import VGG
from c3jax.training.checkpoints import Checkpoints
from c3jax.training.step import make_train_step
from tests.c3jax.models.test_table import DOCUMENT, ROWS
from tests.data_pipelines.published_files import WRITERS
from tests.experiments.celeb_a_files import write_random_weights
from tests.experiments.conftest import REPOSITORY

NETWORKS = {
    "resnet50": ResNet("resnet50", stages=("layer4", "logits")),
    "resnet101": ResNet("resnet101", stages=("layer4", "logits")),
    "vgg16": VGG("vgg16", taps=("conv5_3",)),
}
BATCH = 2


class Case(NamedTuple):
    """What an experiment needs: data in a folder, weights, steps of each stage; its parameters."""

    data: str
    folder: str
    weights: tuple[str, ...]
    stages: dict[str, int]
    row: str

    @property
    def options(self) -> list[str]:
        steps = {f"--{name}.steps": count for name, count in self.stages.items()}
        sizes = {f"--{name}.batch-size": BATCH for name in self.stages}
        return [str(item) for option in (steps | sizes).items() for item in option]


C3 = {"weights": ("resnet50", "vgg16"), "stages": {"pretrain": 2, "joint": 2}, "row": "paper, K=10"}
CASES = {
    "c3_faces": Case("celeb_a", "celeb_a", **C3),
    "c3_cars": Case("lsun", "car", **C3),
    "c3_bedrooms": Case("lsun", "bedroom_train_lmdb", **C3),
    "imm_faces": Case("celeb_a", "celeb_a", ("vgg16",), {"pretrain": 2}, "imm, K=10"),
    "semantic_alignment": Case(
        "pf_pascal", "pf_pascal", ("resnet50",), {"flow": 1, "finetune": 1}, "aligner"
    ),
    "jlad": Case("pf_pascal", "pf_pascal", ("resnet101",), {"pretrain": 2}, "jlad, K=10"),
}
# One round of one step of each network.
ROUND = "--rounds.count 1 --rounds.alignment-steps 1 --rounds.detection-steps 1".split()
ROUND += ["--rounds.batch-size", str(BATCH)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder of random weights in torchvision's layout."""
    folder = tmp_path_factory.mktemp("weights")
    for name, network in NETWORKS.items():
        write_random_weights(folder / f"{name}.npz", network)
    return folder


@pytest.fixture(scope="module")
def environment(weights, tmp_path_factory):
    """Of the commands, optimised: what they have in common is compiled once."""
    cache = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("compiled"))}
    return os.environ | cache | {"C3JAX_WEIGHTS": str(weights), "XLA_FLAGS": ""}


@pytest.mark.slow
@pytest.mark.parametrize("experiment", CASES)
def test_paper_trains_saves_and_goes_on_after_a_kill(experiment, environment, tmp_path):
    case = CASES[experiment]
    data, run, log = (tmp_path / name for name in (case.folder, f"{experiment}/whole", "log.txt"))
    WRITERS[case.data](data)
    command = [sys.executable, "-m", "tests.experiments.paper_run", experiment, str(data)]
    command += ["--preset", "paper", "--data.path", str(data), "--runs", str(tmp_path)]
    command += "--name whole --checkpoint-every 1 --log-every 1".split()
    command += case.options + ROUND * (experiment == "jlad")
    stages = [name for name, count in case.stages.items() for _ in range(count)]
    stages += ["alignment-1", "detection-1"] * (experiment == "jlad")
    last = len(stages)
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=output, stderr=output
        )
        while process.poll() is None and not (run / f"checkpoints/{last - 1}").is_dir():
            time.sleep(0.2)
        process.kill()
        process.wait()
    assert (run / f"checkpoints/{last - 1}").is_dir(), log.read_text()
    shutil.rmtree(run / f"checkpoints/{last}", ignore_errors=True)

    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"resumed at step {last - 1} of {last}" in done.stdout
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["stage"] for row in rows] == stages
    for row in rows:
        assert row["skipped_in_a_row"] == 0
        assert all(np.isfinite(value) for name, value in row.items() if name != "stage")
    results = json.loads((run / "results.json").read_text())
    assert (results["preset"], results["steps"]) == ("paper", last)
    assert f"{parameters_in(run / 'checkpoints'):,}" == dict(ROWS)[case.row]


def parameters_in(folder) -> int:
    """Parameters in the newest checkpoint, those of the perceptual network left out."""
    with Checkpoints(folder, read_only=True) as checkpoints:
        leaves = checkpoints.meta()["leaves"]
    return sum(
        math.prod(shape)
        for name, (_, shape, *_) in leaves.items()
        if name.startswith((".params", ".frozen")) and "perceptual" not in name
    )


def gflop(name: str) -> float:
    """Of one example of a step of that name; nothing is computed."""
    stages = []

    def first_state():
        state, stage = programs.begin_stage(name, BATCH)
        stages.append(stage)
        return state

    state, (stage,) = jax.eval_shape(first_state), stages
    batch = next(programs.on_one_device(stage))
    step = make_train_step(stage.loss_fn, stage.optimizer, devices=jax.devices()[:1])
    jaxpr = jax.make_jaxpr(step)(state, batch, jax.random.key(0)).jaxpr
    return program_flop(jaxpr) / BATCH / 1e9


@pytest.mark.slow
def test_the_table_gives_the_operations_of_a_step():
    stated = dict(re.findall(r"^\| `(\w+/paper/[\w-]+)` \| ([\d.,]+) \|$", DOCUMENT, re.MULTILINE))
    names = [name for name in programs.names() if "/paper/" in name]
    assert stated == {name: f"{gflop(name):,.1f}" for name in names}
