"""`python -m experiments.c3_faces`: C3 landmarks from photos without labels."""

import dataclasses
import time

from experiments.c3_faces.config import PRESETS, Config
from experiments.common import cli, data, runs
from experiments.common.paths import choose_preset, resolve_data


def main() -> None:
    """Trains, evaluates and writes the run folder."""
    preset, config = cli.parse(PRESETS, choose_preset, prog="python -m experiments.c3_faces")
    config = dataclasses.replace(config, data=resolve_data(config.data))
    name = config.name or default_name(preset, config)
    config = dataclasses.replace(config, name=name)
    folder = config.runs / "c3_faces" / name
    runs.open_run(folder, "c3_faces", preset, config)
    print(f"run: {folder}", flush=True)
    started = time.monotonic()

    from experiments.c3_faces.networks import find_weights

    if config.init_from is None:
        find_weights(config)  # what is missing is said before minutes are spent on the data
    loaded = data.load(config.data)
    print(f"data: {loaded.description}, {config.data.image_size} px", flush=True)

    from experiments.c3_faces.run import run

    run(config, preset, loaded, folder, started=started)


def default_name(preset: str, config: Config) -> str:
    """Run name that tells preset, data, K, ablation and seed."""
    parts = [preset, config.data.name, f"k{config.landmarks}"]
    parts += ["imm"] * (config.model.family == "imm" != preset)
    parts += ["no_cycle"] * (not config.cycle) + ["no_flow"] * (not config.flow)
    return "-".join([*parts, f"seed{config.seed}"])


if __name__ == "__main__":
    cli.guarded(main)
