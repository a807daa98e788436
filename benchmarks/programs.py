"""What is measured: steps of presets on random pictures, hot functions, and one short training."""

import contextlib
import dataclasses
import functools
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.functions import FUNCTIONS, function_program
from benchmarks.measure import Program, measure
from c3jax.training.state import init_state
from c3jax.training.step import make_train_step, replicate, shard_batch
from data_pipelines.load import AlignmentData, AlignmentDataConfig, Data
from data_pipelines.streams import stream
from experiments.engine.stages import Stage
from experiments.recipe import run
from experiments.registry import find_recipe

# Cars and bedrooms have the programs of faces.
EXPERIMENTS = ("c3_faces", "imm_faces", "jlad", "semantic_alignment")
NUM_PICTURES = 64
FUNCTION_BATCH = 16


@functools.cache
def names() -> list[str]:
    """All programs: a step for each stage that has steps, then the functions.

    Of JLAD's rounds the first stands for all.
    """
    steps = [
        f"{experiment}/{preset}/{stage.name}"
        for experiment in EXPERIMENTS
        for preset, config in find_recipe(experiment).presets(None).items()
        for stage in _stages(experiment, config)
        if stage.steps and stage.name.partition("-")[2] in ("", "1")
    ]
    return steps + [f"function/{name}" for name in FUNCTIONS]


def _stages(experiment: str, config: Any, variables: Any = None, size: int = 8) -> list[Stage]:
    """The stages of a configuration, on random pictures of this side."""
    recipe = find_recipe(experiment)
    if hasattr(config, "cache_features"):
        config = dataclasses.replace(config, cache_features=False)
    model = dataclasses.replace(recipe.build(config), start=variables)
    return recipe.stages(config, _data(config, size), model)


def make_program(name: str, batch_size: int | None, precision: str = "float32") -> Program:
    """The program of a name, on this many examples (None: the preset's own number).

    `precision` is that of the activations in steps, and of the arrays of functions.
    """
    if name.startswith("function/"):
        return function_program(name, batch_size or FUNCTION_BATCH, precision)
    state, stage = begin_stage(name, batch_size, precision)
    devices, stream = jax.devices()[:1], on_one_device(stage)
    first = next(stream)
    step = make_train_step(stage.loss_fn, stage.optimizer, devices=devices)
    arguments = (replicate(state, devices), first, jax.random.key(0))
    return Program(name, len(first["example_index"][0]), step, arguments, stream)


def begin_stage(name: str, batch_size: int | None, precision: str = "float32") -> tuple[Any, Any]:
    """The state before the first step of that name, and the stage."""
    experiment, preset, stage_name = name.split("/")
    recipe = find_recipe(experiment)
    config = dataclasses.replace(recipe.presets(None)[preset], precision=precision)
    if batch_size is not None:
        config = _with_batch_size(config, batch_size)
    model = recipe.build(config)
    variables = model.random()
    stages = _stages(experiment, config, variables, config.data.image_size)
    stage = next(stage for stage in stages if stage.name == stage_name)
    state = init_state(
        variables,
        optimizer=stage.optimizer,
        loss_stats=model.init_loss_stats(variables),
        frozen=model.frozen,
    )
    return state, stage


def on_one_device(stage: Any) -> Iterator[dict[str, np.ndarray]]:
    """The batches of a stage as its step takes them."""
    for batch in stage.batches(0):
        index = np.arange(len(batch["source"]), dtype=np.int32)
        yield shard_batch({**batch, "example_index": index}, 1)


def _with_batch_size(config: Any, batch_size: int) -> Any:
    """The configuration with this batch size in every stage."""
    changed = {
        name: dataclasses.replace(stage, batch_size=batch_size)
        for name, stage in vars(config).items()
        if hasattr(stage, "batch_size")
    }
    return dataclasses.replace(config, **changed)


def _data(config: Any, size: int) -> Data | AlignmentData:
    """Random pictures or pairs of them, as the experiment has them."""
    pictures = np.random.default_rng(0).integers(0, 256, (NUM_PICTURES, size, size, 3), np.uint8)
    if not isinstance(config.data, AlignmentDataConfig):
        batches = functools.partial(stream, pictures)
        return Data("random", "", NUM_PICTURES, batches, pictures[:1])
    first = np.arange(NUM_PICTURES)
    pairs = np.stack([first, np.roll(first, -2)], -1)
    masks = np.ones((NUM_PICTURES, size, size), bool)
    return AlignmentData("random", "", pictures, pairs, first % 2, {}, masks)


def train(minutes: float, folder: Path) -> Path:
    """Trains `c3_faces` on rendered faces made on the spot for about so long; its `results.json`.

    The batch is the largest power of two that fits; each stage has the same share of its steps.
    """
    started, recipe = time.monotonic(), find_recipe("c3_faces")
    laptop = recipe.presets(None)["laptop"]

    def measured(stage: str, batch_size: int, repeats: int) -> dict[str, Any]:
        return measure(make_program(f"c3_faces/laptop/{stage}", batch_size), repeats)

    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", 2**31)
    needed = measured("joint", 16, 1)["memory_mib"] * 2**20 / 16
    batch_size = 2 ** int(math.log2(min(0.7 * limit / needed, laptop.data.train_examples / 2)))
    config = _with_batch_size(laptop, batch_size)
    steps = {stage.name: stage.steps for stage in _stages("c3_faces", config) if stage.steps}
    milliseconds = sum(
        count * measured(name, batch_size, 5)["milliseconds"] for name, count in steps.items()
    )
    # Rendering, compiling and evaluating take the rest.
    share = min(1, 0.7e3 * (60 * minutes - (time.monotonic() - started)) / milliseconds)
    stages: dict[str, Any] = {
        name: dataclasses.replace(getattr(config, name), steps=max(1, int(share * count)))
        for name, count in steps.items()
    }
    data = dataclasses.replace(config.data, name="rendered_faces", cache=folder / "data")
    name = f"batch{batch_size}"
    config = dataclasses.replace(config, name=name, data=data, runs=folder, **stages)
    with contextlib.suppress(ModuleNotFoundError):  # matplotlib's: the report follows the results
        run(recipe, "laptop", config)
    return folder / recipe.name / name / "results.json"
