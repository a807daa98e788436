"""Runs of a tiny network with random variables, labelled pictures, and commands, for tests."""

import dataclasses
import sys
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from c3jax.training.checkpoints import Checkpoints
from c3jax.training.state import init_state
from experiments.c3_faces import networks as nets
from experiments.c3_faces.config import LAPTOP, Config
from experiments.common.data import DataConfig
from experiments.engine import cli, runs
from experiments.engine.stages import make_optimizer
from experiments.terms.cross_image import init_loss_stats

SIZE, NUM_LANDMARKS = 32, 3


def call(main, *arguments) -> int:
    """The exit status of a command with these arguments."""
    with mock.patch.object(sys, "argv", ["command", *map(str, arguments)]):
        try:
            cli.guarded(main)
        except SystemExit as end:
            return end.code
    return 0


def config(**data) -> Config:
    """A laptop configuration, made small."""
    model = dataclasses.replace(
        LAPTOP.model, appearance_channels=4, pose_channels=8, decoder_channels=8
    )
    data = DataConfig(image_size=SIZE, **({"name": "rendered_faces"} | data))
    return dataclasses.replace(LAPTOP, data=data, model=model, landmarks=NUM_LANDMARKS)


def random_tree(tree, seed: int = 0):
    """Arrays of the shapes of `tree`: positive variances, else small normal values."""
    random = np.random.default_rng(seed)

    def draw(path, leaf):
        values = 0.2 * random.standard_normal(leaf.shape, np.float32)
        return jnp.asarray(np.abs(values) + 0.5 if path[-1].key in ("var", "scale") else values)

    return jax.tree_util.tree_map_with_path(draw, tree)


def write_run(folder: Path, config: Config, variables: dict[int, dict] | None = None) -> Path:
    """A run folder with a checkpoint of each step in `variables`; by default a random step 7."""
    networks = nets.make_networks(config)
    wanted = jax.eval_shape(lambda: nets.random_variables(networks, config))
    runs.open_run(folder, "c3_faces", "laptop", config)
    with Checkpoints(folder / "checkpoints") as checkpoints:
        for step, tree in (variables or {7: random_tree(wanted)}).items():
            image = jnp.zeros((1, SIZE, SIZE, 3))
            state = init_state(
                tree,
                optimizer=make_optimizer(config.pretrain),
                loss_stats=init_loss_stats(networks, tree, image),
                frozen=nets.frozen_groups(config),
            )
            checkpoints.save(step, state.replace(step=jnp.int32(step)), {"seconds": 0.0})
    return folder


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
