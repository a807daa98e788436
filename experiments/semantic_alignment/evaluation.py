"""The `alignment` object of a trained run, on its own test pairs or on others."""

from typing import Any

from experiments.engine import runs
from experiments.measure.alignment_evaluation import evaluate_pairs
from experiments.semantic_alignment.run import evaluate
from experiments.semantic_alignment.trained import load_trained, untrained_variables


def evaluate_run(found: runs.Run, given: dict[str, Any]) -> dict[str, Any]:
    """The `alignment` object; those of further test sets, where the data have some, in `others`.

    Args:
      found: the run.
      given: options of the data, by name; without any, the run's own data.

    Raises:
      UsageError, DataError, CheckpointError: an option, data or a checkpoint that do not fit.
    """
    trained = load_trained(found)
    untrained = untrained_variables(trained)

    def of_test(data: str, test):
        return evaluate(trained.config, data, trained.network, trained.variables, untrained, test)

    run = f"step {trained.step:,} of {found.folder}"
    return evaluate_pairs(given, trained.config.data, run, of_test)
