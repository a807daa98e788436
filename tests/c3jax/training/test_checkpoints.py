"""Checkpoints: what is saved comes back bit for bit, and what is not right is refused by name."""

import os
import shutil
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.testing import assert_array_equal

from c3jax.training.checkpoints import CheckpointError, Checkpoints
from c3jax.training.step import replicate
from tests.c3jax.training.toy import assert_same_bits, toy_state

MOMENTUM = optax.trace(0.9)


def state_of(value=0.0, width=3):
    return {
        "params": {"kernel": jnp.arange(4 * width, dtype=jnp.float32).reshape(4, width) + value},
        "step": jnp.asarray(5, jnp.int32),
    }


def saved(folder, *steps):
    with Checkpoints(folder) as checkpoints:
        for step in steps:
            checkpoints.save(step, state_of(step), {"seconds": float(step)})


def test_a_state_comes_back_bit_for_bit_with_its_meta(tmp_path):
    saved(tmp_path, 7)
    with Checkpoints(tmp_path) as checkpoints:
        restored = checkpoints.restore(state_of())
        assert checkpoints.latest_step() == 7 and checkpoints.meta()["seconds"] == 7.0
    assert_array_equal(restored["params"]["kernel"], state_of(7)["params"]["kernel"])
    assert restored["step"].dtype == jnp.int32


def test_the_latest_two_steps_are_kept(tmp_path):
    saved(tmp_path, 1, 2, 3)
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.latest_step() == 3
        checkpoints.restore(state_of(), 2)
        with pytest.raises(
            CheckpointError, match="no checkpoint of step 1; steps there: \\[2, 3\\]"
        ):
            checkpoints.restore(state_of(), 1)


def test_another_models_checkpoint_is_refused_with_the_array_that_differs(tmp_path):
    saved(tmp_path, 1)
    with (
        Checkpoints(tmp_path) as checkpoints,
        pytest.raises(
            CheckpointError,
            match=r"another model: 1 arrays differ, first \['params'\]\['kernel'\]: "
            r"float32 \[4, 3\] there, float32 \[4, 5\] here; give the configuration",
        ),
    ):
        checkpoints.restore(state_of(width=5))


def test_another_dtype_is_refused_and_never_cast(tmp_path):
    saved(tmp_path, 1)
    target = state_of() | {"step": jnp.asarray(0, jnp.float32)}
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(CheckpointError, match="step.*int32"):
        checkpoints.restore(target)


def test_each_of_50_flipped_bits_is_found_and_the_step_before_is_offered(tmp_path):
    """One bit at a time, anywhere in the array data; the step before is whole."""
    saved(tmp_path, 1, 2)
    random, folder = np.random.default_rng(0), tmp_path / "2"
    files = sorted(file for file in (folder / "state").rglob("d/*") if file.is_file())
    sizes = np.array([file.stat().st_size for file in files])
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        for file in random.choice(files, 50, p=sizes / sizes.sum()):
            whole = file.read_bytes()
            flipped = bytearray(whole)
            flipped[random.integers(len(whole))] ^= 1 << int(random.integers(8))
            file.write_bytes(flipped)
            name, before = file.relative_to(folder).as_posix(), tmp_path / "1"
            said = f"2 is damaged .{name} has changed .*; the step before it is {before}: name"
            with pytest.raises(CheckpointError, match=said):
                checkpoints.restore(state_of())
            file.write_bytes(whole)
        assert_same_bits(checkpoints.restore(state_of(), 1), state_of(1))
        assert_same_bits(checkpoints.restore(state_of()), state_of(2))


@pytest.mark.parametrize("damage", ["missing", "cut off", "no digests"])
def test_files_are_named_and_the_only_step_is_to_be_deleted(tmp_path, damage):
    saved(tmp_path, 1)
    file = tmp_path / "1" / ("digests.json" if damage == "no digests" else "state/manifest.ocdbt")
    file.unlink() if damage == "missing" else file.write_bytes(file.read_bytes()[:-9])
    said = f"{file.name} (is missing|has changed|is no JSON).*; there is no step before it: delete"
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(CheckpointError, match=said):
        checkpoints.restore(state_of())


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            optax.adam(0.1),
            r"19 arrays differ, first .opt_state.0..count: nothing there, int32 .. here",
        ),
        (optax.chain(MOMENTUM, optax.identity()), "its parts without arrays differ"),
    ],
    ids=["other arrays", "the same arrays"],
)
def test_another_optimiser_is_no_damage(tmp_path, other, said):
    state = toy_state()
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state.replace(opt_state=optax.chain(MOMENTUM).init(state.params)), {})
        with pytest.raises(CheckpointError, match=f"another optimiser, or .*: {said}; give the"):
            checkpoints.restore(state.replace(opt_state=other.init(state.params)))


