"""Joint learning as an experiment: its presets, its stages, its recipe.

`laptop` learns on two CPU cores from rendered objects on frozen ImageNet features, `laptop_small`
learns the features too, `laptop_resnet18` lets ImageNet's learn along; `paper` is the recipe of
JLAD 3.4 and 4.1. What `laptop` has and `paper` has not is marked "beyond the paper" in
`experiments/jlad/config.py`.
"""

import functools
from dataclasses import replace
from typing import get_args, get_type_hints

import optax

from c3jax.tools.errors import UsageError
from c3jax.training import optimizers
from c3jax.training.precision import with_activations
from c3jax.training.state import TrainState
from c3jax.training.step import LossFn
from data_pipelines.load import STREAMED, AlignmentData, AlignmentDataConfig, Data, DataConfig, load
from experiments.engine.stages import Stage, batches_of, cosine, make_stage
from experiments.jlad.config import Config, LossConfig, ModelConfig, RoundsConfig
from experiments.jlad.evaluate import evaluate, make_measure, pictures
from experiments.jlad.model import build, learning_groups, make_network, with_detection_trunk
from experiments.jlad.steps import jlad_loss
from experiments.jlad.turns import of_groups
from experiments.recipe import Model, Recipe
from experiments.terms.synthetic_pairs import WarpConfig

LAPTOP_SMALL = Config(
    data=AlignmentDataConfig(image_size=64),
    model=ModelConfig(
        trunk="small",
        trunk_widths=(32, 64, 128, 128),
        output_stride=32,
        stages=("layer1", "layer2", "layer3"),
        alignment_channels=(32, 64, 64),
        alignment_kernel=5,
        uncertainty_channels=(64, 32),
        detection_channels=(64, 64),
        start_temperature=0.005,
    ),
    warp=WarpConfig(rotation=10.0, scale=0.3, stretch=0.15, color=1.0, palette=0.6, background=1.0),
    pretrain=cosine(steps=1000, batch_size=16, learning_rate=2e-3),
    rounds=RoundsConfig(
        count=3,
        alignment_steps=100,
        detection_steps=100,
        learning_rate=5e-4,
        late_learning_rate=1e-4,
    ),
    pretrain_loss=LossConfig(
        anchors=1.0,
        equivariance=1.0,
        features=1.0,
        likelihood=1.0,
        detection=1.0,
        temperature=0.05,
    ),
    # Beyond the paper: what the pre-training taught each network goes on beside Eq. 11. Without it
    # both calm down together, the field to the identity and the landmarks to one place. Maps of
    # unit sum make Eq. 10 greater than the paper's, and 100 times it would outweigh all else.
    alignment_loss=LossConfig(
        anchors=10.0,
        features=10.0,
        likelihood=10.0,
        detection=1.0,
        alignment=10.0,
        joint=10.0,
        unit_maps=True,
        temperature=0.05,
    ),
    detection_loss=LossConfig(
        equivariance=10.0,
        features=1.0,
        detection=10.0,
        alignment=1.0,
        joint=10.0,
        unit_maps=True,
        temperature=0.05,
    ),
)

LAPTOP = replace(
    LAPTOP_SMALL,
    data=AlignmentDataConfig(image_size=256, train_examples=2000),
    model=replace(
        LAPTOP_SMALL.model,
        trunk="lite0",
        train_trunk=False,
        trunk_widths=None,
        stages=("block10", "block14"),
    ),
    pretrain=replace(LAPTOP_SMALL.pretrain, steps=500, batch_size=8),
    rounds=replace(
        LAPTOP_SMALL.rounds, count=1, alignment_steps=75, detection_steps=75, batch_size=8
    ),
    pretrain_loss=replace(LAPTOP_SMALL.pretrain_loss, features=0.0),
    alignment_loss=replace(LAPTOP_SMALL.alignment_loss, features=0.0),
    detection_loss=replace(LAPTOP_SMALL.detection_loss, features=0.0),
)
"""Frozen features of EfficientNet-Lite0, 256 px (16x16 cells).

Their nearest neighbours are right more often than those of 128 and 192 px (docs/results.md).
"""

