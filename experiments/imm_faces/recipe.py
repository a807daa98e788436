"""Presets of the baseline, IMM (Jakab et al.): those of C3 with neither cycle nor flow."""

import dataclasses

from experiments.c3_faces import presets as c3
from experiments.c3_faces import recipe as c3_faces
from experiments.c3_faces.config import Config, LossConfig, ModelConfig

LAPTOP_STEPS = 1600  # about the operations of C3's laptop_small, 22 GFLOP a step


def on_laptop(preset: Config) -> Config:
    """IMM with the warps, schedule, Gaussian width and appearance map of a preset of C3."""
    return dataclasses.replace(
        preset,
        model=dataclasses.replace(
            preset.model, family="imm", encoder_widths=(16, 32, 64), train_trunk=()
        ),
        loss=dataclasses.replace(preset.loss, warp_consistency=0.0, separation=0.0),
        warmup=dataclasses.replace(preset.warmup, steps=0),
        pretrain=dataclasses.replace(preset.pretrain, steps=LAPTOP_STEPS),
        joint=dataclasses.replace(preset.joint, steps=0),
        cycle=False,
        flow=False,
    )


PAPER = dataclasses.replace(
    c3.PAPER,
    model=ModelConfig(family="imm"),
    loss=LossConfig(reconstruction=6000.0),
    pretrain=dataclasses.replace(c3.PAPER.pretrain, steps=300_000, batch_size=50),
    joint=dataclasses.replace(c3.PAPER.joint, steps=0, epochs=None),
    cycle=False,
    flow=False,
)
"""The baseline by its own recipe, on the data of C3's `paper`; see docs/models.md.

    make train EXP=imm_faces PRESET=paper [ARGS="--landmarks 30"]

Needs CelebA and MAFL in data/celeb_a and ImageNet weights of VGG-16. Hardware: one GPU.

Time: not measured; 8 hours on an A100, an estimate as for C3, by the operations in docs/models.md.

Published error in % of the inter-ocular distance, K = 10 / 30: MAFL 3.19 / 2.58, AFLW 6.86 / 6.31
(with another VGG-16). Ours: results.json of the run, and docs/results.md where it was measured.
"""

PRESETS = {
    "laptop": on_laptop(c3.LAPTOP_SMALL),
    "laptop_resnet18": on_laptop(c3.LAPTOP_RESNET18),
    "paper": PAPER,
}
RECIPE = dataclasses.replace(c3_faces.RECIPE, name="imm_faces", presets=lambda data: PRESETS)
