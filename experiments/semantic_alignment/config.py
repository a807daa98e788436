"""Configuration of the alignment experiment and its presets.

`laptop` trains the flow module on two CPU cores from rendered objects, on a frozen Lite2;
`laptop_small` learns the trunk too; `paper` is the recipe of C3 4.4 and its appendix (that of
NC-Net) for PF-PASCAL. What the first two have and `paper` has not is marked "beyond the paper".
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from c3jax.tools.errors import UsageError
from c3jax.tools.measure.alignment import Reading
from data_pipelines.load import AlignmentDataConfig
from experiments.engine.networks import FlowConfig, TrunkConfig
from experiments.engine.runs import RunConfig
from experiments.engine.stages import LossWeights, StageConfig, constant, cosine
from experiments.terms.cross_image import CrossImageLoss
from experiments.terms.perceptual import Perceptual
from experiments.terms.synthetic_pairs import WarpConfig

STAGES = ("features", "flow", "finetune")


@dataclass(frozen=True)
class ModelConfig(FlowConfig, TrunkConfig):
    """Architecture (C3 3.2, 4.4)."""

    trunk_widths: tuple[int, int, int, int] | None = None
    """small: channels of its layers, other than those of the architecture"""
    output_stride: int = 16
    stages: tuple[str, ...] = ("layer3",)
    """stages that make up f', on the grid of the first, each at unit length if several"""
    family: Literal["aligner", "nc_net"] = "aligner"
    """`nc_net`: the baseline, full 4D convolutions in place of the flow module"""
    flow_layers: Literal["separable", "centre_pivot", "full"] = "separable"
    """aligner: W1 after W2, beside it, or one 4D convolution"""
    negative_slope: float = 0.0
    """aligner: of a leaky ReLU, so that no output dies"""
    kernel_size: int = 5
    """side of the 4D kernels, in cells"""
    start: Literal["consensus", "gaussian", "normal", "random"] = "consensus"
    """before training: agreeing matches of neighbours add up, a separable Gaussian, or all values
    from N(0, 0.01^2); nc_net: `random`, as published"""
    chunk: int | None = None
    """examples that the 4D layers see at a time, which bounds the memory"""
    landmark_channels: int = 256
    """with landmarks: of E_a, E_p and the first block of D"""
    perceptual: Perceptual = "vgg16"
    """with landmarks: network of the perceptual loss; `random` is a fixed random pyramid"""
    perceptual_weights: Path | None = None
    """its ImageNet weights"""


@dataclass(frozen=True)
class LossConfig(LossWeights):
    """Weights of the terms of each stage."""

    weak: float = 1.0
    """NC-Net's: pairs of one category match with more confidence than pairs of two"""
    flow: float = 0.0
    """cross-entropy of the refined correlation on known synthetic matches (beyond the paper)"""
    features: float = 0.0
    """the same of the plain correlation, which teaches a trunk of one's own (beyond the paper)"""
    temperature: float = 1.0
    """of the scores in these terms"""


