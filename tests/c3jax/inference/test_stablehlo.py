"""Models as programs: what they find, and that JAX runs them without c3jax."""

import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest

from c3jax.inference import AlignmentModel, LandmarkModel, Reading, save_program
from c3jax.models.families import from_config
from tests.c3jax.inference import test_alignment_model, test_landmark_model
from tests.experiments.tiny import random_tree

SIZE = test_landmark_model.SIZE
RUN = """
import sys
sys.modules["c3jax"] = sys.modules["flax"] = None
import jax, numpy as np
program = jax.export.deserialize(bytearray(open(sys.argv[1], "rb").read()))
images = np.load(sys.argv[2])
assert [aval.shape for aval in program.in_avals] == [image[None].shape for image in images]
found = program.call(*(image[None] for image in images))
np.savez(sys.argv[3], **found)
"""


def network(config, num_images):
    """The network of a configuration, and random variables."""
    image = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), np.float32)
    found = from_config(config)
    shapes = jax.eval_shape(found.init, jax.random.key(0), *[image] * num_images)
    return found, random_tree(shapes)


def run(folder, model, images, **options):
    """What the program of a model finds, in a process without c3jax."""
    save_program(folder / "program", model, **options)
    np.save(folder / "images.npy", images)
    files = [folder / name for name in ("program", "images.npy", "found.npz")]
    subprocess.run([sys.executable, "-c", RUN, *map(str, files)], check=True, cwd=folder)
    return np.load(folder / "found.npz")


def test_a_program_finds_the_landmarks_of_its_model(tmp_path):
    model = LandmarkModel(*network(test_landmark_model.MODEL, 1), SIZE, "squash")
    images = np.random.default_rng(0).random((1, SIZE, SIZE, 3), np.float32)
    found, expected = run(tmp_path, model, images, dtype="float32"), model.find(images)
    np.testing.assert_allclose(found["landmarks"], expected.landmarks, atol=1e-3)
    np.testing.assert_allclose(found["spread_percent"], expected.spread_percent, rtol=1e-3)


def test_a_program_matches_as_its_model_in_half_precision(tmp_path):
    matcher, variables = network(test_alignment_model.MODEL, 2)
    model = AlignmentModel(matcher, variables, SIZE, reading=Reading(match="kernel"))
    images = np.random.default_rng(0).random((2, SIZE, SIZE, 3), np.float32)
    found = run(tmp_path, model, images)
    rounded = jax.tree.map(lambda x: x.astype(np.float16).astype(np.float32), variables)
    expected = replace(model, variables=rounded).match(*(image[None] for image in images))
    assert set(found) == {"to_target", "to_source", "source_confidence", "target_confidence"}
    np.testing.assert_allclose(found["to_target"], expected.to_target, atol=1e-3)


def test_another_dtype_and_a_missing_package_are_refused(tmp_path, monkeypatch):
    model = LandmarkModel(*network(test_landmark_model.MODEL, 1), SIZE, "squash")
    with pytest.raises(ValueError, match="dtype"):
        save_program(tmp_path / "program", model, dtype="int8")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="needs the package flatbuffers; run pip install"):
        save_program(tmp_path / "program", model)
    assert not (tmp_path / "program").exists()
