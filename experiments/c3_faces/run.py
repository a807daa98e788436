"""One run of C3: train, evaluate, write the results."""

import functools
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from c3jax.training.precision import with_activations
from c3jax.training.state import init_state
from experiments.c3_faces import networks as nets
from experiments.c3_faces.config import Config, Experiment
from experiments.c3_faces.gallery import draw_gallery
from experiments.c3_faces.steps import as_float, synthetic_loss, unpaired_loss, warmup_loss
from experiments.c3_faces.viewer import make_viewer
from experiments.common.data import Data
from experiments.engine import cli, loop, processes, runs
from experiments.engine.errors import UsageError
from experiments.engine.pretrained import with_group
from experiments.engine.stages import StageConfig, make_optimizer
from experiments.engine.trained import C3_RUNS, check_same_arrays, restore_state, start_variables
from experiments.measure.consistency import measure_consistency
from experiments.measure.evaluation import collapse_warnings, error_rows, evaluate_landmarks
from experiments.measure.published import comparable_errors
from experiments.show.page import format_cell
from experiments.show.report import write_report
from experiments.terms.cross_image import Networks, init_loss_stats


def run(
    experiment: Experiment, config: Config, preset: str, data: Data, folder: Path, *, started: float
) -> None:
    """Trains (or goes on), evaluates, and writes `results.json`."""
    networks = nets.make_networks(config)
    variables = first_variables(networks, config)
    nets.check_grids(networks, variables, config)
    untrained = untrained_variables(networks, variables, config)
    stages = make_stages(config, data)
    state = init_state(
        jax.tree.map(jnp.copy, variables),  # the step donates its state; these stay for comparison
        optimizer=stages[0].optimizer,
        loss_stats=init_loss_stats(networks, variables, as_float(jnp.asarray(data.preview[:1]))),
        frozen=nets.frozen_groups(config),
    )
    detect = make_detector(networks)
    state, seconds = loop.train(
        stages,
        state,
        folder=folder,
        seed=config.seed,
        meta={"model": nets.model_config(config)},
        log_every=config.log_every,
        checkpoint_every=config.checkpoint_every,
        check_every=config.check_every,
        check=lambda state: collapse_warnings(
            detect(state.variables(), data.preview),
            data.preview.shape[1:3],
            to_move="raise --loss.warp-consistency or lower --model.temperature",
            to_part="raise --loss.separation or its margin",
        ),
    )
    if not processes.is_first():
        return
    results = {
        "experiment": experiment.name,
        "preset": preset,
        "data": data.name,
        "seed": config.seed,
        "steps": int(state.step),
        "seconds": round(seconds),
    }
    if data.fit is not None and data.test is not None:
        results["landmarks"] = evaluate_landmarks(
            functools.partial(detect, state.variables()),
            functools.partial(detect, untrained),
            data.fit,
            data.test,
            data.validation,
        )
    viewer = make_viewer(networks, config, state.variables())
    before = make_viewer(networks, config, untrained)
    results["consistency"] = measure_consistency(viewer.find, before.find, data)
    runs.write_json(folder / "results.json", results)
    print_table(results, config)
    reference = ("paper", cli.to_json(experiment.presets["paper"]))
    report = write_report(folder, results, draw_gallery(viewer, data), reference=reference)
    print(f"whole command: {time.monotonic() - started:.0f} s; report: {report}")


@dataclass(frozen=True)
class Trained:
    """A run read back: its configuration, networks, and variables (trained and at step 0)."""

    config: Config
    networks: Networks
    variables: dict
    step: int


def load_trained(found: runs.Run) -> Trained:
    """The networks of a run with the variables of its newest (or the named) checkpoint.

    Raises:
      CheckpointError: there is none, or it is damaged.
    """
    config = cli.from_json(Config, found.described["config"])
    networks = nets.make_networks(config)

    def state():
        variables = nets.random_variables(networks, config)
        return init_state(
            variables,
            optimizer=make_optimizer(config.pretrain),
            loss_stats=init_loss_stats(
                networks, variables, jnp.zeros((1, *networks.model.image_shape, 3))
            ),
            frozen=nets.frozen_groups(config),
        )

    restored = restore_state(found, state)
    return Trained(config, networks, restored.variables(), int(restored.step))


