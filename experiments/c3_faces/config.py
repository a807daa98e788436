"""Configuration of the C3 experiment and its presets.

`laptop` trains on two CPU cores in about 17 minutes; `paper` is C3's own recipe (4.1, 4.2 and
appendix of the paper) for CelebA on accelerators, and most defaults are its values. What is marked
"beyond the paper" below is off in `paper`, but for `joint_flow`, without which nothing would teach
the flow module.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from data_pipelines.load import DataConfig
from experiments.engine.errors import UsageError
from experiments.engine.networks import FlowConfig, TrunkConfig
from experiments.engine.runs import RunConfig
from experiments.engine.stages import StageConfig, cosine
from experiments.terms.cross_image import CrossImageLoss
from experiments.terms.perceptual import Perceptual


@dataclass(frozen=True)
class ModelConfig(FlowConfig, TrunkConfig):
    """Architecture (C3 4.1 and appendix)."""

    family: Literal["c3", "imm"] = "c3"
    """`imm`: the baseline, with encoders of its own and no flow module"""
    encoder_widths: tuple[int, ...] = (32, 64, 128, 256)
    """imm: channels of its encoders; each level but the first halves the resolution"""
    train_trunk: tuple[Literal["warmup", "pretrain", "joint"], ...] = ()
    """stages that move the convolutions of a pretrained trunk too (`small` is always trained,
    `dinov2_s14` never)"""
    trunk_rate: float = 1.0
    """learning rate of a pretrained trunk, relative to that of the heads"""
    landmark_stages: tuple[str, ...] = ("layer4",)
    """stages that make up f, on the grid of the first"""
    flow_stages: tuple[str, ...] = ("layer3",)
    """stages that make up f', on the grid of the first"""
    appearance_channels: int = 256
    pose_channels: int = 256
    decoder_channels: int = 256
    min_decoder_channels: int = 32
    depth_to_space: int = 1
    """of the decoder: r > 1 paints r x r pixels from each of its last cells (beyond the paper)"""
    decoded_size: int | None = None
    """side of what is decoded and compared; by default that of the pictures (beyond the paper)"""
    appearance_grid: int | None = None
    """pool the appearance map to so many cells a side (beyond the paper)"""
    stddev: float = 0.0707
    """of the Gaussian maps, in [-1, 1] units; IMM's exp(-d^2 / 0.1^2)"""
    temperature: float = 1.0
    """of the soft-argmax"""
    init_stddev: float | None = 0.01
    """normal initialisation of E_a, E_p, D; None: He"""
    flow_start: Literal["gaussian", "consensus", "normal"] = "gaussian"
    """the flow module before training: a separable Gaussian, agreeing matches of neighbours add up,
    or all values from N(0, 0.01^2)"""
    perceptual: Perceptual = "vgg16"
    """network of the perceptual loss; `random` is a fixed random pyramid"""
    perceptual_weights: Path | None = None
    """its ImageNet weights"""

    @property
    def pretrained(self) -> bool:
        """Whether there is a trunk, and begins with ImageNet weights."""
        return self.family == "c3" and super().pretrained


@dataclass(frozen=True)
class LossConfig(CrossImageLoss):
    """Weights of the terms, and how the terms that the paper leaves open are read."""

    flow: float = 1.0
    """cross-entropy of the flow module on known synthetic matches, wherever stage 1's terms are"""
    joint_flow: float = 0.1
    """the same alone in stage 2 where `synthetic` is 0: with hard T, L_total teaches the flow
    module nothing (beyond the paper; 0 is literal)"""
    synthetic: float = 0.0
    """weight of stage 1's terms during stage 2 (beyond the paper)"""
    warp_consistency: float = 0.0
    """squared distance of landmarks carried by the known synthetic warp (beyond the paper)"""
    separation: float = 0.0
    """hinge on the distance between landmarks (beyond the paper)"""
    separation_margin: float = 0.2
    """of that hinge, in [-1, 1] units"""
    pretrain_scale: float = 1.0
    """times the reconstruction in stage 1: 6,000 makes it IMM's, to which clip and decay belong"""


