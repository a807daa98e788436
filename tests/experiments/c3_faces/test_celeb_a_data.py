"""CelebA as a data set of the experiments; the way from the entry point to the step without TF."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from c3jax.files.errors import DataError
from data_pipelines.load import DataConfig, load, missing_of_celeb_a
from experiments.engine import cli
from tests.experiments.celeb_a_files import write_celeb_a

REPOSITORY = Path(__file__).parents[3]
SIZE = 32


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("cache") / "celeb_a"
    write_celeb_a(root)
    return root


@pytest.fixture
def config(root):
    return DataConfig(name="celeb_a", path=root, image_size=SIZE, cache=root.parent)


def first_batches(loaded, count=3, **options):
    batches = loaded.batches(batch_size=4, seed=1, **options)
    return [next(batches) for _ in range(count)]


def test_training_pictures_exclude_mafl_test_and_validation(config):
    loaded = load(config)
    # 40 pictures, 8 outside the training partition, 4 MAFL test, 2 (a tenth of 20) validation.
    assert loaded.num_train == 40 - 8 - 4 - 2
    assert (len(loaded.fit), len(loaded.test), len(loaded.validation)) == (18, 4, 2)
    assert "26 training pictures" in loaded.description
    assert "fitted on 18 MAFL faces, tested on 4" in loaded.description


def test_persons_of_the_test_set_can_be_left_out_of_the_training(tmp_path):
    write_celeb_a(tmp_path / "celeb_a")
    names = [f"{index:06d}.jpg" for index in range(1, 41)]
    persons = "".join(f"{name} {index // 8}\n" for index, name in enumerate(names))
    (tmp_path / "celeb_a" / "identity_CelebA.txt").write_text(persons)
    config = DataConfig(name="celeb_a", path=tmp_path / "celeb_a", image_size=SIZE, cache=tmp_path)
    everyone, others = load(config), load(dataclasses.replace(config, other_persons=True))
    # The tested pictures 20 to 23 show person 2, as do 16 and 17, which are trained on.
    assert (everyone.num_train, others.num_train) == (26, 24)
    assert len(others.test) == len(everyone.test) == 4
    assert "(2 show people of the MAFL test set)" in everyone.description
    assert "(0 show people of the MAFL test set)" in others.description


def test_keypoints_are_in_the_frame_of_the_protocol(root, config):
    # 178x218 squashed to 160x160, the central 128 kept, here at a quarter of that size.
    loaded = load(config, training=False)
    lines = (root / "list_landmarks_align_celeba.txt").read_text().splitlines()[2:]
    originals = np.array([line.split()[1:] for line in lines], float).reshape(-1, 5, 2)
    squashed = (originals + 0.5) * 160 / (178, 218) - 16
    expected = squashed * SIZE / 128 - 0.5
    np.testing.assert_allclose(loaded.fit.keypoints_px, expected[:18], atol=1e-4)
    np.testing.assert_allclose(loaded.validation.keypoints_px, expected[18:20], atol=1e-4)
    np.testing.assert_allclose(loaded.test.keypoints_px, expected[20:24], atol=1e-4)
    np.testing.assert_allclose(loaded.test.stretch, np.full(4, 218 / 178))


def test_keypoints_lie_on_what_they_mark(config):
    test = load(dataclasses.replace(config, image_size=128), training=False).test
    columns, rows = np.rint(test.keypoints_px).astype(int).transpose(2, 0, 1)
    marked = test.images[np.arange(len(test))[:, None], rows, columns]
    assert marked.max() < 70 < test.images[:, 5, 5].min()


def test_streamed_and_held_pictures_are_the_same_in_the_same_order(config):
    held, streamed = load(config), load(dataclasses.replace(config, loader="tf"))
    np.testing.assert_array_equal(held.preview, streamed.preview)
    for start_step in (0, 5):
        pairs = zip(
            first_batches(held, start_step=start_step),
            first_batches(streamed, start_step=start_step),
            strict=True,
        )
        for one, other in pairs:
            for side in ("source", "target"):
                assert one[side].dtype == other[side].dtype == np.uint8
                difference = one[side].astype(int) - other[side]
                assert np.abs(difference).max() <= 1
                assert one[side].std() > 1


def test_a_folder_can_be_streamed(root):
    config = DataConfig(name="folder", path=root / "img_align_celeba", image_size=SIZE)
    held, streamed = load(config), load(dataclasses.replace(config, loader="tf"))
    assert held.num_train == streamed.num_train == 40 - 8  # these are kept back
    np.testing.assert_array_equal(held.preview, streamed.preview)
    for one, other in zip(first_batches(held), first_batches(streamed), strict=True):
        assert np.abs(one["source"].astype(int) - other["source"]).max() <= 1


def test_streaming_what_cannot_be_streamed_is_refused():
    with pytest.raises(DataError, match="celeb_a, .*w300.*; rendered_faces is held in memory"):
        load(DataConfig(name="rendered_faces", loader="tf"))


def test_one_error_names_everything_that_is_missing(tmp_path):
    with pytest.raises(DataError) as refused:
        load(DataConfig(name="celeb_a", cache=tmp_path))
    message = str(refused.value)
    for name in (
        "list_landmarks_align_celeba.txt",
        "list_eval_partition.txt",
        "identity_CelebA.txt",
        "training.txt",
        "testing.txt",
        "img_align_celeba",
    ):
        assert str(tmp_path / "celeb_a" / name) in message
    assert "nothing is downloaded" in message


def test_only_what_is_missing_is_named(tmp_path):
    write_celeb_a(tmp_path / "celeb_a", pictures=False)
    config = DataConfig(name="celeb_a", cache=tmp_path)
    assert missing_of_celeb_a(config) == [tmp_path / "celeb_a" / "img_align_celeba"]
    # The archive, or what TFDS made of it, takes the place of the folder.
    (tmp_path / "celeb_a/2.1.0").mkdir()
    (tmp_path / "celeb_a/2.1.0/dataset_info.json").write_text("{}")
    assert missing_of_celeb_a(config) == []


def test_auto_takes_celeb_a_where_an_accelerator_is_present(root, tmp_path, monkeypatch, capsys):
    auto = DataConfig(cache=root.parent)
    assert cli.resolve_data(auto).name == "rendered_faces"
    assert "no accelerator" in capsys.readouterr().out
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert cli.resolve_data(auto).name == "celeb_a"
    assert cli.resolve_data(DataConfig(cache=tmp_path)).name == "rendered_faces"
    assert f"no CelebA in {tmp_path}" in capsys.readouterr().out
    (tmp_path / "celeb_a").mkdir()
    cli.resolve_data(DataConfig(cache=tmp_path))
    assert "is incomplete (no list_landmarks_align_celeba.txt" in capsys.readouterr().out


WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None  # importing it raises ImportError
import jax
from c3jax.training.checkpoints import Checkpoints
from c3jax.training.state import init_state
from c3jax.training.step import make_train_step, shard_batch
from experiments.c3_faces.recipe import RECIPE
from experiments.engine import cli, loop

def main():
    _, config = cli.parse_run("c3_faces", RECIPE.presets)
    data, model = RECIPE.load_data(config.data), RECIPE.build(config)
    stage = RECIPE.stages(config, data, model)[-1]
    batch = dict(next(stage.batches(0)))
    batch["example_index"] = batch["source"][:, 0, 0, 0].astype("int32")

    def step(batch, key):
        variables = model.random()
        stats = model.init_loss_stats(variables)
        state = init_state(variables, optimizer=stage.optimizer, loss_stats=stats)
        train_step = make_train_step(stage.loss_fn, stage.optimizer, devices=jax.devices()[:1])
        return train_step(state, batch, key)

    print(sorted(jax.eval_shape(step, shard_batch(batch, 1), jax.random.key(0))[1]))

cli.guarded(main)
"""


def trace_a_step_without_tensorflow(root, *options):
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, "--preset", "laptop_small", "--no-flow"]
    command += ["--model.family", "imm", "--data.name", "celeb_a", "--data.path", str(root)]
    return subprocess.run([*command, *options], cwd=REPOSITORY, capture_output=True, text=True)


def test_nothing_from_the_entry_point_to_the_step_imports_tensorflow(root):
    done = trace_a_step_without_tensorflow(root)
    assert done.returncode == 0, done.stderr
    assert "'cycle'" in done.stdout.splitlines()[-1]


def test_streaming_without_tensorflow_says_so_in_one_line(root):
    done = trace_a_step_without_tensorflow(root, "--data.loader", "tf")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "needs TensorFlow" in line and "memory" in line
