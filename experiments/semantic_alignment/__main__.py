"""`python -m experiments.semantic_alignment`: dense matches between different objects."""

import dataclasses
import time

from experiments.common import alignment_data
from experiments.engine import cli, runs
from experiments.semantic_alignment.config import PRESETS


def main() -> None:
    """Trains, evaluates and writes the run folder."""
    preset, config = cli.parse(
        PRESETS, choose_preset, prog="python -m experiments.semantic_alignment"
    )
    landmarks = f"-k{config.landmarks}" * bool(config.landmarks)
    name = config.name or f"{preset}-{config.data.name}{landmarks}-seed{config.seed}"
    config = dataclasses.replace(config, name=name)
    folder = config.runs / "semantic_alignment" / name
    runs.open_run(folder, "semantic_alignment", preset, config)
    print(f"run: {folder}", flush=True)
    started = time.monotonic()

    import jax

    from experiments.semantic_alignment.networks import find_weights

    config.check(jax.device_count())
    find_weights(config)  # what is missing is said before minutes are spent on the data
    loaded = alignment_data.load(config.data)
    print(f"data: {loaded.description}, {config.data.image_size} px", flush=True)

    from experiments.semantic_alignment.run import run

    run(config, preset, loaded, folder, started=started)


def choose_preset() -> tuple[str, str]:
    """`laptop`, and why."""
    return "laptop", "PF-PASCAL: make train EXP=semantic_alignment PRESET=paper"


if __name__ == "__main__":
    cli.guarded(main)