LAPTOP_RESNET18 = replace(
    LAPTOP_SMALL,
    data=AlignmentDataConfig(image_size=128),
    model=replace(
        LAPTOP_SMALL.model,
        trunk="resnet18",
        trunk_widths=None,
        output_stride=8,
        stages=("layer2", "layer3"),
    ),
    pretrain=replace(LAPTOP_SMALL.pretrain, steps=300, batch_size=8, learning_rate=3e-4),
    rounds=replace(
        LAPTOP_SMALL.rounds,
        count=1,
        alignment_steps=60,
        detection_steps=60,
        batch_size=8,
        learning_rate=1e-4,
    ),
)
"""`laptop` at 128 px on an ImageNet ResNet-18, which learns along, its normalisation frozen.

    make train EXP=jlad PRESET=laptop_resnet18

Hardware: a CPU. Time: 28 minutes of one core. Result: docs/results.md, "Joint learning from
ImageNet features".
"""

FACES_RESNET18 = replace(
    LAPTOP_SMALL,
    model=replace(LAPTOP_SMALL.model, trunk="resnet18", trunk_widths=None),
    pretrain=replace(LAPTOP_SMALL.pretrain, steps=600, learning_rate=1e-3),
    rounds=replace(LAPTOP_SMALL.rounds, count=1, alignment_steps=75, detection_steps=75),
)
"""`laptop_resnet18` of photos of faces, at 64 px.

    make train EXP=jlad PRESET=laptop_resnet18 ARGS="--data.name folder --data.path photos"

Hardware: a CPU. Time: 25 minutes of one core. Result: at the same place.
"""

as_printed = functools.partial(LossConfig, sums=True, temperature=1.0)
PAPER = Config(
    data=AlignmentDataConfig(name="pf_pascal", image_size=256),
    warp=WarpConfig(family="affine_or_tps", crop=0.5625),
    pretrain_loss=as_printed(anchors=1.0, equivariance=1.0),
    alignment_loss=as_printed(detection=1.0, alignment=10.0, joint=10.0),
    detection_loss=as_printed(detection=10.0, alignment=1.0, joint=100.0),
)
"""JLAD 3.4 and 4.1 as published: ResNet-101 up to layer3 at stride 8 (dilated), 256 px, windows of
radius 5, WeakAlign's warps, Adam, batch 16, 1e-3 and then 1e-4 and 1e-5, 4 rounds (JLAD: until the
objective converges, at most 4), losses that are the printed sums under the printed weights, Eq. 7
without a temperature. Without arguments it trains on PF-PASCAL, which JLAD only measures on.

    make train EXP=jlad PRESET=paper \\
      ARGS="--data.name pascal3d --data.path DIR --data.voc-path DIR --landmarks 20"

Needs ImageNet weights of ResNet-101 with `--model.weights FILE`, which are never fetched.
Hardware: one GPU of 24 GB or more, by a rough count. Time: a step of 16 pairs
takes 40 ms on an H200 in bfloat16 (docs/performance.md), 4,000 of them 3 minutes; not run in full.

Published on pairs of PASCAL3D+ that were not released, with 20 landmarks: PCK@.1 63.2 and landmark
error 7.97 for separate learning, 72.7 and 6.92 for joint (Table 1; 6.92 is Table 4's for 20), 7.54
with 10 (Table 4); PCK@.1 72.7 on 12 of PF-PASCAL's 20 categories (Table 3), of which no training is
told. Ours: results.json of the run; docs/results.md says that it was not measured. Landmark errors
are measured on rendered objects and on faces alone.

Without `--data.voc-path` the pictures of the pairs are warped in the pre-training (the paper: VOC
2012), and of PF-PASCAL all 20 categories count. What else is open: README.md beside this file.
"""

