"""Runs read back: what no longer fits or has changed on the disk is named, in one line."""

import json
import shutil

import pytest

from c3jax.training.checkpoints import CheckpointError
from experiments import evaluate
from experiments.c3_faces.run import load_trained
from experiments.engine.trained import find_trained
from tests.experiments.tiny_runs import call, config, write_run


@pytest.mark.parametrize(
    ("change", "array", "shapes"),
    [
        (lambda c: c.update(landmarks=4), "decoder", ("3, 3, 7, 8", "3, 3, 8, 8")),
        (lambda c: c["model"].update(pose_channels=6), "pose", (r".*\b8", r".*\b6")),
    ],
    ids=["K", "width"],
)
def test_another_number_of_landmarks_or_channels_names_array_and_shapes(
    tmp_path, change, array, shapes
):
    folder = write_run(tmp_path / "run", config())
    described = json.loads((folder / "config.json").read_text())
    change(described["config"])
    (folder / "config.json").write_text(json.dumps(described))
    there, here = shapes
    said = f"7 is a checkpoint of another model: .*{array}.*: "
    said += f"float32 .{there}. there, .* .{here}. here"
    with pytest.raises(CheckpointError, match=said):
        load_trained(find_trained(folder, "c3_faces"))


def test_a_flipped_bit_is_one_line_that_offers_the_step_before(tmp_path, capfd):
    folder = write_run(tmp_path / "run", config())
    steps = folder / "checkpoints"
    shutil.copytree(steps / "7", steps / "5")
    file = max((steps / "7/state").rglob("d/*"), key=lambda file: file.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)
    assert call(evaluate.main, "--checkpoint", folder) == 2
    told = capfd.readouterr().err.strip()
    assert told.startswith(f"error: the checkpoint {steps / '7'} is damaged (")
    assert file.name in told and f"the step before it is {steps / '5'}: name that" in told
    assert "\n" not in told
