"""torch's `.pth` files, without torch: what is in them comes out, and nothing in them runs."""

import os
import pickle
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from c3jax import pickles
from c3jax.pickles import read_state_dict
from tests.reference import torch_files

FORMATS = [False, True]  # legacy


def weights():
    random = np.random.default_rng(0)
    base = random.standard_normal((6, 5)).astype(np.float32)
    return {
        "a.weight": random.standard_normal((4, 3, 2, 2)).astype(np.float32),
        "a.num_batches_tracked": np.array(7),
        "transposed": base.T,
        "part": base[2:, 1:4],
        "half": np.arange(3, dtype=np.float16),
        "double": np.arange(3, dtype=np.float64),
        "empty": np.zeros((0, 3), np.float32),
    }


def read(path):
    return dict(read_state_dict(path))


def assert_same(found, expected):
    assert list(found) == list(expected)
    for key, array in expected.items():
        assert found[key].dtype == array.dtype
        assert_array_equal(found[key], array)


@pytest.mark.parametrize("legacy", FORMATS)
@pytest.mark.parametrize("parameters", [None, "new", "old"])
def test_tensors_views_and_parameters_come_out_in_order(tmp_path, legacy, parameters):
    torch_files.save(tmp_path / "a.pth", weights(), legacy=legacy, parameters=parameters)
    assert_same(read(tmp_path / "a.pth"), weights())


def test_the_state_dict_of_a_checkpoint_is_found(tmp_path):
    torch_files.save(
        tmp_path / "a.pth", weights(), wrap=lambda tree: {"epoch": 3, "state_dict": tree}
    )
    assert_same(read(tmp_path / "a.pth"), weights())


class Calls:
    """Pickled, a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Sets:
    """Pickled, the attributes of something else, set."""

    def __init__(self, target, state):
        self.parts = target, state

    def __reduce__(self):
        return self.parts[0], (), self.parts[1]


@pytest.mark.parametrize("legacy", FORMATS)
@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (os.system, ("touch RAN",), "system"),
        (eval, ("open('RAN', 'w')",), "eval"),
        (exec, ("open('RAN', 'w')",), "exec"),
        (getattr, (os, "system"), "getattr"),
        (np.load, ("RAN",), "load"),
        (pickle.loads, (b"cos\nsystem\n(S'touch RAN'\ntR.",), "loads"),
    ],
)
def test_a_pickle_that_names_anything_else_is_refused_by_name_and_not_run(
    tmp_path, monkeypatch, legacy, function, arguments, named
):
    monkeypatch.chdir(tmp_path)
    if function is getattr:  # a module does not pickle
        arguments = (Calls, "system")
    path = tmp_path / "model.pth"
    torch_files.save(
        path, weights(), legacy=legacy, wrap=lambda tree: tree | {"x": Calls(function, *arguments)}
    )
    with pytest.raises(
        ValueError, match=f"model.pth: refused: its pickle names [a-zA-Z_.]+.{named}, and none but"
    ):
        read(path)
    assert not (tmp_path / "RAN").exists()


def test_a_bare_malicious_pickle_is_refused_as_well(tmp_path):
    path = tmp_path / "model.pth"
    path.write_bytes(pickle.dumps(Calls(os.system, "touch RAN")))
    with pytest.raises(ValueError, match="refused: its pickle names .*system"):
        read(path)


def test_storages_of_other_kinds_are_refused_by_name(tmp_path):
    torch_files.save(tmp_path / "a.pth", {"x": np.arange(3, dtype=np.int32)})
    with pytest.raises(ValueError, match="refused: its pickle names torch.IntStorage"):
        read(tmp_path / "a.pth")


@pytest.mark.parametrize("name", sorted(pickles._NAMES))
def test_a_pickle_cannot_change_what_its_names_mean(tmp_path, name):
    module, _, attribute = name.rpartition(".")
    opcodes = b"\x80\x02c" + f"{module}\n{attribute}\n".encode()  # the thing itself
    opcodes += b"N}X\x08\x00\x00\x00__init__I1\ns\x86b."  # its __init__ is set to 1
    path = tmp_path / "model.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", opcodes)
    with pytest.raises(ValueError, match="not a whole .pth file"):
        read(path)
    assert pickles._NAMES[name].__init__ != 1


def rewritten(path, change):
    """The zip with the contents of some members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members | change).items():
            if content is not None:
                archive.writestr(name, content)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"archive/data/0": b"\0" * 40}, "'a.weight' reaches beyond its storage"),
        ({"archive/data/0": None}, "data/0"),
        ({"archive/byteorder": b"big"}, "big-endian"),
        ({"archive/data.pkl": None}, "without data.pkl"),
        ({"archive/data.pkl": b"\x80\x02"}, "Ran out of input"),
        ({"archive/data.pkl": pickle.dumps([1, 2], 2)}, "a list, no state dict"),
        ({"archive/data.pkl": pickle.dumps({"x": 1}, 2)}, "'x' is a int, no tensor"),
    ],
)
def test_damaged_zip_files_are_refused(tmp_path, change, why):
    path = tmp_path / "a.pth"
    torch_files.save(path, weights())
    rewritten(path, change)
    with pytest.raises(ValueError, match=f"a.pth: not a whole .pth file: .*{why}"):
        read(path)


def test_flipped_bits_and_packed_members_of_a_zip_are_refused(tmp_path):
    path = tmp_path / "a.pth"
    torch_files.save(path, weights())
    data = bytearray(path.read_bytes())
    data[data.index(weights()["a.weight"].tobytes()[:16])] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="not a whole .pth file: Bad CRC-32"):
        read(path)
    with zipfile.ZipFile(path) as archive:
        pickled = archive.read("archive/data.pkl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", b"\0" * 10**6)
    with pytest.raises(ValueError, match="data/0 is compressed"):
        read(path)


@pytest.mark.parametrize("keep", [0, 5, 60, 0.5, -1])
@pytest.mark.parametrize("legacy", FORMATS)
def test_truncated_files_are_refused(tmp_path, legacy, keep):
    path = tmp_path / "a.pth"
    torch_files.save(path, weights(), legacy=legacy)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 if keep == 0.5 else keep])
    with pytest.raises(ValueError, match="a.pth: not a whole .pth file"):
        read(path)


def test_pages_and_foreign_pickles_are_refused(tmp_path):
    path = tmp_path / "a.pth"
    for content in (b"<!DOCTYPE html>", pickle.dumps({"a": 1}), pickle.dumps(3) * 5):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="a.pth: not a whole .pth file"):
            read(path)