@dataclass(frozen=True)
class WarpConfig:
    """Random thin-plate-spline warps of the synthetic pairs (IMM's by default)."""

    target_rotation: float = 0.0
    target_scale: float = 0.0
    target_translation: float = 0.1
    target_warp: tuple[float, float] = (0.001, 0.005)
    source_rotation: float = 5.0
    source_scale: float = 0.1
    source_translation: float = 0.1
    source_warp: tuple[float, float] = (0.001, 0.01)
    color: float = 0.0
    """warm-up: strength of the change of colours, of either picture of a pair (beyond the paper)"""


@dataclass(frozen=True)
class Config(RunConfig):
    """C3: landmarks from unpaired photos."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    warp: WarpConfig = field(default_factory=WarpConfig)
    warmup: StageConfig = StageConfig(steps=0, batch_size=200, learning_rate=1e-3, weight_decay=0.0)
    """before stage 1: landmarks follow known warps, nothing is decoded (beyond the paper)"""
    pretrain: StageConfig = StageConfig(
        steps=20_000,
        batch_size=200,
        learning_rate=1e-3,
        schedule="slow_decay",
        weight_decay=1e-5,
        clip_norm=1.0,
    )
    """stage 1: synthetic pairs (IMM's recipe)"""
    joint: StageConfig = StageConfig(steps=None, epochs=200, batch_size=200, learning_rate=5e-4)
    """stage 2: unpaired photos, L_total (Eq. 5); without `cycle` stage 1 goes on"""
    landmarks: int = 10
    """K"""
    cycle: bool = True
    """the cycle of 3.1 (Table 2, column Cycle), and L_inv, whose column the paper does not say"""
    flow: bool = True
    """the cross-image flow module of 3.2 (Table 2, column Flow)"""
    sync_batch_norm: bool = False
    """average batch statistics over devices"""

    @property
    def decoded_size(self) -> int:
        """Side of what is decoded and compared."""
        return self.model.decoded_size or self.data.image_size

    def check(self, num_devices: int) -> None:
        """Refuses a flow module of IMM, and the training of a trunk that is always frozen.

        Raises:
          UsageError: names the option.
        """
        if self.model.family == "imm" and self.flow:
            raise UsageError("IMM has no cross-image flow module: add --no-flow")
        if self.model.always_frozen and self.model.train_trunk:
            raise UsageError(f"{self.model.trunk} is always frozen: name no --model.train-trunk")

    def loss_of(self, stage: str) -> LossConfig:
        """Weights of a stage."""
        scale = self.loss.pretrain_scale if stage == "pretrain" else 1.0
        return dataclasses.replace(self.loss, reconstruction=scale * self.loss.reconstruction)

    def variant(self, preset: "Config") -> str:
        """K, and what differs from the preset's method."""
        family, switches = self.model.family, ("cycle", "flow")
        parts = [f"k{self.landmarks}", *([family] if family != preset.model.family else [])]
        changed = [name for name in switches if getattr(self, name) != getattr(preset, name)]
        parts += [name if getattr(self, name) else f"no_{name}" for name in changed]
        return "-".join(parts)


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
        flow_stages=("block4", "block10"),
        appearance_channels=64,
        pose_channels=64,
        decoder_channels=96,
        min_decoder_channels=48,
        depth_to_space=2,
        decoded_size=64,
        appearance_grid=4,
        stddev=0.1,
        perceptual="lite0",
    ),
    warp=dataclasses.replace(LAPTOP_SMALL.warp, color=0.3),
    warmup=cosine(steps=500, batch_size=16, learning_rate=5e-3),
    pretrain=cosine(steps=1000, batch_size=16, learning_rate=2e-3),
    joint=cosine(steps=250, batch_size=16, learning_rate=5e-4),
    checkpoint_every=250,
    check_every=250,
)
"""Frozen ImageNet features of EfficientNet-Lite0 at 128 px; the decoder paints 64 px."""

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
