"""From command lines to configurations and back, and from errors to exit statuses."""

import dataclasses
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import pytest

from c3jax import soft_argmax
from c3jax.files.errors import DataError
from c3jax.tools.errors import UsageError
from c3jax.training.checkpoints import CheckpointError
from data_pipelines.sampling import pair_indices
from experiments.c3_faces.config import Config
from experiments.c3_faces.presets import LAPTOP, PRESETS
from experiments.engine import cli, runs
from experiments.engine.errors import Interrupted
from tests.experiments.conftest import REPOSITORY


def parse(*arguments):
    """Name and configuration."""
    return cli.parse(lambda data: PRESETS, [*arguments], prog="train")[:2]


def through_json(config):
    return runs.from_json(type(config), json.loads(json.dumps(runs.to_json(config))))


def test_paths_tuples_and_nothing_survive_json():
    changed = dataclasses.replace(
        LAPTOP,
        init_from=Path("some/run"),
        name="x",
        data=dataclasses.replace(LAPTOP.data, path=Path("/photos"), iod_points=(3, 4)),
        warp=dataclasses.replace(LAPTOP.warp, source_warp=(0.5, 0.25)),
    )
    back = through_json(changed)
    assert back == changed
    assert isinstance(back.init_from, Path) and isinstance(back.warp.source_warp, tuple)


@dataclasses.dataclass(frozen=True)
class Disc:
    radius: float = 1.0


@dataclasses.dataclass(frozen=True)
class Box:
    sides: tuple[int, ...] = (1, 2)


@dataclasses.dataclass(frozen=True)
class Shape:
    """One of two."""

    of: Disc | Box = Disc()


def test_of_a_union_the_preset_has_one_whose_options_alone_there_are(capsys):
    def parse(*arguments):
        return cli.parse(lambda _: {"box": Shape(Box())}, [*arguments], prog="train")[:2]

    assert parse("--of.sides", "3") == ("box", Shape(Box((3,))))
    with pytest.raises(SystemExit):
        parse("--of.radius", "2")
    assert "--of.radius" in capsys.readouterr().err


def test_the_presets_are_those_of_the_data_that_are_named():
    def presets(data_name):
        return {"one": dataclasses.replace(LAPTOP, landmarks=3 if data_name == "folder" else 5)}

    for arguments, landmarks in ((["--data.name=folder", "--seed", "1"], 3), (["--seed", "1"], 5)):
        _, config, _ = cli.parse(presets, arguments, prog="train")
        assert (config.landmarks, config.seed) == (landmarks, 1)
        assert config.data.name == ("folder" if landmarks == 3 else LAPTOP.data.name)


@pytest.mark.parametrize("shape", [Shape(), Shape(Box((4, 5)))])
def test_json_of_a_union_becomes_the_one_that_has_its_fields(shape):
    assert through_json(shape) == shape


@pytest.mark.parametrize(
    "cls, described, wrong",
    [
        (Shape, {"of": {"edge": 1}}, r"\(edge\) @ config.json.of"),
        (Config, {"loss": {"wobble": 1.0}}, r"\(wobble\) @ config.json.loss"),
        (Config, {"joint": {"batch_size": 1}}, "missing @ config.json.joint.learning_rate"),
        (Config, {"seed": "x"}, "expected int @ config.json.seed"),
    ],
)
def test_json_of_another_version_is_refused_by_the_place_of_the_fault(cls, described, wrong):
    described = runs.to_json(LAPTOP) | described if cls is Config else described
    with pytest.raises(UsageError, match=f"{wrong}.*: another version's run"):
        runs.from_json(cls, described)


def test_without_a_preset_it_is_the_laptops_and_the_others_are_named(capsys):
    assert parse() == ("laptop", LAPTOP)
    names = "laptop | laptop_small | laptop_resnet18 | paper"
    assert capsys.readouterr().out == f"preset: laptop (of {names})\n"


@pytest.mark.parametrize("option", [["--preset", "paper"], ["--preset=paper"]])
def test_a_named_preset_is_taken_wherever_it_stands(option):
    name, config = parse("--seed", "3", *option, "--landmarks", "7")
    assert name == "paper"
    assert config == dataclasses.replace(PRESETS["paper"], seed=3, landmarks=7)


def test_options_change_their_field_alone():
    _, config = parse(
        "--no-cycle", "--model.init-stddev", "0.5", "--warp.source-warp", "0.1", "0.2",
        "--data.path", "photos", "--model.landmark-stages", "layer2", "layer3",
    )  # fmt: skip
    assert config == dataclasses.replace(
        LAPTOP,
        cycle=False,
        model=dataclasses.replace(
            LAPTOP.model, init_stddev=0.5, landmark_stages=("layer2", "layer3")
        ),
        warp=dataclasses.replace(LAPTOP.warp, source_warp=(0.1, 0.2)),
        data=dataclasses.replace(LAPTOP.data, path=Path("photos")),
    )


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--preset", "nope"], "no preset 'nope'; choose --preset laptop | laptop_small |"),
        (["--preset"], "--preset"),
        (["--pretrain.step", "5"], "--pretrain.steps"),
        (["--seed", "x"], "'x'"),
        (["--model.trunk", "vgg"], "'small'"),
        (["--pretrain.steps", "-3"], "steps must be at least 0, got -3"),
        (["--joint.batch-size", "0"], "batch_size must be at least 1, got 0"),
        (["--pretrain.learning-rate", "-1"], "learning_rate must be at least 0"),
        (["leftover"], "leftover"),
    ],
)
def test_wrong_command_lines_end_with_status_2_and_say_what_is_wrong(arguments, said, capsys):
    with pytest.raises(SystemExit) as end:
        parse(*arguments)
    assert end.value.code == 2
    output = capsys.readouterr()
    assert said in output.err and "Traceback" not in output.err


