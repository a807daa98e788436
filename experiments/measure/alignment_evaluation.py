"""The `alignment` object of a run that is read back, on its own test pairs or on others."""

import dataclasses
from collections.abc import Callable
from typing import Any

from experiments.common import alignment_data
from experiments.common.alignment_data import AlignmentDataConfig
from experiments.engine.errors import UsageError
from experiments.measure.alignment import TestPairs

OPTIONS = ("name", "path", "pairs_path")


def evaluate_pairs(
    given: dict[str, Any],
    own: AlignmentDataConfig,
    run: str,
    evaluate: Callable[[str, TestPairs], dict],
) -> dict[str, Any]:
    """The `alignment` object; those of further test sets, where the data have some, in `others`.

    Args:
      given: options of the data, by name; without any, the run's own data.
      own: the data of the run.
      run: what to call it.
      evaluate: from the name of the data set and test pairs to an `alignment` object.

    Raises:
      UsageError, DataError: an option or data that do not fit.
    """
    data = alignment_data.load(data_config(given, own), training=False)
    objects = {}
    for name, test in data.tests.items():
        print(f"{run} on {data.name}: {test.pairs}")
        objects[name] = evaluate(data.name, test)
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
            f"{', '.join(idle)}: pairs have no landmarks to fit a regressor on; of the options of "
            f"the data they know {', '.join(OPTIONS)}"
        )
    base = AlignmentDataConfig(image_size=own.image_size, resize=own.resize)
    config = dataclasses.replace(base if "name" in given else own, **given)
    if config.name == "pairs_csv" and "path" in given:
        config = dataclasses.replace(config, test_path=None)  # the table that is named is tested
    return config


def print_table(name: str, found: dict) -> None:
    """PCK of all methods."""
    methods, columns = found["methods"], list(found["pck"])
    print(f"\n{name}: PCK in % at alpha {', '.join(columns)} ({found['pairs']} pairs)")
    print(f"  {found['protocol']}")
    for method, pck in {
        **{other: found[f"{other}_pck"] for other in methods if other != "trained"},
        "trained": found["pck"],
    }.items():
        cells = "".join(f"{pck[alpha]:8.1f}" for alpha in columns)
        print(f"  {method.replace('_', ' '):24s}{cells}")
