"""`python -m benchmarks.bench`: every kind of program made small."""

import itertools
import json

import jax
import numpy as np
import pytest

from benchmarks import bench, programs
from benchmarks.measure import measure
from c3jax.training.step import shard_batch
from experiments.registry import find_recipe
from tests.c3jax.training.toy import Runner, toy_batch
from tests.experiments.tiny import call


def test_every_stage_of_every_preset_has_a_program():
    names = programs.names()
    some = {"c3_faces/paper/joint", "imm_faces/paper/pretrain", "jlad/laptop/detection-1"}
    assert some < set(names)
    assert "imm_faces/paper/joint" not in names  # it has no steps
    assert names[-4:] == [f"function/{name}" for name in programs.FUNCTIONS]
    for name in names[:-4]:
        experiment, preset, _ = name.split("/")
        assert preset in find_recipe(experiment).presets(None)


def toy_program(name):
    """The step of the toy network on two examples, or a function."""
    if name.startswith("function/"):
        return programs.make_program(name, 2)
    runner = Runner()
    batch = {**toy_batch(0, batch_size=2), "example_index": np.arange(2, dtype=np.int32)}
    batches = itertools.repeat(shard_batch(batch, 1))
    arguments = (runner.state, next(batches), jax.random.key(0))
    return programs.Program(name, 2, runner.train_step, arguments, batches)


def test_the_table_and_the_json_hold_steps_and_functions(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench, "make_program", lambda name, *_: toy_program(name))
    out = tmp_path / "bench.json"
    only = ["c3_faces/laptop/warmup", "function/bottleneck"]
    small = ["--batch-size", 2, "--repeats", 1, "--matmul", 32]
    assert call(bench.main, "--only", *only, *small, "--out", out) == 0
    said, found = capsys.readouterr().out, json.loads(out.read_text())
    assert found["matmul_gflops"] > 0
    step, function = found["rows"]
    assert [step["name"], function["name"]] == only and all(name in said for name in only)
    assert step["batch_size"] == function["batch_size"] == 2
    assert step["data_wait_ms"] > 0 and function["data_wait_ms"] is None
    for row in (step, function):
        assert row["images_per_s"] == pytest.approx(2000 / row["milliseconds"])
        assert min(row[f"compile_{which}_s"] for which in ("cold", "warm")) > 0
        assert row["memory_mib"] > 0
        low, high = row["quartiles_ms"]
        assert low <= row["milliseconds"] <= high
    assert step["gflop"] > 0 and step["xla_gflop"] > 0
    rate = found["matmul_gflops"] * step["milliseconds"] / 1e3
    assert step["peak_share"] == pytest.approx(step["gflop"] / rate)


@pytest.mark.slow
@pytest.mark.parametrize("experiment", programs.EXPERIMENTS)
def test_the_steps_of_every_experiment_are_measured(experiment):
    for name in programs.names():
        if name.startswith(f"{experiment}/laptop/"):
            row = measure(programs.make_program(name, 4), 1)
            assert row["gflop"] > 0 and row["batch_size"] == 4


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", programs.FUNCTIONS)
def test_every_function_is_measured(name, precision):
    row = measure(programs.make_program(f"function/{name}", 1, precision), 1)
    assert row["milliseconds"] > 0 and row["memory_mib"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "nothing"], "--only nothing is none of c3_faces/laptop/warmup, "),
        (["--batch-size", 0], "--batch-size must be at least 1, got 0"),
        (["--repeats", 0], "--repeats must be at least 1, got 0"),
        (["--out", "no/such/file.json"], "--out no/such/file.json: there is no folder no/such"),
    ],
)
def test_wrong_use_is_one_line(capsys, arguments, message):
    assert call(bench.main, *arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {message}") and err.count("\n") == 1
