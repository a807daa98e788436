"""`python -m benchmarks.gpu`: what is written when all goes well, late, wrong, or is killed."""

import json
import os
import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import agreement, functions, gpu, programs, table, twins
from benchmarks.float64 import in_float64
from c3jax.weights import load_resnet, torchvision_key
from tests.experiments.conftest import REPOSITORY

COMMAND = [sys.executable, "-m", "benchmarks.gpu", "--toy"]


def options(monkeypatch, out, *arguments):
    monkeypatch.setattr(sys, "argv", ["gpu", "--toy", "--out", str(out), *map(str, arguments)])
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    return gpu.parse()


def rows_of(tasks):
    """What a process says of them: the card, then a row for each."""
    yield {"card": "a card"}
    for task in tasks:
        found = {"batch_size": 2, "milliseconds": 4.0, "quartiles_ms": [3.0, 5.0]}
        found |= {"images_per_s": 500.0, "memory_mib": 1.0, "compile_s": 1.0}
        if task["part"] == "a":
            found |= {"gflop": 8.0, "data_wait_ms": None}
        if task["name"] == "matmul":
            found = {"rate": 4e12}
        if task["part"] in "cd":
            found = {"tolerance": 1e-4, "errors": {"f": [1e-7, 1.0]}, "above": ["f"]}
        yield task | found


def test_all_rows_their_shares_and_the_table(monkeypatch, tmp_path, capsys):
    out = tmp_path / "found.json"
    employ = lambda tasks, options, deadline, add: [*map(add, rows_of(tasks))] and 0  # noqa: E731
    monkeypatch.setattr(gpu, "employ", employ)
    gpu.measure_all(options(monkeypatch, out))
    record = json.loads(out.read_text())
    assert record["card"] == "a card" and record["not_reached"] == []
    assert len(record["left_out_by_toy"]) == 4 * 3 + 3
    assert "left_out_by_toy: (d) c3_faces/laptop/joint float32" in capsys.readouterr().out
    rows = {gpu.title(row): row for row in record["rows"]}
    for title in ("(a) jax/full_4d bfloat16", "(b) torch/full_4d/compiled bfloat16"):
        assert rows[title]["peak_share"] == pytest.approx(8e9 / 4e-3 / 4e12)
    text = table.markdown(record)
    timed = [row for row in record["rows"] if "milliseconds" in row]
    assert all(f"| `{row['name']}` | {row['precision']} |" in text for row in timed)
    assert "| functions | float32 highest | 1 | 1.0e-07 | 1.0e+00 | f |" in text
    assert text.endswith("Failed: nothing.\nNot reached: nothing.")


def test_a_process_that_ends_costs_one_row_and_time_that_is_out_the_rest(monkeypatch, tmp_path):
    out, given = tmp_path / "found.json", []

    def employ(tasks, options, deadline, add):
        given.append([task["name"] for task in tasks])
        if len(given) == 3:
            monkeypatch.setattr(gpu.time, "monotonic", lambda: deadline)
            return -9
        card, first, *_ = rows_of(tasks)
        add(card)
        add(first)
        return -11

    monkeypatch.setattr(gpu, "employ", employ)
    chosen = options(monkeypatch, out)
    names = [gpu.title(task) for task in gpu.plan(chosen) if task["part"] not in ("d", "e")]
    gpu.measure_all(chosen)
    record = json.loads(out.read_text())
    assert [gpu.title(row) for row in record["rows"]] == names[:4]
    ended = "its process ended with -11"
    assert [row.get("error") for row in record["rows"]] == [None, ended] * 2
    assert record["not_reached"] == names[4:]
    assert "matmul float32: its process ended with -11" in table.markdown(record)


def test_a_file_that_cannot_be_written_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu", "--out", "no/such/folder/found.json"])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == 2 and capsys.readouterr().err.count("\n") == 1


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_killed_it_leaves_whole_json_and_no_process(tmp_path, by):
    out = tmp_path / "found.json"
    command = subprocess.Popen([*COMMAND, "--out", out], cwd=REPOSITORY, start_new_session=True)
    while not (out.exists() and json.loads(out.read_text())["rows"]):
        assert command.poll() is None
        time.sleep(0.1)
    workers = subprocess.run(["ps", "-o", "pid=", "--ppid", str(command.pid)], capture_output=True)
    command.send_signal(by)
    command.wait()
    record = json.loads(out.read_text())
    assert record["rows"][0]["name"] == "matmul" and len(record["not_reached"]) > 30
    deadline = time.monotonic() + 60
    while any(map(is_running, map(int, workers.stdout.split()))) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not any(map(is_running, map(int, workers.stdout.split())))


