"""One run of joint learning: pre-train, alternate, evaluate every round, write the results."""

import functools
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp

from c3jax.training import optimizers
from c3jax.training.precision import with_activations
from c3jax.training.state import TrainState
from experiments.common.alignment_data import AlignmentData, AlignmentDataConfig
from experiments.common.data import NUM_PREVIEW, Data
from experiments.engine import cli, loop, processes, runs
from experiments.engine.errors import UsageError
from experiments.engine.stages import make_optimizer
from experiments.jlad import evaluation
from experiments.jlad import networks as nets
from experiments.jlad import trained as trained_runs
from experiments.jlad.config import Config
from experiments.jlad.evaluation import Trained
from experiments.jlad.faces import evaluate_faces
from experiments.jlad.gallery import draw_gallery
from experiments.jlad.objects import load_objects
from experiments.jlad.presets import PAPER
from experiments.jlad.steps import Setting, jlad_loss
from experiments.jlad.table import Table
from experiments.jlad.turns import of_groups
from experiments.measure.evaluation import collapse_warnings
from experiments.show.report import write_report

TURNS = ("alignment", "detection")


def run(
    config: Config, preset: str, data: AlignmentData | Data, folder: Path, *, started: float
) -> None:
    """Trains (or goes on), evaluates, and writes `results.json`."""
    network = nets.make_network(config)
    variables = nets.init_variables(network, config)
    detection = nets.detection_trunk(config)
    untrained = Trained(network, variables, detection)
    measure = make_measure(config, data, untrained)
    table = Table(folder / "iterations.json")

    def evaluate(number: int, state: TrainState) -> None:
        trained = Trained(network, state.variables(), detection if number else "trunk")
        if measure is not None:
            table.add(number, measure(trained))

    def check(state: TrainState) -> list[str]:
        images = data.preview if isinstance(data, Data) else data.images[:NUM_PREVIEW]
        in_rounds = int(state.step) > pretrain_steps
        trained = Trained(network, state.variables(), detection if in_rounds else "trunk")
        return collapse_warnings(
            evaluation.compute_landmarks(trained, images),
            images.shape[1:3],
            to_move="raise --pretrain-loss.equivariance and --detection-loss.equivariance",
            to_part="raise --margin or --detection-loss.separation",
        )

    stages = make_stages(config, data, evaluate)
    pretrain_steps = stages[0].steps if stages[0].name == "pretrain" else 0
    first = jax.tree.map(jnp.copy, variables)  # the step donates its state
    if config.init_from is not None and not runs.has_begun(folder):
        first = trained_runs.start_from(config.init_from, network, config)
    state = nets.first_state(first, stages[0].optimizer)
    shares_pretraining = config.init_from is not None and not pretrain_steps
    if shares_pretraining and processes.is_first() and not runs.has_begun(folder):
        evaluate(0, state)
    state, seconds = loop.train(
        stages,
        state,
        folder=folder,
        seed=config.seed,
        meta={"model": nets.model_config(config), "pretrain_steps": pretrain_steps},
        log_every=config.log_every,
        checkpoint_every=config.checkpoint_every,
        check_every=config.checkpoint_every,
        check=check,
    )
    if not processes.is_first():
        return
    results = {
        "experiment": "jlad",
        "preset": preset,
        "data": data.name,
        "variant": config.variant,
        "seed": config.seed,
        "steps": int(state.step),
        "seconds": round(seconds),
    }
    read_back = trained_runs.Trained(
        config, network, state.variables(), int(state.step), pretrain_steps
    )
    if isinstance(data, AlignmentData):
        trained = Trained(network, state.variables(), read_back.detection)
        results |= evaluation.evaluate_tests(trained, untrained, data)
    if rows := table.rows():
        results |= {name: found for name, found in rows[-1].items() if name not in ("round", "pck")}
        results["iterations"] = rows
        table.show(config.variant)
    runs.write_json(folder / "results.json", results)
    reference = ("paper", cli.to_json(PAPER))
    report = write_report(folder, results, draw_gallery(read_back, data), reference=reference)
    print(f"whole command: {time.monotonic() - started:.0f} s; report: {report}")


