"""Checkpoints of a run: Orbax for the arrays, our own digests for what Orbax does not check."""

import functools
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax.traverse_util import flatten_dict, unflatten_dict

from c3jax.training.state import Tree

DIGESTS = "digests.json"
OPT_STATE = ".opt_state"  # of a TrainState
OPTIMIZER = "optimiser, or of another version of it"
_blake = functools.partial(hashlib.blake2b, digest_size=16)


class CheckpointError(ValueError):
    """A checkpoint that cannot be used: missing, damaged, or of another model."""


class Checkpoints:
    """The checkpoints of one run, a folder per step, the latest `keep` of them kept.

    A step is written to a temporary folder and renamed when whole, so that a killed process never
    leaves half of one. Every leaf's dtype, shape and digest are stored beside the arrays, and then
    the digest of every file; both are compared on restoring (Orbax casts silently and does not
    notice flipped bits).

    Of several processes the first writes for all, and each reads for itself: the folder must be
    one that all of them see. What any number of processes and devices wrote, any other reads.

    Args:
      directory: the run's `checkpoints` folder; made when missing unless `read_only`.
      keep: how many steps to keep.
      read_only: nothing in the folder is changed.
    """

    def __init__(self, directory: str | Path, *, keep: int = 2, read_only: bool = False):
        self.directory = Path(directory).absolute()
        if read_only and not self.directory.is_dir():
            raise CheckpointError(f"there are no checkpoints in {self.directory}")
        # Orbax warns of every read-only folder, and logs what it then raises with its traceback.
        logging.getLogger("absl").setLevel(logging.CRITICAL)
        if not read_only:
            self.directory.mkdir(parents=True, exist_ok=True)
        self._writes = not read_only and jax.process_index() == 0
        self._manager = ocp.CheckpointManager(
            self.directory,
            options=ocp.CheckpointManagerOptions(
                max_to_keep=keep if self._writes else None,
                cleanup_tmp_directories=self._writes,
                create=False,
                read_only=not self._writes,
                enable_async_checkpointing=False,
                multiprocessing_options=_single_host_options(),
            ),
            item_names=("state", "meta"),
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._manager.close()

    def latest_step(self) -> int | None:
        """The newest whole step; None in an empty folder."""
        return self._manager.latest_step()

    def save(self, step: int, state: Tree, meta: dict[str, Any]) -> None:
        """Writes `state` (a tree of arrays) and `meta` (JSON) as step `step`; returns when whole.

        Every device holds the whole state. Of several processes all but the first return at once.

        Raises:
          CheckpointError: it cannot be written, on a full disk say; the steps before are untouched.
        """
        if not self._writes:
            return
        self._check_room(step, state)
        if jax.process_count() > 1:  # Orbax takes a JAX array for a part of a greater one
            state = jax.tree.map(np.asarray, state)
        meta = {**meta, "leaves": _describe(state)}
        items = ocp.args.Composite(state=ocp.args.StandardSave(state), meta=ocp.args.JsonSave(meta))
        try:
            self._manager.save(step, args=items, force=True)
            self._manager.wait_until_finished()
            self._write_digests(step)
        except (ValueError, OSError) as error:  # tensorstore's errors are ValueErrors
            raise self._unwritten(step, _first_line(error)) from error

    def meta(self, step: int | None = None) -> dict[str, Any]:
        """The JSON side of a step (default: the latest)."""
        return self._read(self._existing(step), "meta", ocp.args.JsonRestore())

    def restore(self, target: Tree, step: int | None = None) -> Tree:
        """The state of a step (default: the latest), its structure, shapes and dtypes `target`'s.

        Raises:
          CheckpointError: no such step, another structure, or a file or leaf that has changed.
        """
        step = self._existing(step)
        self._check_digests(step)
        stored = self.meta(step)["leaves"]
        self._check_leaves(step, stored, target)
        abstract = jax.tree.map(_restored_to, target)
        state = self._read(step, "state", ocp.args.StandardRestore(abstract))
        for path, leaf in _leaves(state):
            self._check_bits(step, path, leaf, stored[path][2])
        return state

    def restore_variables(self, step: int | None = None) -> dict[str, Tree]:
        """The variables of the `TrainState` of a step (default: the latest), without a target.

        Raises:
          CheckpointError: as `restore`.
        """
        step = self._existing(step)
        self._check_digests(step)
        stored = {
            (collection[1:], *re.findall(r"\['(.*?)'\]", path)): (path, *leaf)
            for path, leaf in self.meta(step)["leaves"].items()
            if (collection := path.partition("[")[0]) in (".params", ".frozen", ".batch_stats")
        }
        leaves = {
            keys: _restored_to(jax.ShapeDtypeStruct(shape, dtype))
            for keys, (_, dtype, shape, _) in stored.items()
        }
        target = unflatten_dict(leaves)
        arguments = ocp.checkpoint_utils.construct_restore_args(target)
        partly = ocp.args.PyTreeRestore(target, arguments, partial_restore=True)
        found = self._read(step, "state", partly)
        for keys, leaf in flatten_dict(found).items():
            path, *_, bits = stored[keys]
            self._check_bits(step, path, leaf, bits)
        params = {**found.get("frozen", {}), **found.get("params", {})}
        return {"params": params, "batch_stats": found.get("batch_stats", {})}

    def _read(self, step: int, item: str, arguments: Any) -> Any:
        try:
            return self._manager.restore(step, args=ocp.args.Composite(**{item: arguments}))[item]
        except Exception as error:  # Orbax raises a bare Exception for data that do not decode
            if "tree structures do not match" in str(error):  # though all arrays do
                raise self._differs(step, OPTIMIZER, "its parts without arrays differ") from error
            raise self._damaged(step, _first_line(error)) from error

    def _check_bits(self, step: int, path: str, leaf: Any, bits: str) -> None:
        if _bits(leaf) != bits:
            raise self._damaged(step, f"the bits of {path} have changed")

    def _check_leaves(self, step: int, stored: dict[str, list], target: Tree) -> None:
        wanted = {path: [str(leaf.dtype), list(leaf.shape)] for path, leaf in _leaves(target)}
        found = {path: leaf[:2] for path, leaf in stored.items()}
        differing = [k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k)]
        if not differing:
            return
        # An optimiser repeats the shapes of what it moves: that comes first.
        first = min(differing, key=lambda path: (path.startswith(OPT_STATE), path))
        there, here = (
            "{} {}".format(*leaves[first]) if first in leaves else "nothing"
            for leaves in (found, wanted)
        )
        what = OPTIMIZER if first.startswith(OPT_STATE) else "model"
        reason = f"{len(differing)} arrays differ, first {first}: {there} there, {here} here"
        raise self._differs(step, what, reason)

    def _write_digests(self, step: int) -> None:
        folder = self.directory / str(step)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        digests = {path.relative_to(folder).as_posix(): _file_digest(path) for path in files}
        (folder / f"{DIGESTS}.tmp").write_text(json.dumps(digests, indent=1))
        os.replace(folder / f"{DIGESTS}.tmp", folder / DIGESTS)  # whole or not at all

    def _check_digests(self, step: int) -> None:
        """Looks at the files before Orbax does; a killed process may have left no digests."""
        folder = self.directory / str(step)
        if not (folder / DIGESTS).exists():
            return
        try:
            digests = json.loads((folder / DIGESTS).read_text())
        except ValueError as error:
            raise self._damaged(step, f"{DIGESTS} is no JSON: {error}") from None
        for name, expected in digests.items():
            if not (folder / name).is_file():
                raise self._damaged(step, f"{name} is missing")
            if _file_digest(folder / name) != expected:
                raise self._damaged(step, f"{name} has changed since it was written")

    def _existing(self, step: int | None) -> int:
        steps = self._manager.all_steps()
        step = self.latest_step() if step is None else step
        if step is None or step not in steps:
            wanted = "no checkpoint" if step is None else f"no checkpoint of step {step}"
            raise CheckpointError(
                f"{self.directory} holds {wanted}; steps there: {sorted(steps) or 'none'}"
            )
        return step

    def _check_room(self, step: int, state: Tree) -> None:
        """Orbax on a full disk leaves threads that print tracebacks: look before."""
        # Arrays are written, then merged; a MiB is ample for what describes them.
        needed = 2 * sum(leaf.nbytes for leaf in jax.tree.leaves(state)) + 2**20
        reason = f"{-(-needed // 2**20)} MiB needed"
        if shutil.disk_usage(self.directory).free < needed:
            raise self._unwritten(step, f"{reason}: the disk is full")
        if hasattr(os, "posix_fallocate"):  # it knows quotas and limits too
            try:
                with tempfile.TemporaryFile(dir=self.directory) as file:
                    os.posix_fallocate(file.fileno(), 0, needed)
            except OSError as error:
                raise self._unwritten(step, f"{reason}: {error.strerror}") from error

    def _unwritten(self, step: int, reason: str) -> CheckpointError:
        return CheckpointError(
            f"the checkpoint {self.directory / str(step)} cannot be written ({reason}); make room: "
            "the same command then goes on from the step before it"
        )

    def _damaged(self, step: int, reason: str) -> CheckpointError:
        before = [each for each in self._manager.all_steps() if each < step]
        offer = "there is no step before it: delete that folder to begin anew"
        if before:
            whole = self.directory / str(max(before))
            offer = f"the step before it is {whole}: name that, or delete {step} to go on from it"
        return CheckpointError(
            f"the checkpoint {self.directory / str(step)} is damaged ({reason}); {offer}"
        )

    def _differs(self, step: int, what: str, reason: str) -> CheckpointError:
        return CheckpointError(
            f"{self.directory / str(step)} is a checkpoint of another {what}: {reason}; give the "
            "configuration (and the version) that it was written with, or begin a new run"
        )


