"""One run of semantic alignment: train, evaluate beside the baselines, write the results."""

import dataclasses
import functools
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from c3jax.training.precision import with_activations
from experiments.common.alignment_data import AlignmentData
from experiments.engine import cli, loop, processes, runs
from experiments.engine.errors import UsageError
from experiments.engine.stages import make_optimizer
from experiments.measure.alignment import (
    HEADLINES,
    Correlate,
    TestPairs,
    alignment_object,
    evaluate_baselines,
    evaluate_methods,
)
from experiments.measure.alignment_evaluation import print_table
from experiments.semantic_alignment import networks as nets
from experiments.semantic_alignment.config import PAPER, STAGES, Config
from experiments.semantic_alignment.health import make_check
from experiments.semantic_alignment.steps import Network, alignment_loss, as_float
from experiments.semantic_alignment.trained import (
    Trained,
    first_variables,
    make_model,
    untrained_variables,
    without_landmarks,
)
from experiments.show.alignment_gallery import draw_gallery
from experiments.show.report import write_report


def run(config: Config, preset: str, data: AlignmentData, folder: Path, *, started: float) -> None:
    """Trains (or goes on), evaluates, and writes `results.json`."""
    network = nets.make_network(config)
    variables = first_variables(network, config)
    untrained = variables
    if config.init_from is not None:
        untrained = untrained_variables(without_landmarks(Trained(config, network, variables, 0)))
    stages = make_stages(config, data, cached_features(config, data, network, variables))
    state = nets.first_state(
        config,
        jax.tree.map(jnp.copy, variables),  # the step donates its state
        stages[0].optimizer,
    )
    state, seconds = loop.train(
        stages,
        state,
        folder=folder,
        seed=config.seed,
        meta={"model": nets.model_config(config)},
        log_every=config.log_every,
        checkpoint_every=config.checkpoint_every,
        check_every=config.check_every,
        check=make_check(network, data),
    )
    if not processes.is_first():
        return
    results = {
        "experiment": "semantic_alignment",
        "preset": preset,
        "data": data.name,
        "seed": config.seed,
        "steps": int(state.step),
        "seconds": round(seconds),
    }
    if config.landmarks:
        results["variant"] = f"with {config.landmarks} landmarks"
    objects = {
        name: evaluate(config, data.name, network, state.variables(), untrained, test)
        for name, test in data.tests.items()
        if test.pairs.source.points_px is not None
    }
    for name, found in objects.items():
        print_table(name, found)
    if objects:
        first, *others = objects
        results["alignment"] = {"test": first, **objects[first]}
        results["alignment_of"] = {name: objects[name] for name in others}
    runs.write_json(folder / "results.json", results)
    pictures = draw_gallery(
        make_model(config, network, state.variables()), data, HEADLINES[data.name]
    )
    reference = ("paper", cli.to_json(PAPER))
    report = write_report(folder, results, pictures, reference=reference)
    print(f"whole command: {time.monotonic() - started:.0f} s; report: {report}")


def evaluate(
    config: Config, data: str, network: Network, trained: dict, untrained: dict, test: TestPairs
) -> dict:
    """The `alignment` object: the trained aligner beside the baselines on its own features.

    On the trained trunk, `gaussian` is the separable Gaussian block and `start` the flow module
    before training; `untrained` is the network before any training, left out where its trunk is not
    known.
    """
    features = compute_features(network, trained, test.images)
    start = {**trained, "params": {**trained["params"], "flow": untrained["params"]["flow"]}}
    methods: dict[str, Correlate] = {
        "gaussian": nets.make_gaussian_block(config),
        "start": functools.partial(network.correlate, start),
        "trained": functools.partial(network.correlate, trained),
    }
    found = evaluate_baselines(features, test, config.reading)
    found |= evaluate_methods(methods, features, test, config.reading)
    if "trunk" in untrained["params"]:
        before = compute_features(network, untrained, test.images)
        methods = {"untrained": functools.partial(network.correlate, untrained)}
        found |= evaluate_methods(methods, before, test, config.reading)
    definition, direction = HEADLINES[data]
    return alignment_object(found, definition=definition, direction=direction)


def compute_features(
    network: Network, variables: dict, images: np.ndarray, *, batch_size: int = 16
) -> np.ndarray:
    """f' of uint8 images `[m, S, S, 3]`, `[m, h, w, c]`, with running averages."""

    @jax.jit
    def of_batch(images):
        return network.model.apply(variables, as_float(images), method="features")

    found = []
    for begin in range(0, len(images), batch_size):
        part = images[begin : begin + batch_size]
        padding = [(0, batch_size - len(part))] + [(0, 0)] * 3
        found.append(np.asarray(of_batch(np.pad(part, padding)))[: len(part)])
    return np.concatenate(found)


def make_stages(
    config: Config, data: AlignmentData, flow_data: AlignmentData | None = None
) -> list[loop.Stage]:
    """The stages that have steps; `flow_data` takes the place of `data` in stage flow."""
    stages = []
    for number, name in enumerate(STAGES):
        stage, weights = getattr(config, name), getattr(config, f"{name}_loss")
        own = data.to_warp if name == "features" else data
        steps = stage.num_steps(len(own.pairs))
        if steps and not (weights.weak or weights.flow or weights.features):
            raise UsageError(
                f"stage {name} has steps and no loss: give --{name}-loss.flow 1, or "
                f"--{name}.steps 0"
            )
        if steps and weights.weak and len(np.unique(data.categories)) < 2:
            raise UsageError(
                f"the weak loss of stage {name} needs pairs of two categories or more, {data.name} "
                f"has one: give --{name}-loss.weak 0 --{name}-loss.flow 1"
            )
        stages.append(
            loop.Stage(
                name=name,
                steps=steps,
                loss_fn=with_activations(
                    functools.partial(
                        alignment_loss,
                        network=nets.make_network(config, stage=name),
                        weights=weights,
                        warp=config.warp,
                        landmarks=nets.landmarks_of(config, stage=name),
                    ),
                    config.precision,
                ),
                optimizer=make_optimizer(
                    stage, steps, held=nets.held_parameters(config, stage=name)
                ),
                batches=functools.partial(
                    _batches,
                    flow_data or own if name == "flow" else own,
                    stage,
                    3 * config.seed + number,
                ),
            )
        )
    if not any(stage.steps for stage in stages):
        raise UsageError("there is nothing to train: no stage has steps")
    return [stage for stage in stages if stage.steps]


def cached_features(
    config: Config, data: AlignmentData, network: Network, variables: dict
) -> AlignmentData:
    """The data of stage flow, with f' in place of pictures if that is asked for.

    Raises:
      UsageError: another stage or term needs the pictures.
    """
    if not config.cache_features or not config.flow.num_steps(len(data.pairs)):
        return data
    weights = config.flow_loss
    reconstruction = config.landmarks and config.landmark_loss.reconstruction
    if config.features.steps or weights.flow or weights.features or reconstruction:
        raise UsageError(
            "--cache-features needs --features.steps 0, --flow-loss.flow 0, --flow-loss.features 0 "
            "and with landmarks --landmark-loss.reconstruction 0: other stages and terms look at "
            "the pictures themselves"
        )
    print(f"computing the features of {len(data.images):,} pictures once", flush=True)
    features = compute_features(network, variables, data.images)
    return dataclasses.replace(data, images=features, masks=None)


def _batches(data: AlignmentData, stage, seed: int, start_step: int):
    return data.batches(batch_size=stage.batch_size, seed=seed, start_step=start_step)