def make_measure(
    config: Config, data: AlignmentData | Data, untrained: Trained
) -> Callable[[Trained], dict] | None:
    """From a trained network to its row of the table; None where nothing can be measured."""
    if isinstance(data, Data):
        return lambda trained: evaluate_faces(trained, untrained, data)
    test, objects = next(iter(data.tests.values()), None), None
    if test is None or test.pairs.source.points_px is None:
        return None
    if isinstance(config.data, AlignmentDataConfig) and data.name == "rendered_objects":
        objects = load_objects(config.data)
    return lambda trained: evaluation.evaluate_round(trained, untrained, data.name, test, objects)


def make_stages(config: Config, data: AlignmentData | Data, evaluate) -> list[loop.Stage]:
    """Pre-training and turns with steps; `evaluate(round, state)` looks at each round's end."""
    warped = data.to_warp if isinstance(data, AlignmentData) else data
    steps = config.pretrain.num_steps(warped.num_train)
    optimizer = make_optimizer(config.pretrain, steps)
    stages = [
        loop.Stage(
            name="pretrain",
            steps=steps,
            loss_fn=_loss(config, "pretrain"),
            optimizer=of_groups(optimizer, nets.groups(config)["pretrain"]),
            batches=_batches(config, warped, config.pretrain.batch_size, 0),
            end=functools.partial(evaluate, 0),
        )
    ]
    for number in range(1, config.rounds.count + 1):
        stages += [_turn(config, data, evaluate, number, name) for name in TURNS]
    if not any(stage.steps for stage in stages):
        raise UsageError("there is nothing to train: no steps of pre-training, no rounds")
    return [stage for stage in stages if stage.steps]


def _turn(
    config: Config, data: AlignmentData | Data, evaluate, number: int, name: str
) -> loop.Stage:
    """One turn of round `number`; only the very first starts with fresh moments."""
    rounds, is_last = config.rounds, name == TURNS[-1]
    rate = rounds.late_learning_rate if number >= rounds.late_from else rounds.learning_rate
    optimizer = _turn_optimizer(config, name, rate)
    is_first = number == 1 and name == TURNS[0]

    def begin(state: TrainState) -> TrainState:
        if not is_first:
            return state
        if config.separate:
            copied = nets.with_detection_trunk(state.variables())
            state = state.replace(params=copied["params"], batch_stats=copied["batch_stats"])
        return state.replace(opt_state=optimizer.init(state.params))

    return loop.Stage(
        name=f"{name}-{number}",
        steps=getattr(rounds, f"{name}_steps"),
        loss_fn=_loss(config, name),
        optimizer=optimizer,
        batches=_batches(config, data, rounds.batch_size, 2 * number + is_last),
        begin=begin,
        end=functools.partial(evaluate, number) if is_last else None,
    )


@functools.cache  # rounds share the compiled step
def _turn_optimizer(config: Config, name: str, rate: float):
    return of_groups(optimizers.adam(rate), nets.groups(config)[name])


@functools.cache
def _loss(config: Config, name: str):
    loss = functools.partial(
        jlad_loss,
        network=nets.make_network(config),
        setting=Setting(
            weights=config.loss_of(name),
            warp=config.warp,
            margin=config.landmark_margin,
            radius=config.model.radius,
            learning=nets.groups(config)[name],
            trunk=nets.detection_trunk(config) if name == "detection" else "trunk",
            unmatched=config.unmatched,
        ),
    )
    return with_activations(loss, config.precision)


def _batches(config: Config, data: AlignmentData | Data, batch_size: int, stage: int):
    seed = 100 * config.seed + stage
    return lambda start: data.batches(batch_size=batch_size, seed=seed, start_step=start)
