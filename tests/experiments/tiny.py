"""Tiny runs of every experiment with random variables, labelled pictures, and commands."""

import dataclasses
import functools
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
from PIL import Image

from c3jax.training.checkpoints import Checkpoints
from c3jax.training.state import init_state
from c3jax.training.step import make_train_step
from experiments import recipe
from experiments.engine import cli, runs
from experiments.registry import find_recipe

EXPERIMENTS = ("c3_faces", "semantic_alignment", "jlad")
SIZE, LANDMARKS = 32, 3
CELLS = 8  # of a side, where pictures are matched
# The laptop configurations, made small.
DATA = {
    "c3_faces": {"name": "rendered_faces"},
    "semantic_alignment": {"held_out": "mug"},
    "jlad": {"held_out": "mug"},
}
MODELS = {
    "c3_faces": {"appearance_channels": 4, "pose_channels": 8, "decoder_channels": 8},
    "semantic_alignment": {
        "trunk_widths": None,
        "stages": ("layer1",),
        "flow_channels": (1,),
        "flow_linear": True,
        "start": "gaussian",
    },
    "jlad": {
        "trunk_widths": None,
        "stages": ("layer1",),
        "radius": 1,
        "alignment_channels": (4, 4),
        "alignment_kernel": 3,
        "uncertainty_channels": (4,),
        "detection_channels": (4,),
        "start_temperature": None,
    },
}
OTHERS = {
    "c3_faces": {"landmarks": LANDMARKS},
    "semantic_alignment": {},
    "jlad": {"landmarks": LANDMARKS, "margin": 0.1},
}


def call(main, *arguments) -> int:
    """The exit status of a command with these arguments."""
    with mock.patch.object(sys, "argv", ["command", *map(str, arguments)]):
        try:
            cli.guarded(main)
        except SystemExit as end:
            return end.code
    return 0


def train(experiment: str, *arguments) -> int:
    """The exit status of an experiment's command."""
    return call(functools.partial(recipe.train, find_recipe(experiment)), *arguments)


def config(experiment: str = "c3_faces", *, data=(), model=(), **changes) -> Any:
    """A laptop configuration, made small; `data` and `model` are changes of theirs."""
    presets = find_recipe(experiment).presets(None)
    laptop = presets.get("laptop_small", presets["laptop"])
    data = {"image_size": SIZE} | DATA[experiment] | dict(data)
    return dataclasses.replace(
        laptop,
        data=type(laptop.data)(**data),
        model=dataclasses.replace(laptop.model, **(MODELS[experiment] | dict(model))),
        **(OTHERS[experiment] | changes),
    )


def recipe_of(config):
    """The recipe whose configuration this is, by the folder of its type."""
    return find_recipe(type(config).__module__.split(".")[1])


def random_variables(config, seed: int = 0) -> dict:
    """Random variables of the networks of a configuration, quickly drawn."""
    return random_tree(jax.eval_shape(recipe_of(config).build(config).random), seed)


def random_tree(tree, seed: int = 0):
    """Arrays of the shapes of `tree`: positive variances, else small normal values."""
    random = np.random.default_rng(seed)

    def draw(path, leaf):
        values = 0.2 * random.standard_normal(leaf.shape, np.float32)
        return jnp.asarray(np.abs(values) + 0.5 if path[-1].key in ("var", "scale") else values)

    return jax.tree_util.tree_map_with_path(draw, tree)


def first_state(config, variables: dict, optimizer=None):
    """What training would start from with these variables."""
    model = recipe_of(config).build(config)
    return init_state(
        variables,
        optimizer=optimizer or optax.sgd(0.1),
        loss_stats=model.init_loss_stats(variables),
        frozen=model.frozen,
    )


def write_run(folder: Path, of, variables: dict[int, dict] | None = None, **meta) -> Path:
    """A run folder with a checkpoint of each step in `variables`; by default a random step 7.

    `of` is a configuration, or the name of an experiment.
    """
    chosen = config(of) if isinstance(of, str) else of
    runs.open_run(folder, recipe_of(chosen).name, "laptop", chosen)
    with Checkpoints(folder / "checkpoints") as checkpoints:
        for step, tree in (variables or {7: random_variables(chosen)}).items():
            state = first_state(chosen, tree).replace(step=jnp.int32(step))
            checkpoints.save(step, state, {"seconds": 0.0} | (meta or {"stage": ""}))
    return folder


def write_two_steps(folder: Path, config) -> Path:
    """A run with its first variables (step 0) and random ones (step 7)."""
    first = recipe_of(config).build(config).first()
    return write_run(folder, config, {0: first, 7: random_tree(first)})


def traced(*arguments, **options):
    """A step that is traced and never compiled."""
    train_step = make_train_step(*arguments, **options)

    def step(state, batch, key):
        metrics = jax.eval_shape(train_step, state, batch, key)[1]
        state = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), state)
        return state.replace(step=state.step + 1), dict.fromkeys(metrics, 0.0)

    return step


def write_labelled(folder: Path, *, count: int = 14, size: int = SIZE) -> Path:
    """`images/` and landmarks.csv: four points on a smooth picture, the first two are the eyes."""
    random = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    lines = ["image," + ",".join(f"x{p},y{p}" for p in range(4))]
    for index in range(count):
        smooth_picture(size, size, index).save(folder / f"images/{index:02d}.png")
        points = np.array([[10, 12], [20, 12], [15, 17], [15, 22]]) + random.normal(0, 1, (4, 2))
        lines.append(f"{index:02d}.png," + ",".join(f"{v:.3f}" for v in points.ravel()))
    (folder / "landmarks.csv").write_text("\n".join(lines) + "\n")
    return folder


def smooth_picture(width: int, height: int, seed: int) -> Image.Image:
    """A colour picture of low frequencies."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
