"""Configuration of the C3 experiment; its presets stand in `presets.py`.

`laptop` trains on two CPU cores in about 22 minutes; `paper` is C3's own recipe (4.1, 4.2 and
appendix of the paper) for CelebA on accelerators, and most defaults are its values. What is marked
"beyond the paper" below is off in `paper`, but for `joint_flow`, without which nothing would teach
the flow module.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from c3jax.tools.errors import UsageError, check_least
from data_pipelines.load import DataConfig
from experiments.engine.networks import FlowConfig, TrunkConfig
from experiments.engine.runs import RunConfig
from experiments.engine.stages import StageConfig
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
    trunk_size: int | None = None
    """side that pictures are brought to for the trunk; by default their own (beyond the paper)"""
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
    joint_pairs: Literal["photos", "warped_photos", "warps"] = "photos"
    """stage 2: two photos; both warped; or two warps of one photo, the control of the former, from
    which it differs in the pairing alone (beyond the paper)"""
    sync_batch_norm: bool = False
    """average batch statistics over devices"""

    @property
    def decoded_size(self) -> int:
        """Side of what is decoded and compared."""
        return self.model.decoded_size or self.data.image_size

    @property
    def decodes(self) -> bool:
        """Whether any stage paints pictures, which the perceptual loss compares."""
        return any(stage.steps != 0 for stage in (self.pretrain, self.joint))

    def check(self, num_devices: int) -> None:
        """Refuses a flow module of IMM, and the training of a trunk that is always frozen.

        Raises:
          UsageError: names the option.
        """
        check_least("--landmarks", self.landmarks, 2)  # `separation` is always told
        if self.model.family == "imm" and self.flow:
            raise UsageError("IMM has no cross-image flow module: add --no-flow")
        if self.model.always_frozen and self.model.train_trunk:
            raise UsageError(f"{self.model.trunk} is always frozen: name no --model.train-trunk")

    def unread(self) -> dict[str, str]:
        """Options of the model that nothing reads, each with the option for it."""
        model = self.model
        idle: dict[str, str] = {}
        trunk = ("trunk", "weights", "output_stride", "train_trunk", "trunk_rate", "trunk_size")
        stages = ("landmark_stages", "flow_stages")
        if model.family == "imm":
            idle |= dict.fromkeys((*trunk, *stages), "model.family imm")
        else:
            idle["encoder_widths"] = "model.family c3"
            if model.trunk == "small":
                own = ("weights", "train_trunk", "trunk_rate")
                idle |= dict.fromkeys(own, "model.trunk small")
            elif not model.train_trunk:
                idle["trunk_rate"] = "model.train_trunk ()"
        if model.perceptual == "random":
            idle["perceptual_weights"] = "model.perceptual random"
        return {f"model.{name}": why for name, why in idle.items()}

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
