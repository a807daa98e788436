"""Trained runs read back: their last state, and their variables as the start of another run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from c3jax.inference import WEIGHTS, files
from c3jax.training.checkpoints import Checkpoints
from c3jax.training.state import TrainState
from experiments.engine import runs
from experiments.engine.errors import UsageError

# The experiments whose runs `experiments.c3_faces.run.load_trained` reads.
C3_RUNS = ("c3_faces", "c3_cars", "c3_bedrooms", "imm_faces")


def find_trained(path: Path, *experiments: str) -> runs.Run:
    """The run of a run folder (or of one of its steps), if it is of one of these experiments.

    Raises:
      UsageError: there is no run, or one of another experiment.
    """
    found = runs.find_run(path)
    if "experiment" not in found.described:
        raise UsageError(
            f"{path} is an exported model or something else, not a run; give a run folder such as "
            f"runs/{experiments[0]}/NAME"
        )
    if found.described["experiment"] not in experiments:
        raise UsageError(
            f"{path} is a run of {found.described['experiment']}, not of {' or '.join(experiments)}"
        )
    return found


def restore_state(found: runs.Run, *inits: Callable[[], TrainState]) -> TrainState:
    """The state of the newest (or the named) checkpoint.

    Args:
      found: the run.
      inits: make states as the stages of the run have them, whose optimisers may differ; the first
        that has the arrays of the checkpoint counts.

    Raises:
      CheckpointError: there is none, or it is damaged.
    """
    targets = [jax.eval_shape(init) for init in inits]
    with Checkpoints(found.checkpoints, read_only=True) as checkpoints:
        stored = checkpoints.meta(found.step)["leaves"].keys()
        fitting = (target for target in targets if shapes_of(target).keys() == stored)
        return checkpoints.restore(next(fitting, targets[0]), found.step)


def stored_meta(found: runs.Run) -> dict[str, Any]:
    """What the loop stored beside the state of the newest (or the named) checkpoint."""
    with Checkpoints(found.checkpoints, read_only=True) as checkpoints:
        return checkpoints.meta(found.step)


def is_exported(path: Path) -> bool:
    """Whether a path is an exported model, not a run."""
    return path.suffix == ".safetensors" or (path / WEIGHTS).exists()


def start_variables(
    path: Path, load: Callable[[runs.Run], Any], *experiments: str
) -> dict[str, Any]:
    """The variables that `--init-from` names: those of a run or of an exported model.

    Args:
      path: the folder of either.
      load: reads a run; what it returns has `variables`.
      experiments: whose runs can be started from.

    Raises:
      UsageError: there is neither, or a run of another experiment.
      ValueError: a damaged export.
    """
    path = path.expanduser()
    if is_exported(path):
        return files.read(path)[1]
    return load(find_trained(path, *experiments)).variables


def shapes_of(tree: Any) -> dict[str, tuple[int, ...]]:
    """The shape of each array, by its path."""
    return {
        jax.tree_util.keystr(path): leaf.shape
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def check_same_arrays(run: Path, theirs: Any, ours: Any, *, fix: str) -> None:
    """Whether the variables of the run that is started from fit this configuration.

    Args:
      run: as `--init-from` names it.
      theirs, ours: variables of the run, and those of this configuration (shapes are enough).
      fix: what to give, to end the message with.

    Raises:
      UsageError: a missing array, one too many, or one of another shape.
    """
    there, here = shapes_of(theirs), shapes_of(ours)
    differing = sorted(k for k in here.keys() | there.keys() if here.get(k) != there.get(k))
    if differing:
        first = differing[0]
        raise UsageError(
            f"--init-from {run} is a run of another model: {len(differing)} arrays "
            f"differ, first {first}: {there.get(first, 'nothing')} there, "
            f"{here.get(first, 'nothing')} here; {fix}"
        )
