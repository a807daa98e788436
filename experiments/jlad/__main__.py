"""`python -m experiments.jlad`: landmarks and alignment that teach each other."""

import dataclasses
import sys
import time

from experiments.common import alignment_data, data_sets
from experiments.common.data import Data, DataConfig
from experiments.engine import cli, runs
from experiments.engine.paths import resolve_data
from experiments.jlad.config import Config
from experiments.jlad.presets import presets_for


def main() -> None:
    """Trains, evaluates and writes the run folder."""
    presets = presets_for(cli.take_option(sys.argv[1:], "--data.name"))
    preset, config = cli.parse(presets, choose_preset, prog="python -m experiments.jlad")
    config.check()
    if isinstance(config.data, DataConfig):
        config = dataclasses.replace(config, data=resolve_data(config.data))
    name = config.name or f"{preset}-{config.data.name}-{config.variant}-seed{config.seed}"
    config = dataclasses.replace(config, name=name)
    folder = config.runs / "jlad" / name
    runs.open_run(folder, "jlad", preset, config)
    print(f"run: {folder}", flush=True)
    started = time.monotonic()

    from experiments.engine.pretrained import find_trunk
    from experiments.engine.trained import find_trained, is_exported

    # What is missing is said before minutes are spent on the data.
    find_trunk(config.model)
    if config.init_from is not None and not is_exported(config.init_from.expanduser()):
        find_trained(config.init_from.expanduser(), "jlad")
    loaded = load(config)
    print(f"data: {loaded.description}, {config.data.image_size} px", flush=True)

    from experiments.jlad.run import run

    run(config, preset, loaded, folder, started=started)


def load(config: Config) -> alignment_data.AlignmentData | Data:
    """Pairs of objects, or faces of which any two are a pair.

    Raises:
      DataError: something is missing or broken; the message says what to put where.
    """
    if isinstance(config.data, DataConfig):
        return data_sets.load(config.data)
    return alignment_data.load(config.data)


def choose_preset() -> tuple[str, str]:
    """`laptop`, and why."""
    return "laptop", "PF-PASCAL: make train EXP=jlad PRESET=paper"


if __name__ == "__main__":
    cli.guarded(main)
