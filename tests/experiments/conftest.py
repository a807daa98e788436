"""Tiny pictures and configurations; the compilation cache of the user's home is left alone."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache
from PIL import Image

from c3jax.tools import compilation
from c3jax.tools.errors import UsageError
from experiments import evaluate, export
from experiments.measure import self_check
from tests.experiments import tiny

REPOSITORY = Path(__file__).parents[2]
SIZE = 16
# The baseline without trunk and flow module compiles fastest; stage 2 still has the cycle.
TINY = (
    "--preset laptop_small --data.name folder --model.family imm --no-flow "
    "--model.encoder-widths 4 4 "
    f"--model.decoder-channels 4 --model.min-decoder-channels 4 --data.image-size {SIZE} "
    "--landmarks 2 --warmup.steps 0 --pretrain.batch-size 4 --joint.batch-size 4 --log-every 1 "
    "--check-every 100"
).split()


@pytest.fixture(autouse=True, scope="module")
def compiled(tmp_path_factory):
    """What the files here have in common is compiled once for all test workers."""
    place = tmp_path_factory.getbasetemp()
    place = place.parent if "PYTEST_XDIST_WORKER" in os.environ else place
    settings = {
        "jax_compilation_cache_dir": str(place / "compiled"),
        "jax_persistent_cache_min_compile_time_secs": 0.1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compilation, "keep_compiled", lambda: None)
        yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def write_pictures(folder: Path, count: int) -> Path:
    """Pictures of noise."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        pixels = random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of six pictures."""
    return write_pictures(tmp_path_factory.mktemp("pictures"), 6)


@pytest.fixture(scope="session")
def run_of(tmp_path_factory):
    """`run_of(experiment)` is a tiny run with random variables, written once: change nothing."""

    @functools.cache
    def run_of(experiment):
        return tiny.write_run(tmp_path_factory.mktemp("runs") / "tiny", experiment)

    return run_of


@pytest.fixture(scope="session")
def exported(run_of):
    """`exported(experiment)` is the folder `export` of that run, in float32."""

    @functools.cache
    def exported(experiment):
        assert tiny.call(export.main, run_of(experiment), "--dtype", "float32") == 0
        return run_of(experiment) / "export"

    return exported


@pytest.fixture(scope="session")
def labelled(tmp_path_factory):
    """A folder of 14 pictures with a table of points."""
    return tiny.write_labelled(tmp_path_factory.mktemp("data") / "labelled")


@pytest.fixture(scope="session")
def labelled_run(labelled, tmp_path_factory):
    """A run of landmarks on them, of two steps, with rows of its own."""
    own = {"name": "labelled", "path": labelled, "fit_rows": "1-9", "test_rows": "10-14"}
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    return tiny.write_two_steps(folder, tiny.config(data=own))


@pytest.fixture(scope="module")
def without_spots():
    """Self-checks know no spots, as without the package: its network is long to compile."""

    def missing(*wanted):
        raise UsageError("left out by the tests")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(self_check, "find_file", missing)
        yield


@pytest.fixture
def print_of(capsys):
    """What `experiments.evaluate` prints, as JSON."""

    def printed(*arguments):
        status = tiny.call(evaluate.main, *arguments)
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return json.loads(captured.out)

    return printed


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """`start(*arguments)` runs `python -m experiments.c3_faces` in a process of its own.

    Programs are compiled once for all processes and test workers, without optimisation.
    """
    cache = tmp_path_factory.getbasetemp().parent / "compiled"
    environment = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_PLATFORMS": "cpu",
    }

    def start(*arguments, **options) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "experiments.c3_faces", *map(str, arguments)],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    return start