def _single_host_options() -> ocp.options.MultiprocessingOptions:
    """Orbax shall not wait for the other processes."""
    if jax.process_count() == 1:
        return ocp.options.MultiprocessingOptions()
    index = jax.process_index()
    return ocp.options.MultiprocessingOptions(
        primary_host=index, active_processes={index}, barrier_sync_key_prefix=f"process{index}"
    )


def _restored_to(leaf: Any) -> jax.ShapeDtypeStruct:
    """Where a leaf is restored to: where the target's is, else on this process's first device."""
    first = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    sharding = getattr(leaf, "sharding", None) or first
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def _file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, _blake).hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _leaves(tree: Tree) -> list[tuple[str, Any]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in leaves]


def digest(tree: Tree) -> str:
    """A hexadecimal number that tells trees of arrays apart."""
    return _blake(repr(_describe(tree)).encode()).hexdigest()


def _describe(tree: Tree) -> dict[str, list]:
    """`path -> [dtype, shape, digest of the bytes]` of every leaf."""
    return {
        path: [str(np.asarray(leaf).dtype), list(np.shape(leaf)), _bits(leaf)]
        for path, leaf in _leaves(tree)
    }


def _bits(leaf: Any) -> str:
    """Digest of the bytes of an array."""
    return _blake(np.ascontiguousarray(leaf).tobytes()).hexdigest()
