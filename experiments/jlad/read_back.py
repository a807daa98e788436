"""The objects of a run of JLAD that is read back: `alignment` of pairs, `landmarks` of faces."""

import functools
import sys
from typing import Any

from experiments.common.alignment_data import AlignmentDataConfig
from experiments.engine import runs
from experiments.engine.errors import UsageError
from experiments.jlad import evaluation
from experiments.jlad import networks as nets
from experiments.jlad.trained import Trained, load_trained
from experiments.measure.alignment_evaluation import evaluate_pairs


def evaluate_run(found: runs.Run, given: dict[str, Any]) -> dict[str, Any]:
    """The `alignment` object, as `evaluate_pairs` gives it.

    Numbers of the untrained network are left out where its pretrained trunk is not there.

    Raises:
      UsageError, DataError, CheckpointError: an option, data or a checkpoint that do not fit.
    """
    trained = load_trained(found)
    try:
        before = untrained_network(trained)
    except UsageError as error:
        print(f"no numbers of the untrained network: {error}", file=sys.stderr)
        before = None
    of_test = functools.partial(evaluation.evaluate_alignment, as_evaluated(trained), before)
    run, own = f"step {trained.step:,} of {found.folder}", trained.config.data
    if not isinstance(own, AlignmentDataConfig):
        own = AlignmentDataConfig(image_size=own.image_size)
    return evaluate_pairs(given, own, run, of_test)


def make_detectors(trained: Trained):
    """Functions from uint8 images to landmarks: of the run, and of its network before training.

    Raises:
      UsageError: the file of the pretrained trunk is not there.
    """
    both = as_evaluated(trained), untrained_network(trained)
    return tuple(functools.partial(evaluation.compute_landmarks, each) for each in both)


def as_evaluated(trained: Trained) -> evaluation.Trained:
    """The network as `evaluation` takes it."""
    return evaluation.Trained(trained.network, trained.variables, trained.detection)


def untrained_network(trained: Trained) -> evaluation.Trained:
    """The network at step 0.

    Raises:
      UsageError: the file of the pretrained trunk is not there.
    """
    variables = nets.init_variables(trained.network, trained.config)
    return evaluation.Trained(trained.network, variables, trained.detection)
