"""The `alignment` object of a trained run, on its own test pairs or on others."""

import dataclasses
from typing import Any

from experiments.common import alignment_data, runs
from experiments.common.alignment_data import AlignmentDataConfig
from experiments.common.errors import UsageError
from experiments.semantic_alignment.run import evaluate, print_table
from experiments.semantic_alignment.trained import load_trained, untrained_variables

OPTIONS = ("name", "path", "pairs_path")


def evaluate_run(found: runs.Run, given: dict[str, Any]) -> dict[str, Any]:
    """The `alignment` object; those of further test sets, where the data have some, in `others`.

    Args:
      found: the run.
      given: options of the data, by name; without any, the run's own data.

    Raises:
      UsageError, DataError, CheckpointError: an option, data or a checkpoint that do not fit.
    """
    trained = load_trained(found)
    data = alignment_data.load(data_config(given, trained.config.data), training=False)
    untrained = untrained_variables(trained)
    objects = {}
    for name, test in data.tests.items():
        print(f"step {trained.step:,} of {found.folder} on {data.name}: {test.pairs}")
        objects[name] = evaluate(
            trained.config, data.name, trained.network, trained.variables, untrained, test
        )
        print_table(name, objects[name])
    first, *others = objects
    return objects[first] | ({"others": {name: objects[name] for name in others}} if others else {})


def data_config(given: dict[str, Any], own: AlignmentDataConfig) -> AlignmentDataConfig:
    """The run's own pairs, or those that are named; pictures are resized as those of the run.

    Raises:
      UsageError: options that pairs do not have.
    """
    if idle := sorted(given.keys() - set(OPTIONS)):
        raise UsageError(
            f"{', '.join(idle)}: a run of semantic_alignment has no landmarks to fit a regressor "
            f"on; of the options of the data it knows {', '.join(OPTIONS)}"
        )
    base = AlignmentDataConfig(image_size=own.image_size, resize=own.resize)
    config = dataclasses.replace(base if "name" in given else own, **given)
    if config.name == "pairs_csv" and "path" in given:
        config = dataclasses.replace(config, test_path=None)  # the table that is named is tested
    return config
