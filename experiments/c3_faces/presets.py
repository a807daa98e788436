"""The presets of C3: `laptop` and its like on CPUs, `paper` as published."""

import dataclasses
from pathlib import Path
from typing import Literal

from data_pipelines.load import DataConfig
from experiments.c3_faces.config import Config, LossConfig, ModelConfig, WarpConfig
from experiments.engine.stages import cosine

LAPTOP_SMALL = Config(
    data=DataConfig(image_size=64, train_examples=5000),
    model=ModelConfig(
        trunk="small",
        output_stride=16,
        landmark_stages=("layer1", "layer2", "layer3"),
        flow_stages=("layer2", "layer3"),
        appearance_channels=32,
        pose_channels=48,
        decoder_channels=48,
        min_decoder_channels=16,
        appearance_grid=2,
        stddev=0.15,
        init_stddev=None,
        flow_channels=(1,),
        flow_linear=True,
        perceptual="random",
    ),
    loss=LossConfig(
        landmarks_as="points",
        hard_match=False,
        synthetic=1.0,
        warp_consistency=20.0,
        separation=40.0,
        separation_margin=0.25,
        flow=0.1,
    ),
    warp=WarpConfig(
        target_rotation=10.0,
        target_scale=0.1,
        source_rotation=15.0,
        source_scale=0.15,
        source_translation=0.15,
    ),
    warmup=cosine(steps=4800, batch_size=16, learning_rate=5e-3),
    pretrain=cosine(steps=500, batch_size=16, learning_rate=1e-3),
    joint=cosine(steps=250, batch_size=16, learning_rate=5e-4),
    checkpoint_every=500,
    check_every=500,
)
"""Everything learned from scratch, at 64 px; most of the time goes into features."""

LAPTOP = dataclasses.replace(
    LAPTOP_SMALL,
    data=DataConfig(image_size=128, train_examples=5000),
    model=dataclasses.replace(
        LAPTOP_SMALL.model,
        trunk="lite0",
        landmark_stages=("block4", "block2", "block10"),
        flow_stages=("block10", "block14"),
        flow_channels=(16, 1),
        flow_linear=False,
        flow_start="consensus",
        appearance_channels=64,
        pose_channels=64,
        decoder_channels=96,
        min_decoder_channels=48,
        depth_to_space=2,
        decoded_size=64,
        appearance_grid=2,
        stddev=0.1,
        perceptual="lite0",
    ),
    warp=dataclasses.replace(LAPTOP_SMALL.warp, color=0.3),
    warmup=cosine(steps=500, batch_size=16, learning_rate=5e-3),
    pretrain=cosine(steps=750, batch_size=16, learning_rate=2e-3),
    joint=cosine(steps=500, batch_size=16, learning_rate=2e-3),
    checkpoint_every=250,
    check_every=250,
)
"""Frozen ImageNet features of EfficientNet-Lite0 at 128 px; the decoder paints 64 px. Most of the
time goes into stage 2."""

PAPER = Config(
    data=DataConfig(name="celeb_a", image_size=128, loader="tf"),
    model=ModelConfig(train_trunk=("joint",)),
    loss=LossConfig(pretrain_scale=6000.0),
)
"""C3 as published (4.1, 4.2, appendix): CelebA at 128 px, ResNet-50, 200 epochs of 159,870 pairs.
What that leaves open, and what it is here: README.md beside this file.

    make train EXP=c3_faces PRESET=paper [ARGS="--landmarks 30"]

Needs CelebA and MAFL in data/celeb_a and ImageNet weights of ResNet-50 and VGG-16; what is missing
is named at the start. Hardware: the paper's 4 GPUs with 50 examples each (another number
must divide 200; batch statistics are per device), about 30 GB of memory each by a rough count.

Time: about 17 hours on one H200 in bfloat16 by a measured step of stage 2 (docs/performance.md),
reading not counted, or a day on 4 A100 by 1.15e19 FLOP, an estimate; not run in full.

Published error in % of the inter-ocular distance, K = 10 / 30: MAFL 3.11 / 2.54, AFLW 6.75 / 6.26.
The command evaluates on MAFL. AFLW without training on its faces, as C3 (4.2), and with, as JLAD:

    python -m experiments.evaluate --checkpoint RUN --data.name aflw --data.path DIR
    make train EXP=c3_faces PRESET=paper ARGS="--init-from RUN --data.name aflw --data.path DIR"
"""

LAPTOP_RESNET18 = dataclasses.replace(
    LAPTOP_SMALL,
    model=dataclasses.replace(
        LAPTOP_SMALL.model,
        trunk="resnet18",
        output_stride=32,
        landmark_stages=("layer1", "layer2"),
        flow_stages=("layer2", "layer3"),
        train_trunk=("warmup", "pretrain", "joint"),
        trunk_rate=0.1,
        perceptual="resnet18",
    ),
)

PRESETS = {
    "laptop": LAPTOP,
    "laptop_small": LAPTOP_SMALL,
    "laptop_resnet18": LAPTOP_RESNET18,
    "paper": PAPER,
}


def on_rendered(name: Literal["rendered_cars", "rendered_rooms"]) -> dict[str, Config]:
    """The laptop presets on other rendered data, which take the time of 800 steps to render."""
    presets = {
        preset: dataclasses.replace(config, data=dataclasses.replace(config.data, name=name))
        for preset, config in PRESETS.items()
        if preset.startswith("laptop")
    }
    for preset in ("laptop_small", "laptop_resnet18"):
        warmup = dataclasses.replace(presets[preset].warmup, steps=4000)
        presets[preset] = dataclasses.replace(presets[preset], warmup=warmup)
    return presets


def on_lsun(folder: Path) -> Config:
    """`PAPER` on a category of LSUN, for as many steps as on CelebA."""
    data = DataConfig(name="lsun", path=folder, image_size=PAPER.data.image_size, loader="tf")
    joint = dataclasses.replace(PAPER.joint, steps=159_870, epochs=None)
    return dataclasses.replace(PAPER, data=data, joint=joint)