def test_the_command_of_several_processes_is_kept_as_that_of_one(monkeypatch):
    given = ["--preset", "laptop", "--processes.count=2", "--processes.index", "1"]
    monkeypatch.setattr(sys, "argv", ["x", *given, "--data.path", "my photos"])
    again = "python -m experiments.toy --preset laptop --data.path 'my photos'"
    assert cli.command_line("toy") == again


def test_help_tells_every_field(capsys):
    with pytest.raises(SystemExit) as end:
        parse("--help")
    assert end.value.code == 0
    told = capsys.readouterr().out
    for group in ("data", "model", "loss", "warp", "pretrain", "joint"):
        for field in dataclasses.fields(getattr(LAPTOP, group)):
            assert f"--{group}.{field.name.replace('_', '-')}" in told or f"--{group}.no-" in told


def refuse_a_library_argument():
    soft_argmax(jnp.zeros((2, 2, 1)), temperature=0.0)


def refuse_a_pipeline_argument():
    pair_indices(0, batch_size=0, num_examples=4, seed=0)


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    "main, status, said",
    [
        (raising(UsageError("wrong option")), 2, "error: wrong option"),
        (raising(DataError("no such folder")), 2, "error: no such folder"),
        (raising(CheckpointError("damaged")), 2, "error: damaged"),
        (raising(FileNotFoundError(2, "No such file", "x.npz")), 2, "x.npz"),
        (raising(OSError(28, "No space left")), 2, "error: the disk cannot be written: No space"),
        (raising(OSError(22, "Invalid argument")), 2, "error: [Errno 22] Invalid argument"),
        (
            raising(RuntimeError("RESOURCE_EXHAUSTED: 5 GB\nmore")),
            2,
            "memory is full: lower --size",
        ),
        (raising(MemoryError("5 GB")), 2, "error: the memory is full: lower --size (5 GB)"),
        (refuse_a_library_argument, 2, "error: temperature must be positive, got 0.0"),
        (refuse_a_pipeline_argument, 2, "error: batch_size is 0"),
        (raising(Interrupted(15, 1234, Path("run"))), 143, "SIGTERM: saved at step 1,234"),
        (raising(Interrupted(2, 3, Path("run"))), 130, "SIGINT: saved at step 3"),
        (raising(KeyboardInterrupt()), 130, "interrupted"),
    ],
)
def test_errors_that_the_user_can_mend_become_one_line_and_a_status(main, status, said, capsys):
    with pytest.raises(SystemExit) as end:
        cli.guarded(main, smaller="--size")
    assert end.value.code == status
    told = capsys.readouterr().err.strip()
    assert said in told and "\n" not in told


@pytest.mark.parametrize("error", [ValueError("of our own"), KeyError("a"), RuntimeError("b")])
def test_faults_of_the_program_keep_their_traceback(error):
    with pytest.raises(type(error)):
        cli.guarded(raising(error))


def test_a_pipe_that_the_reader_closes_ends_the_command_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    run = [
        sys.executable,
        "-c",
        "from experiments.engine import cli; cli.guarded(lambda: print(1))",
    ]
    done = subprocess.run(run, cwd=REPOSITORY, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_end_no_command_and_get_into_no_file(tmp_path, closed):
    file = tmp_path / "file"
    code = (
        "import os, experiments; from experiments.engine import cli\n"
        f"file = open({str(file)!r}, 'w'); cli.guarded(lambda: (print(1), os.write(2, b'2')))"
    )
    shell = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} {closed}"
    done = subprocess.run(shell, shell=True, cwd=REPOSITORY, capture_output=True)
    assert (done.returncode, file.read_text()) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_while_a_command_begins_ends_it_at_once(tmp_path):
    (tmp_path / "tyro.py").write_text(  # swallows it, as callbacks of imports do
        "import os, signal\ntry: os.kill(os.getpid(), signal.SIGINT)\nexcept BaseException: pass\n"
        "raise SystemExit(0)"
    )
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}"}
    (tmp_path / "sitecustomize.py").write_text(  # as in a terminal
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    )
    run = [sys.executable, "-m", "experiments.detect"]
    done = subprocess.run(run, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "\ninterrupted\n")


HOMELESS = """
import os, pwd, runpy, sys
os.environ.pop("HOME", None)
def getpwuid(number): raise KeyError(number)
pwd.getpwuid = getpwuid
runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
"""


def test_a_user_without_a_home_gets_help():
    run = [sys.executable, "-c", HOMELESS, "experiments.detect", "--help"]
    done = subprocess.run(run, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--checkpoint" in done.stdout