PRESETS = {
    "laptop": LAPTOP,
    "laptop_small": LAPTOP_SMALL,
    "laptop_resnet18": LAPTOP_RESNET18,
    "paper": PAPER,
}
TURNS = ("alignment", "detection")


def presets_for(name: str | None) -> dict[str, Config]:
    """The presets with the options of the data that `--data.name` names: pairs or faces.

    Raises:
      UsageError: there are no such data.
    """
    pairs, faces = (
        get_args(get_type_hints(data)["name"]) for data in (AlignmentDataConfig, DataConfig)
    )
    if name is None or name in pairs:
        return PRESETS
    if name not in faces:
        known = " | ".join(pairs + faces)
        raise UsageError(f"there are no data '{name}': give --data.name {known}")
    streamed = name in STREAMED  # too many for the memory at 256 px
    return {
        preset: replace(
            config,
            data=DataConfig(
                image_size=config.data.image_size,
                loader="tf" if streamed and preset == "paper" else "memory",
            ),
            warp=replace(config.warp, palette=0.0),  # faces have their colours in common
        )
        for preset, config in (PRESETS | {"laptop_resnet18": FACES_RESNET18}).items()
    }


def stages(config: Config, data: AlignmentData | Data, model: Model) -> list[Stage]:
    """Pre-training, and the turns of the rounds; each round's end is measured."""
    row, rounds = make_measure(config, data), config.rounds
    warped = data.to_warp if isinstance(data, AlignmentData) else data
    loss, seed = make_loss(config, "pretrain"), 100 * config.seed
    first = make_stage(config, "pretrain", warped, loss, seed=seed)
    begun = config.pretrain.steps != 0 or config.init_from is not None
    first = replace(
        first,
        optimizer=of_groups(first.optimizer, learning_groups(config, "pretrain")),
        measure=row if begun else None,
    )
    # Rounds share the compiled steps of their turns.
    losses = {name: with_activations(make_loss(config, name), config.precision) for name in TURNS}
    make_optimizer = functools.cache(functools.partial(make_turn_optimizer, config))
    turns: list[Stage] = []
    for number in range(1, rounds.count + 1):
        rate = rounds.late_learning_rate if number >= rounds.late_from else rounds.learning_rate
        for place, name in enumerate(TURNS):
            optimizer, seed = make_optimizer(name, rate), 100 * config.seed + 2 * number + place
            begin = functools.partial(begin_rounds, config, optimizer)
            turns.append(
                Stage(
                    name=f"{name}-{number}",
                    steps=getattr(rounds, f"{name}_steps"),
                    loss_fn=losses[name],
                    optimizer=optimizer,
                    batches=batches_of(data, rounds.batch_size, seed),
                    begin=keep if turns else begin,
                    measure=row if name == "detection" else None,
                )
            )
    return [first, *turns]


def make_loss(config: Config, stage: str) -> LossFn:
    """The loss of the pre-training or of a turn."""
    network = make_network(config)
    return functools.partial(jlad_loss, network=network, config=config, stage=stage)


def make_turn_optimizer(config: Config, name: str, rate: float) -> optax.GradientTransformation:
    """Adam of the groups that learn in a turn."""
    return of_groups(optimizers.adam(rate), learning_groups(config, name))


def begin_rounds(config: Config, optimizer, state: TrainState) -> TrainState:
    """Fresh moments; a separate detection takes a copy of the trunk."""
    if config.separate:
        copied = with_detection_trunk(state.variables())
        state = state.replace(params=copied["params"], batch_stats=copied["batch_stats"])
    return state.replace(opt_state=optimizer.init(state.params))


def keep(state: TrainState) -> TrainState:
    """A turn goes on with the moments that the turns before it left."""
    return state


RECIPE = Recipe(
    name="jlad",
    presets=presets_for,
    load_data=load,
    build=build,
    stages=stages,
    evaluate=evaluate,
    pictures=pictures,
)
