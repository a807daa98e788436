"""One run of joint learning: pre-train, alternate, evaluate every round, write the results."""

import functools
import time
from pathlib import Path

import jax
import jax.numpy as jnp

from c3jax.training import optimizers
from c3jax.training.state import TrainState
from experiments.common import cli, loop, processes, runs
from experiments.common.alignment_data import AlignmentData
from experiments.common.errors import UsageError
from experiments.common.report import write_report
from experiments.common.stages import make_optimizer
from experiments.jlad import evaluation
from experiments.jlad import networks as nets
from experiments.jlad import trained as trained_runs
from experiments.jlad.config import PAPER, Config, LossConfig
from experiments.jlad.evaluation import Trained
from experiments.jlad.gallery import draw_gallery
from experiments.jlad.objects import load_objects
from experiments.jlad.steps import Setting, jlad_loss
from experiments.jlad.turns import of_groups

TURNS = ("alignment", "detection")


def run(config: Config, preset: str, data: AlignmentData, folder: Path, *, started: float) -> None:
    """Trains (or goes on), evaluates, and writes `results.json`."""
    network = nets.make_network(config)
    variables = nets.init_variables(network, config)
    detection = nets.detection_trunk(config)
    untrained = Trained(network, variables, detection)
    objects = load_objects(config.data) if data.name == "rendered_objects" else None
    test = next(iter(data.tests.values()), None)
    table = Table(folder / "iterations.json")

    def evaluate(number: int, state: TrainState) -> None:
        if test is None:
            return
        trained = Trained(network, state.variables(), detection if number else "trunk")
        row = evaluation.evaluate_round(trained, untrained, data.name, test, objects)
        table.add(number, row)

    stages = make_stages(config, data, evaluate)
    first = jax.tree.map(jnp.copy, variables)  # the step donates its state
    state, seconds = loop.train(
        stages,
        nets.first_state(first, stages[0].optimizer),
        folder=folder,
        seed=config.seed,
        meta={"model": nets.model_config(config)},
        log_every=config.log_every,
        checkpoint_every=config.checkpoint_every,
        check_every=config.checkpoint_every,
        check=lambda state: [],
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
    if test is not None:
        trained = Trained(network, state.variables(), detection if config.rounds.count else "trunk")
        first_test, *others = (
            evaluation.evaluate_alignment(trained, untrained, data.name, each)
            for each in data.tests.values()
        )
        rows = table.rows()
        results["alignment"] = first_test
        results["alignment_of"] = dict(zip(list(data.tests)[1:], others, strict=True))
        results |= {k: rows[-1][k] for k in ("landmarks", "uncertainty") if k in rows[-1]}
        results["iterations"] = rows
        table.show(config.variant)
    runs.write_json(folder / "results.json", results)
    read_back = trained_runs.Trained(config, network, state.variables(), int(state.step))
    reference = ("paper", cli.to_json(PAPER))
    report = write_report(folder, results, draw_gallery(read_back, data), reference=reference)
    print(f"whole command: {time.monotonic() - started:.0f} s; report: {report}")


class Table:
    """JLAD's Table 1 as it grows: one row after the pre-training and after every round."""

    def __init__(self, path: Path):
        self.path = path

    def rows(self) -> list[dict]:
        return runs.read_json(self.path) if self.path.exists() else []

    def add(self, number: int, row: dict) -> None:
        """Adds a row, in place of an earlier one of that round; prints it."""
        row = {"round": number, **row}
        runs.write_json(self.path, [*(r for r in self.rows() if r["round"] < number), row])
        print(f"round {number}: {_cells(row)}", flush=True)

    def show(self, variant: str) -> None:
        """Prints all rows."""
        print(f"\n{variant}: PCK in % (alpha .05, .10, .15), landmark error in % of the box")
        for row in self.rows():
            name = f"round {row['round']}" if row["round"] else "pre-trained"
            print(f"  {name:16s}{_cells(row)}")


def _cells(row: dict) -> str:
    cells = ["PCK " + " ".join(f"{value:5.1f}" for value in row["pck"].values())]
    if "landmarks" in row:
        cells.append(f"landmarks {row['landmarks']['nme_percent']:.2f}")
    if "uncertainty" in row:
        found = row["uncertainty"]
        cells.append(f"sparsification {found['sparsification_area']:.2f}")
        cells.append(f"(oracle {found['oracle_area']:.2f})")
        if found["occlusion_auroc"] is not None:
            cells.append(f"AUROC of hidden {found['occlusion_auroc']:.2f}")
    return "  ".join(cells)


def make_stages(config: Config, data: AlignmentData, evaluate) -> list[loop.Stage]:
    """Pre-training and turns with steps; `evaluate(round, state)` looks at each round's end."""
    steps = config.pretrain.num_steps(len(data.pairs))
    optimizer = make_optimizer(config.pretrain, steps)
    stages = [
        loop.Stage(
            name="pretrain",
            steps=steps,
            loss_fn=_loss(config, "pretrain"),
            optimizer=of_groups(optimizer, nets.groups(config)["pretrain"]),
            batches=_batches(config, data, config.pretrain.batch_size, 0),
            end=functools.partial(evaluate, 0),
        )
    ]
    for number in range(1, config.rounds.count + 1):
        stages += [_turn(config, data, evaluate, number, name) for name in TURNS]
    if not any(stage.steps for stage in stages):
        raise UsageError("there is nothing to train: no steps of pre-training, no rounds")
    return [stage for stage in stages if stage.steps]


def _turn(config: Config, data: AlignmentData, evaluate, number: int, name: str) -> loop.Stage:
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
    return functools.partial(
        jlad_loss,
        network=nets.make_network(config),
        setting=Setting(
            weights=weights_of(config, name),
            warp=config.warp,
            margin=config.landmark_margin,
            radius=config.model.radius,
            learning=nets.groups(config)[name],
            trunk=nets.detection_trunk(config) if name == "detection" else "trunk",
        ),
    )


def weights_of(config: Config, name: str) -> LossConfig:
    """Weights of a stage; separate networks go on with their part of the pre-training."""
    if not config.separate or name == "pretrain":
        return getattr(config, f"{name}_loss")
    return config.pretrain_loss.part(name)


def _batches(config: Config, data: AlignmentData, batch_size: int, stage: int):
    seed = 100 * config.seed + stage
    return lambda start: data.batches(batch_size=batch_size, seed=seed, start_step=start)
