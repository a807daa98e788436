"""Wrong use of `python -m experiments.c3_faces` and `make train`: one message, exit status 2."""

import os
import runpy
import shutil
import socket
import subprocess

import jax
import pytest

from experiments.c3_faces.presets import PRESETS
from experiments.engine import locks
from experiments.engine.runs import open_run
from tests.experiments.conftest import REPOSITORY, TINY, write_pictures
from tests.experiments.tiny import train

C3 = [each for each in TINY if each not in ("--model.family", "imm")]
at = C3.index("--model.encoder-widths")
del C3[at : at + 3]


@pytest.fixture(autouse=True)
def no_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("C3JAX_WEIGHTS", raising=False)


@pytest.fixture
def refused(capsys, tmp_path):
    """`refused(*arguments)` is what a command says on stderr before it ends with status 2."""

    def refused(*arguments, tiny=TINY):
        assert train("c3_faces", *tiny, "--runs", tmp_path / "runs", *arguments) == 2
        told = capsys.readouterr().err
        assert "Traceback" not in told
        return told

    return refused


def test_wrong_data(refused, tmp_path):
    no_picture = write_pictures(tmp_path / "text", 0)
    (no_picture / "notes.txt").write_text("no picture")
    damaged = write_pictures(tmp_path / "damaged", 2)
    (damaged / "1.png").write_bytes((damaged / "1.png").read_bytes()[:70])
    for path, said in (
        (tmp_path / "absent", "absent: no such folder"),
        (no_picture, "text: no picture (.avif .bmp"),
        (write_pictures(tmp_path / "single", 1), "single: 1 of its pictures can be used; at"),
        (no_picture / "notes.txt", "notes.txt: a file, not a folder"),
        (damaged, "1.png: cannot be decoded"),
    ):
        assert said in refused("--data.path", path)
    assert "needs --data.path" in refused()


def test_a_corrected_command_goes_on_under_the_same_name(refused, pictures, tmp_path):
    assert "no such folder" in refused("--name", "a", "--data.path", tmp_path / "absent")
    # The next mistake is reported, not that the folder holds a run of another configuration.
    arguments = ("--name", "a", "--data.path", pictures, "--model.appearance-grid", 3)
    assert "appearance_grid 3" in refused(*arguments)


def test_missing_weights(refused, pictures, tmp_path):
    pretrained = "--model.trunk resnet18 --data.path".split() + [pictures]
    said = refused(*pretrained, tiny=C3)
    assert "no ImageNet weights of resnet18 (--model.weights FILE)" in said
    assert str(tmp_path / "absent") in refused(
        *pretrained, "--model.weights", tmp_path / "absent.npz", tiny=C3
    )


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--model.appearance-grid", "3"], "appearance_grid 3 does not divide"),
        (["--model.temperature", "0"], "temperature must be positive"),
        (["c3", "--model.landmark-stages", "layer9"], "'layer9'"),
        (["c3", "--model.flow-channels", "4"], "channels must end with 1"),
        (["--flow"], "IMM has no cross-image flow module: add --no-flow"),
        (["--init-from", "absent"], "absent is no folder"),
    ],
)
def test_networks_that_cannot_be(refused, pictures, arguments, said):
    tiny, arguments = (C3, arguments[1:]) if arguments[0] == "c3" else (TINY, arguments)
    assert said in refused("--data.path", pictures, *arguments, tiny=tiny)


def test_a_refused_command_leaves_no_folder(refused, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: 3)
    for arguments, said in (
        (("--seed", -1), "--seed must be from 0 to 2147483647, got -1"),
        (("--landmarks", -1), "--landmarks must be at least 0, got -1"),
        (("--landmarks", 1, "--loss.separation", 0), "--landmarks must be at least 2, got 1"),
        (("--landmarks", 0), "--landmarks must be at least 2, got 0"),
        (("--log-every", 0), "--log-every must be at least 1, got 0"),
        (("--check-every", 0), "--check-every must be at least 1, got 0"),
        (("--checkpoint-every", 0), "--checkpoint-every must be at least 1, got 0"),
        (("--data.image-size", 0), "--data.image-size must be at least 2, got 0"),
        (("--pretrain.learning-rate", "nan"), "--pretrain.learning-rate must be finite, got nan"),
        (("--warp.source-warp", 0, "inf"), "--warp.source-warp must be finite, got inf"),
        ((), "--pretrain.batch-size 4 cannot be shared by 3 devices"),
    ):
        assert said in refused("--data.path", tmp_path / "absent", *arguments)
    monkeypatch.undo()
    assert "no such folder" in refused("--data.path", tmp_path / "absent")
    assert not (tmp_path / "runs").exists()


def test_a_second_process_in_a_run_folder(refused, pictures, tmp_path):
    with locks.locked(tmp_path / "runs/c3_faces/mine"):
        told = refused("--name", "mine", "--data.path", pictures)
    assert f"mine: process {os.getpid()} on {socket.gethostname()} is training there" in told
    assert "choose another --name" in told


def test_the_folder_of_another_run(refused, pictures, tmp_path):
    folder = tmp_path / "runs/c3_faces/mine"
    open_run(folder, "c3_faces", "laptop_small", PRESETS["laptop_small"])
    (folder / "checkpoints/5").mkdir(parents=True)
    told = refused("--name", "mine", "--data.path", pictures)
    assert "mine holds a run of another configuration (" in told
    assert "choose another --name" in told


def test_a_runs_folder_that_is_a_file(refused, pictures, tmp_path):
    (tmp_path / "runs").write_text("a file")
    assert str(tmp_path / "runs") in refused("--data.path", pictures)


def test_the_module_says_one_line_and_ends_with_2(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["c3_faces", *TINY, f"--data.path={tmp_path / 'absent'}"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("experiments.c3_faces", run_name="__main__")
    told = capsys.readouterr().err
    assert end.value.code == 2
    assert told.startswith(f"error: {tmp_path}/absent: no such folder") and told.count("\n") == 1


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_train_lists_the_experiments_there_are(tmp_path):
    # A finished environment, as far as make can tell.
    ready = ["make", "-s", "train", "EXP=nope", "-o", ".venv/.ready-cpu", "ACCELERATOR=cpu"]
    done = subprocess.run(ready, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no experiment 'nope'; choose EXP= one of: c3_bedrooms c3_cars c3_faces" in done.stderr


def test_options_that_nothing_reads(refused, pictures, capsys):
    known = ("--data.path", pictures)
    for arguments, said in (
        (("--data.fit-rows", "1-3"), "--data.fit-rows (with --data.name folder)"),
        (("--model.family", "c3"), "--model.encoder-widths (with --model.family c3)"),
    ):
        assert f"error: nothing reads {said}" in refused(*known, *arguments)
    assert train("imm_faces", "--joint.learning-rate", 1) == 2
    assert "--joint.learning-rate (with --joint.steps 0)" in capsys.readouterr().err
    rendered = [each.replace("folder", "rendered_faces") for each in TINY]
    assert "--data.path (with --data.name rendered-faces)" in refused(*known, tiny=rendered)


def test_a_folder_of_photos_is_never_taken_for_rendered_faces(refused, pictures):
    unnamed = [each.replace("folder", "auto") for each in TINY]
    told = refused("--data.path", pictures, tiny=unnamed)
    assert f"--data.path {pictures} would not be read" in told
    assert "--data.name folder for photos, labelled for" in told