def first_variables(networks: Networks, config: Config) -> dict:
    """Variables at step 0: random heads on a random or pretrained trunk, or those of a run.

    Raises:
      UsageError: weights are missing, or the run (or export) `init_from` is of another model.
    """
    if config.init_from is None:
        return nets.init_variables(networks, config)
    trained = start_variables(config.init_from, load_trained, *C3_RUNS)
    ours = jax.eval_shape(lambda: nets.random_variables(networks, config))
    if "perceptual" in ours["params"].keys() - trained["params"].keys():  # exports leave it out
        fresh = nets.init_variables(networks, config)["params"]["perceptual"]
        trained = with_group(trained, "perceptual", {"params": fresh})
    fix = "give the same --model.* and --landmarks"
    check_same_arrays(config.init_from, trained, ours, fix=fix)
    return trained


def untrained_variables(networks: Networks, first: dict, config: Config) -> dict:
    """What results call untrained: `first`; where that is a run's, random heads on its trunk.

    A trunk of one's own is random too.
    """
    if config.init_from is None:
        return first
    variables = jax.jit(nets.random_variables, static_argnums=(0, 1))(networks, config)
    if not nets.has_pretrained_trunk(config):
        return variables
    trunk = {kind: tree["trunk"] for kind, tree in first.items() if "trunk" in tree}
    return with_group(variables, "trunk", trunk)


def make_stages(config: Config, data: Data) -> list[loop.Stage]:
    """Warm-up; stage 1: synthetic pairs; stage 2: unpaired photos, or the former without cycle."""
    on_synthetic = functools.partial(synthetic_loss, equivariance=config.flow)
    second = unpaired_loss if config.cycle else on_synthetic
    stages = []
    for number, (name, stage, loss) in enumerate(
        (
            ("warmup", config.warmup, warmup_loss),
            ("pretrain", config.pretrain, synthetic_loss),
            ("joint", config.joint, second),
        )
    ):
        networks = nets.make_networks(config, stage=name)
        steps = stage.num_steps(data.num_train)
        stages.append(
            loop.Stage(
                name=name,
                steps=steps,
                loss_fn=with_activations(
                    functools.partial(loss, networks=networks, config=config), config.precision
                ),
                optimizer=make_optimizer(
                    stage,
                    steps,
                    held=nets.held_parameters(config, stage=name),
                    rates=nets.learning_rates(config),
                ),
                batches=functools.partial(_batches, data, stage, 3 * config.seed + number),
            )
        )
    if not any(stage.steps for stage in stages):
        raise UsageError("there is nothing to train: no stage has steps")
    return [stage for stage in stages if stage.steps]


def make_detector(networks: Networks, *, batch_size: int = 64):
    """`detect(variables, images uint8 [n, S, S, 3]) -> landmarks [n, K, 2]`, running averages."""

    @jax.jit
    def landmarks(variables, images):
        return networks.model.apply(variables, as_float(images), method="encode").landmarks

    def detect(variables, images: np.ndarray) -> np.ndarray:
        found = []
        for begin in range(0, len(images), batch_size):
            part = images[begin : begin + batch_size]
            padding = [(0, batch_size - len(part))] + [(0, 0)] * 3
            found.append(np.asarray(landmarks(variables, np.pad(part, padding)))[: len(part)])
        return np.concatenate(found)

    return detect


def print_table(results: dict, config: Config) -> None:
    """The errors of a run beside its baselines and, under the same protocol, the published ones."""
    landmarks = results.get("landmarks")
    if landmarks is None:
        return
    print(f"\nerror in % of the {landmarks['normalizer']} (test)")
    rows = [(config.model.family.upper(), landmarks["nme_percent"]), *error_rows(landmarks)]
    for name, error in rows + comparable_errors(results, config.landmarks):
        print(f"  {name:46s}{format_cell(error):>8s}")


def _batches(data: Data, stage: StageConfig, seed: int, start_step: int):
    return data.batches(batch_size=stage.batch_size, seed=seed, start_step=start_step)
