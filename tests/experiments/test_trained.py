"""A run whose config.json was changed by hand: the array that no longer fits is named."""

import json

import pytest

from c3jax.training.checkpoints import CheckpointError
from experiments.c3_faces.run import load_trained
from experiments.common.trained import find_trained
from tests.experiments.tiny_runs import config, write_run


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
