"""Checkpoints: what is saved comes back bit for bit, and what is not right is refused by name."""

import jax.numpy as jnp
import numpy as np
import pytest

from c3jax.training.checkpoints import CheckpointError, Checkpoints


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
    np.testing.assert_array_equal(restored["params"]["kernel"], state_of(7)["params"]["kernel"])
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
        pytest.raises(CheckpointError, match="another model: 1 arrays differ.*kernel.*3.*5"),
    ):
        checkpoints.restore(state_of(width=5))


def test_another_dtype_is_refused_and_never_cast(tmp_path):
    saved(tmp_path, 1)
    target = state_of() | {"step": jnp.asarray(0, jnp.float32)}
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(CheckpointError, match="step.*int32"):
        checkpoints.restore(target)


def test_flipped_bits_are_found(tmp_path):
    """Whatever byte of the array data is flipped: refused, or (in padding) without effect."""
    noise = jnp.asarray(np.random.default_rng(0).normal(size=(64, 64)), jnp.float32)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"kernel": noise}, {})
    data = max((tmp_path / "1" / "state").rglob("*"), key=lambda file: file.stat().st_size)
    original = data.read_bytes()
    refused, offsets = 0, range(0, len(original), len(original) // 9)
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
            else:
                np.testing.assert_array_equal(restored["kernel"], noise)
    assert refused >= len(offsets) - 2


def test_half_written_folders_are_ignored_and_cleaned(tmp_path):
    saved(tmp_path, 1)
    half = tmp_path / "2.orbax-checkpoint-tmp"
    half.mkdir()
    (half / "state").write_text("half")
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.latest_step() == 1
    assert not half.exists()


def test_an_empty_and_a_missing_folder_are_refused(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.latest_step() is None
        with pytest.raises(CheckpointError, match="holds no checkpoint; steps there: none"):
            checkpoints.restore(state_of())
    with pytest.raises(CheckpointError, match="no checkpoints in .*absent"):
        Checkpoints(tmp_path / "absent", read_only=True)