def test_flipped_bits_are_found_without_the_digests_of_the_files(tmp_path):
    """Whatever byte of the array data is flipped: refused, or (in padding) without effect."""
    noise = jnp.asarray(np.random.default_rng(0).normal(size=(64, 64)), jnp.float32)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"kernel": noise}, {})
    (tmp_path / "1/digests.json").unlink()
    data = max((tmp_path / "1" / "state").rglob("*"), key=lambda file: file.stat().st_size)
    original = data.read_bytes()
    refused, named, offsets = 0, 0, range(0, len(original), len(original) // 9)
    for offset in offsets:
        flipped = bytearray(original)
        flipped[offset] ^= 4
        data.write_bytes(flipped)
        with Checkpoints(tmp_path, read_only=True) as checkpoints:
            try:
                restored = checkpoints.restore({"kernel": noise})
            except CheckpointError as error:
                assert "is damaged" in str(error) and str(tmp_path / "1") in str(error)
                refused += 1
                named += "the bits of ['kernel'] have changed" in str(error)
            else:
                assert_array_equal(restored["kernel"], noise)
    assert refused >= len(offsets) - 2 and named > 0


def test_half_written_folders_are_ignored_and_cleaned(tmp_path):
    saved(tmp_path, 1)
    half = tmp_path / "2.orbax-checkpoint-tmp"
    half.mkdir()
    (half / "state").write_text("half")
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.latest_step() == 1
        checkpoints.save(3, state_of(3), {})  # Orbax cleans in the background, up to the next save
    assert not half.exists()


def test_an_empty_and_a_missing_folder_are_refused(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.latest_step() is None
        with pytest.raises(CheckpointError, match="holds no checkpoint; steps there: none"):
            checkpoints.restore(state_of())
    with pytest.raises(CheckpointError, match="no checkpoints in .*absent"):
        Checkpoints(tmp_path / "absent", read_only=True)


@pytest.mark.parametrize("before, after", [(1, 4), (4, 1)])
def test_a_state_comes_back_on_another_number_of_devices(tmp_path, before, after):
    devices = jax.local_devices()
    target = replicate(state_of(), devices[:after])
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, replicate(state_of(7), devices[:before]), {})
        restored = checkpoints.restore(target)
    assert_same_bits(restored, state_of(7))
    assert restored["params"]["kernel"].sharding == target["params"]["kernel"].sharding


def test_values_that_are_no_numbers_and_small_dtypes_keep_their_bits(tmp_path):
    state = {
        "floats": jnp.array([jnp.nan, -0.0, jnp.inf, 1e-45], jnp.float32),
        "halves": jnp.arange(3, dtype=jnp.bfloat16),
        "counter": jnp.asarray(2**31 - 1, jnp.int32),
    }
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state, {})
        assert_same_bits(checkpoints.restore(jax.tree.map(jnp.zeros_like, state)), state)


def contents(folder):
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_reader_changes_nothing(tmp_path):
    saved(tmp_path, 1, 2)
    half = tmp_path / "3.orbax-checkpoint-tmp"
    half.mkdir()
    (half / "state").write_text("another process writes this")
    before = contents(tmp_path)
    with Checkpoints(tmp_path, keep=1, read_only=True) as checkpoints:
        assert checkpoints.latest_step() == 2
        checkpoints.restore(state_of(), 1)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("text", ["", "{", '{"leaves": {}', "\xff"])
def test_a_broken_description_is_damage(tmp_path, text):
    saved(tmp_path, 1)
    (tmp_path / "1/meta/metadata").write_text(text, encoding="latin-1")
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(CheckpointError, match="is damaged"):
        checkpoints.restore(state_of())


def test_a_missing_part_is_damage(tmp_path):
    saved(tmp_path, 1)
    shutil.rmtree(tmp_path / "1/state/d")
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(CheckpointError, match="is damaged"):
        checkpoints.restore(state_of())


def no_room(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "module, function, stand_in",
    [(shutil, "disk_usage", lambda _: SimpleNamespace(free=5)), (os, "posix_fallocate", no_room)],
    ids=["a full disk", "a quota"],
)
def test_without_room_nothing_is_written_and_the_steps_before_stay(
    tmp_path, monkeypatch, module, function, stand_in
):
    saved(tmp_path, 1)
    before = contents(tmp_path)
    with Checkpoints(tmp_path) as checkpoints:
        monkeypatch.setattr(module, function, stand_in, raising=False)
        message = "2 cannot be written .2 MiB needed: .*; make room"
        with pytest.raises(CheckpointError, match=message):
            checkpoints.save(2, state_of(2), {})
        assert checkpoints.latest_step() == 1
        assert_same_bits(checkpoints.restore(state_of()), state_of(1))
    assert contents(tmp_path) == before


def test_a_write_that_fails_is_reported_and_the_next_one_succeeds(tmp_path, monkeypatch):
    saved(tmp_path, 1)
    with Checkpoints(tmp_path) as checkpoints:
        with monkeypatch.context() as context:
            context.setattr(
                "orbax.checkpoint.CheckpointManager.save",
                lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device")),
            )
            with pytest.raises(CheckpointError, match="2 cannot be written .*No space left"):
                checkpoints.save(2, state_of(2), {})
        assert checkpoints.latest_step() == 1
        checkpoints.save(2, state_of(2), {})
        assert checkpoints.latest_step() == 2