@dataclass(frozen=True)
class Config(RunConfig):
    """Semantic alignment by the cross-image flow module of C3."""

    data: AlignmentDataConfig = field(default_factory=AlignmentDataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    warp: WarpConfig = field(default_factory=WarpConfig)
    reading: Reading = Reading(match="hard")
    """how matches are read from a correlation in evaluation"""
    features: StageConfig = StageConfig(steps=0, batch_size=16, learning_rate=1e-3)
    """the trunk alone, on synthetic pairs (beyond the paper)"""
    flow: StageConfig = constant(steps=None, epochs=5, batch_size=16, learning_rate=5e-4)
    """the flow module, the trunk frozen"""
    finetune: StageConfig = constant(steps=None, epochs=5, batch_size=16, learning_rate=1e-5)
    """flow module and the last block of the trunk (not of `dinov2_s14`)"""
    cache_features: bool = False
    """compute f' of the training pictures once for stage flow; for a trunk that no stage before has
    moved, and the weak loss alone"""
    features_loss: LossConfig = LossConfig(weak=0.0, features=1.0)
    flow_loss: LossConfig = LossConfig()
    finetune_loss: LossConfig = LossConfig()
    landmarks: int = 0
    """K of C3's alignment "with landmarks" (it names none), 0 for none: E_a, E_p and D on the same
    trunk learn to reconstruct in stage flow; in stage finetune Eq. 1, 2 and 4 join its loss"""
    landmark_loss: CrossImageLoss = CrossImageLoss(hard_match=False)
    """with landmarks: weights of these terms"""

    def check(self, num_devices: int) -> None:
        """Refuses the weak loss where a device gets one example, landmarks without a use, and
        a stage for a trunk that is always frozen.

        Raises:
          UsageError: names the option.
        """
        if self.model.always_frozen and self.features.steps != 0:
            raise UsageError(
                f"{self.model.trunk} is always frozen, and stage features trains the trunk alone: "
                "give --features.steps 0"
            )
        if self.landmarks < 0 or self.landmarks == 1:
            raise UsageError(f"--landmarks must be 0 (none) or at least 2, got {self.landmarks}")
        if self.landmarks and self.finetune.steps == 0:
            raise UsageError(
                "--landmarks adds its losses to stage finetune, which has no steps: give "
                "--finetune.steps, or --landmarks 0"
            )
        if self.landmarks and not self.landmark_loss.across_images:
            raise UsageError(
                "--landmarks without any of its losses: give --landmark-loss.cycle 1, or "
                "--landmarks 0"
            )
        for name in STAGES:
            stage, least = getattr(self, name), 2 * num_devices
            weak = stage.steps != 0 and getattr(self, f"{name}_loss").weak
            if weak and stage.batch_size < least:
                raise UsageError(
                    "the weak loss takes its negatives from the other examples of a device: "
                    f"--{name}.batch-size must be at least {least} on {num_devices} devices, got "
                    f"{stage.batch_size}"
                )

    def variant(self, preset: "Config") -> str:
        """The number of landmarks, where there are some."""
        return f"k{self.landmarks}" if self.landmarks else ""


LAPTOP_SMALL = Config(
    data=AlignmentDataConfig(image_size=64),
    model=ModelConfig(
        trunk="small",
        trunk_widths=(32, 64, 128, 128),
        stages=("layer1", "layer2", "layer3"),
        flow_channels=(16, 1),
        landmark_channels=48,
        perceptual="random",
    ),
    reading=Reading(match="kernel"),
    features=cosine(steps=2500, batch_size=16, learning_rate=2e-3),
    # A tenth of the paper's rate: at 5e-4 the weak loss unlearns the start on so small a trunk.
    flow=cosine(steps=60, batch_size=8, learning_rate=5e-5),
    finetune=StageConfig(steps=0, batch_size=8, learning_rate=1e-5),
    warp=WarpConfig(rotation=10.0, scale=0.3, stretch=0.15, color=1.0, palette=0.6, background=1.0),
    features_loss=LossConfig(weak=0.0, features=1.0, temperature=0.05),
    checkpoint_every=500,
    check_every=500,
)

LAPTOP = Config(
    data=AlignmentDataConfig(image_size=320, train_examples=400),
    model=ModelConfig(
        trunk="lite2",
        stages=("block14", "block19"),
        flow_channels=(16, 1),
        landmark_channels=48,
        perceptual="lite0",
    ),
    reading=Reading(match="kernel"),
    flow=cosine(steps=150, batch_size=8, learning_rate=2e-4),
    flow_loss=LossConfig(temperature=0.1),
    finetune=StageConfig(steps=0, batch_size=8, learning_rate=1e-5),
    cache_features=True,
    checkpoint_every=50,
)
"""The flow module on frozen features of EfficientNet-Lite2, 320 px (20x20 cells), by the weak loss;
its temperature and rate are the best of 33 trials on validation pairs (docs/results.md)."""

LAPTOP_RESNET50 = Config(
    data=AlignmentDataConfig(image_size=240, train_examples=400, test_pairs=100),
    model=ModelConfig(flow_channels=(16, 1)),
    reading=Reading(match="kernel"),
    flow=cosine(steps=150, batch_size=8, learning_rate=5e-4),
    finetune=StageConfig(steps=0, batch_size=8, learning_rate=1e-5),
    cache_features=True,
    checkpoint_every=50,
)
"""The flow module on frozen ImageNet features of 240 px (15x15 cells), by the weak loss."""

PAPER = Config(
    data=AlignmentDataConfig(name="pf_pascal", image_size=400, resize="align_corners"),
)
"""C3 4.4 by NC-Net's recipe: PF-PASCAL at 400 px, ResNet-50 layer3 (25x25 cells), weak loss.

    make train EXP=semantic_alignment PRESET=paper

Hardware: one GPU; a step has 20 GB of temporaries, and 1.4 GB with `--model.chunk 2`. Time: a
finetuning step of 16 pairs takes 126 ms on an H200 in bfloat16 (docs/performance.md), 5 and 5
epochs of the 2,940 rows of NC-Net's list (C3: "approximately 700 pairs") less than 4 minutes; not
run in full.

Published PCK@.1 (scnet definition): C3 78.5, with landmarks 80.1, NC-Net 78.9. Ours: results.json
of the run; docs/results.md says that it was not measured.

With landmarks is `--landmarks 10`, and needs ImageNet weights of VGG-16 too. The paper says no more
than that the cycle is added (4.4). Here it is in the second stage, beside the weak loss: L_total
(Eq. 5) of pairs of one category, S with the temperature 0.05 and warps by all its matches
(`--landmark-loss.hard-match` is Eq. 4 to the letter, and teaches the flow module nothing). E_a and
E_p see f' (in 3.1 they see f). The first stage trains them and D as in C3's appendix, by IMM's
reconstruction of synthetically warped pictures, while the flow module learns from the weak loss.
What else the paper leaves open: README.md beside this file.
"""

PRESETS = {
    "laptop": LAPTOP,
    "laptop_small": LAPTOP_SMALL,
    "laptop_resnet50": LAPTOP_RESNET50,
    "paper": PAPER,
}
