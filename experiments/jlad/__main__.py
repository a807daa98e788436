"""`python -m experiments.jlad`: landmarks and alignment that teach each other."""

import dataclasses
import time

from experiments.common import alignment_data, cli, runs
from experiments.jlad.config import PRESETS


def main() -> None:
    """Trains, evaluates and writes the run folder."""
    preset, config = cli.parse(PRESETS, choose_preset, prog="python -m experiments.jlad")
    config.check()
    name = config.name or f"{preset}-{config.data.name}-{config.variant}-seed{config.seed}"
    config = dataclasses.replace(config, name=name)
    folder = config.runs / "jlad" / name
    runs.open_run(folder, "jlad", preset, config)
    print(f"run: {folder}", flush=True)
    started = time.monotonic()

    from experiments.common.pretrained import find_trunk

    find_trunk(config.model)  # what is missing is said before minutes are spent on the data
    loaded = alignment_data.load(config.data)
    print(f"data: {loaded.description}, {config.data.image_size} px", flush=True)

    from experiments.jlad.run import run

    run(config, preset, loaded, folder, started=started)


def choose_preset() -> tuple[str, str]:
    """`laptop`, and why."""
    return "laptop", "PF-PASCAL: make train EXP=jlad PRESET=paper"


if __name__ == "__main__":
    cli.guarded(main)