@pytest.mark.slow
def test_the_toy_has_every_row_without_tyro_and_tensorflow(tmp_path):
    for name in ("tyro", "tensorflow"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('blocked')\n")
    out, paths = tmp_path / "found.json", f"{tmp_path}{os.pathsep}{REPOSITORY}"
    command = [*COMMAND, "--minutes", "20", "--out", out]
    subprocess.run(command, cwd=REPOSITORY, env=os.environ | {"PYTHONPATH": paths}, check=True)
    record = json.loads(out.read_text())
    assert record["not_reached"] == [] and len(record["left_out_by_toy"]) == 15
    failed = [row for row in record["rows"] if "error" in row]
    assert all(row["part"] == "b" and "No module named 'torch" in row["error"] for row in failed)


def loops(x, key):
    """Draws, loops and branches; a dtype that is named is float64 too."""
    noise = jax.random.normal(key, x.shape, x.dtype).astype(jnp.float32)
    total = jax.lax.scan(lambda carry, row: (carry + jnp.sin(row), carry), noise[0], x)
    chosen = jax.lax.cond(x[0, 0] > 0, jnp.exp, jnp.cos, x)
    return total, chosen, jnp.zeros(4).at[jnp.array([1, 1, 2])].add(x[0, 0] / 7), noise


def test_a_program_in_float64_has_its_own_random_numbers_and_16_digits(x64):
    x, key = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32), jax.random.key(1)
    with jax.enable_x64(False):
        found, noise = in_float64(jax.jit(loops), x, key), jax.random.normal(key, (3, 2))
    wide, noise = x.astype(np.float64), np.asarray(noise, np.float64)
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {np.dtype("float64")}
    (last, each), chosen, added, drawn = found
    np.testing.assert_allclose(drawn, noise, rtol=1e-6)
    sums = noise[0] + np.cumsum(np.sin(wide), axis=0)
    np.testing.assert_allclose(np.vstack([each[1:], last]), sums - noise[0] + drawn[0], rtol=1e-14)
    np.testing.assert_allclose(chosen, (np.exp if x[0, 0] > 0 else np.cos)(wide), rtol=1e-14)
    np.testing.assert_allclose(added, np.array([0, 2, 1, 0]) * wide[0, 0] / 7, rtol=1e-14)


def test_functions_are_compared_by_value_and_gradient(monkeypatch):
    few = ("random_affine", "compose")
    monkeypatch.setattr(agreement, "FUNCTIONS", few)
    agreement._in_float64.cache_clear()
    exact, rounded = (agreement.compare("functions", p) for p in ("float32 highest", "bfloat16"))
    agreement._in_float64.cache_clear()
    assert set(exact["errors"]) == set(few) and exact["above"] == []
    assert all(max(both) < 1e-6 for both in exact["errors"].values())
    assert exact["errors"]["random_affine"][1] == 0  # it has no array
    assert rounded["errors"]["compose"][0] > 1e-4


def test_an_error_is_relative_and_one_that_is_not_finite_is_seen():
    assert agreement._error([jnp.array([3.0, 4.5])], [jnp.array([3.0, 4.0])]) == pytest.approx(0.1)
    assert agreement._error([jnp.array(jnp.nan)], [jnp.array(1.0)]) == agreement.NOT_FINITE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["functions", "semantic_alignment/laptop_small/features"])
def test_float32_is_near_float64_and_bfloat16_near_enough(name):
    exact, rounded = (agreement.compare(name, p) for p in ("float32 highest", "bfloat16"))
    assert exact["errors"].keys() == rounded["errors"].keys()
    assert len(exact["errors"]) > (60 if name == "functions" else 0)
    for errors, value, gradient in ((exact, 1e-4, 1e-2), (rounded, 1, 1)):
        assert all(v < value and g < gradient for v, g in errors["errors"].values())


def theirs_and_ours(name, folder):
    """Loss and gradients of PyTorch and of JAX, the latter in PyTorch's order and layout."""
    torch = pytest.importorskip("torch")
    program = functions.twin_program(name, toy=True)
    loss, data, learned = twins.torch_twin(name, "float32", "cpu", toy=True)
    if name != "resnet50":
        value = loss(*data)
        return (value, torch.autograd.grad(value, learned)), program.function(*program.arguments)
    torch.manual_seed(0)  # of others a value within rounding of a ReLU's corner may flip
    loss, network = twins.torch_resnet("resnet18", torch.float32)
    names, learned = zip(*network.named_parameters(), strict=True)
    np.savez(folder / "w.npz", **{k: v.numpy() for k, v in network.state_dict().items()})
    variables = load_resnet(folder / "w.npz", "resnet18", stages=("stem", "logits"))
    images = np.random.default_rng(0).random((8, 32, 32, 3), np.float32)
    data = images, np.arange(8)  # batch statistics of the last layers need some examples
    (ours, _), gradient = program.function(variables, *data)
    value = loss(*map(torch.as_tensor, data))
    paths = jax.tree_util.tree_leaves_with_path({"params": gradient["params"]})
    found = {torchvision_key(tuple(k.key for k in path)): leaf for path, leaf in paths}
    axes = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}
    gradient = [found[name].transpose(axes[found[name].ndim]) for name in names]
    return (value, torch.autograd.grad(value, learned)), (ours, gradient)


@pytest.mark.parametrize(
    "name", [pytest.param("resnet50", marks=pytest.mark.slow), *twins.NAMES[1:]]
)
def test_pytorch_has_our_loss_and_gradients(name, tmp_path):
    (value, gradients), (ours, own) = theirs_and_ours(name, tmp_path)
    assert float(ours) == pytest.approx(value.item(), rel=1e-4)
    for one, other in zip(own, gradients, strict=True):
        assert np.abs(np.asarray(one) - other.numpy()).max() <= 1e-4 * other.abs().max().item()


def test_the_steps_that_are_planned_have_programs():
    planned = {*gpu.STEPS, *gpu.TOYS}
    assert planned <= set(programs.names())
