"""The command of every experiment of this kind: `train(EXPERIMENT)`."""

import dataclasses
import time

from experiments.c3_faces.config import Config, Experiment
from experiments.common import data_sets
from experiments.engine import cli, runs
from experiments.engine.paths import choose_preset, resolve_data


def train(experiment: Experiment) -> None:
    """Trains, evaluates and writes the run folder."""
    preset, config = cli.parse(
        experiment.presets,
        lambda: choose_preset(experiment),
        prog=f"python -m experiments.{experiment.name}",
    )
    config = dataclasses.replace(config, data=resolve_data(config.data))
    name = config.name or default_name(preset, config, experiment.presets[preset])
    config = dataclasses.replace(config, name=name)
    folder = config.runs / experiment.name / name
    runs.open_run(folder, experiment.name, preset, config)
    print(f"run: {folder}", flush=True)
    started = time.monotonic()

    from experiments.c3_faces.networks import find_weights

    if config.init_from is None:
        find_weights(config)  # what is missing is said before minutes are spent on the data
    loaded = data_sets.load(config.data)
    print(f"data: {loaded.description}, {config.data.image_size} px", flush=True)

    from experiments.c3_faces.run import run

    run(experiment, config, preset, loaded, folder, started=started)


def default_name(preset: str, config: Config, default: Config) -> str:
    """Run name that tells preset, data, K, what differs from the preset's method, and seed."""
    parts = [preset, config.data.name, f"k{config.landmarks}"]
    parts += [config.model.family] * (config.model.family != default.model.family)
    for switch in ("cycle", "flow"):
        on = getattr(config, switch)
        parts += [switch if on else f"no_{switch}"] * (on != getattr(default, switch))
    return "-".join([*parts, f"seed{config.seed}"])
