"""Configuration of the joint experiment and its presets.

`laptop` learns everything on two CPU cores from rendered objects, `laptop_resnet18` starts from
ImageNet features; `paper` is the recipe of JLAD 3.4 and 4.1. What `laptop` has and `paper` has not
is marked "beyond the paper" below.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from experiments.common.alignment_data import AlignmentDataConfig
from experiments.common.data import STREAMED, DataConfig
from experiments.common.errors import UsageError
from experiments.common.stages import StageConfig
from experiments.common.synthetic_pairs import WarpConfig

MARGINS = {10: 0.05, 15: 0.03, 20: 0.025, 30: 0.02}


@dataclass(frozen=True)
class ModelConfig:
    """Architecture (JLAD 3.2)."""

    trunk: Literal["small", "resnet18", "resnet50", "resnet101"] = "resnet101"
    """W_F; `small` is learned from scratch"""
    weights: Path | None = None
    """ImageNet weights of the trunk (.safetensors, .npz, .pth); else cached ones, or the hub's"""
    trunk_widths: tuple[int, int, int, int] | None = None
    """small: channels of its layers, other than those of the architecture"""
    output_stride: int = 8
    """greatest stride of the trunk; deeper stages dilate instead"""
    stages: tuple[str, ...] = ("layer3",)
    """stages that make up F, on the grid of the first, each at unit length if several"""
    radius: int = 5
    """of the windows, in cells"""
    alignment_channels: tuple[int, ...] = (64, 128, 256, 512)
    """of W_A, at each resolution"""
    alignment_kernel: int = 9
    """side of its first and last kernel"""
    uncertainty_channels: tuple[int, ...] = (128, 64)
    """of W_C"""
    detection_channels: tuple[int, ...] = (256, 256)
    """of W_D"""
    iterations: int = 1
    """times that W_A looks at the pair, warped by the field so far (more: beyond the paper)"""
    start_temperature: float | None = None
    """W_A and W_C add to mean and spread of the match in the window, by the softmax of Eq. 3 at
    this temperature (beyond the paper)"""


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms; those of synthetic pairs come first.

    Eq. 1 is a mean over anchors, Eq. 2, 8, 9 and 10 are means over landmarks and Eq. 6 over cells,
    so that weights do not depend on their number. Eq. 10 stays a sum over cells, most of which are
    0: of unit sum, maps that do not meet cost about as much on any grid. Against the printed sums,
    lambda_D and lambda_J weigh H W / K times as much beside lambda_A. The paper sweeps lambda_con
    and lambda_sep on validation pairs and does not print them: 1 is ours.
    """

    anchors: float = 0.0
    """Eq. 1, on cells of the object"""
    equivariance: float = 0.0
    """Eq. 2"""
    features: float = 0.0
    """cross-entropy of the plain correlation on known matches, which teaches a trunk of one's own
    (beyond the paper)"""
    likelihood: float = 0.0
    """of the errors of the field under sigma, on all cells (beyond the paper)"""
    detection: float = 0.0
    """lambda_D of Eq. 11, on synthetic pairs or else on pairs of objects"""
    alignment: float = 0.0
    """lambda_A"""
    joint: float = 0.0
    """lambda_J"""
    concentration: float = 1.0
    """lambda_con, in L_D"""
    separation: float = 1.0
    """lambda_sep, in L_D"""
    unit_maps: bool = False
    """maps of Eq. 10 add up to 1 each, so that they cannot agree by fading into the background
    (beyond the paper)"""
    temperature: float = 0.1
    """of the scores of Eq. 7 (1 in the paper, with which they stay near uniform)"""

    def part(self, name: str) -> "LossConfig":
        """The terms of one network and its trunk alone."""
        others = {
            "alignment": ("equivariance", "detection"),
            "detection": ("anchors", "likelihood", "alignment"),
        }
        without: dict[str, Any] = dict.fromkeys(("joint", *others[name]), 0.0)
        return replace(self, **without)

    @property
    def synthetic(self) -> bool:
        """Whether a term of synthetic pairs has a weight."""
        return bool(self.anchors or self.likelihood or self.equivariance or self.features)

    @property
    def of_pairs(self) -> bool:
        """Whether a term of pairs of objects has a weight."""
        return bool(self.alignment or self.joint)


@dataclass(frozen=True)
class RoundsConfig:
    """The alternation: each round is a turn of the alignment and one of the detection."""

    count: int = 4
    """rounds"""
    alignment_steps: int = 500
    """of each turn of W_F, W_A and W_C"""
    detection_steps: int = 500
    """of each turn of W_F and W_D"""
    batch_size: int = 16
    """pairs over all devices"""
    learning_rate: float = 1e-4
    late_learning_rate: float = 1e-5
    late_from: int = 3
    """the round from which on the late learning rate holds"""


@dataclass(frozen=True)
class Config:
    """Joint learning of semantic alignment and landmark detection (JLAD).

    On pairs of objects or, with --data.name rendered_faces, folder, labelled, celeb_a or another of
    the data of c3_faces, on pairs of any two pictures; the options of the data are those of either.
    """

    data: AlignmentDataConfig | DataConfig = field(default_factory=AlignmentDataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    warp: WarpConfig = field(default_factory=WarpConfig)
    landmarks: int = 10
    """number of landmarks"""
    margin: float | None = None
    """c of Eq. 9; by default the paper's for 10, 15 and 30 landmarks, .025 for 20"""
    uncertainty: bool = True
    """without it sigma is 1 ("wo/UM")"""
    unmatched: bool = False
    """sigma also tells what has no match: exchanged backgrounds teach it, in `likelihood`, and W_C
    sees the source's features; needs masks of the objects (beyond the paper)"""
    self_similarity: bool = True
    """without it landmarks are found by the features alone ("wo/SS")"""
    separate: bool = False
    """no joint learning: each network goes on by its terms of the pre-training, the detection on a
    trunk of its own, for as many steps. By default the alignment learns from synthetic anchors, as
    CNNGeo's does, and the landmarks from equivariance, concentration and separation, as
    StructRep's do. Others' principles, with --pretrain.steps 0 and --init-from a pre-trained run:
    --pretrain-loss.detection 0, equivariance alone (FPE); --no-uncertainty --pretrain-loss.anchors
    0 --pretrain-loss.alignment 1, Eq. 6 at sigma = 1 on pairs of objects (RTNs)"""
    pretrain: StageConfig = StageConfig(
        steps=None,
        epochs=5,
        batch_size=16,
        learning_rate=1e-3,
        schedule="constant",
        weight_decay=0.0,
    )
    """both networks, on synthetic pairs"""
    rounds: RoundsConfig = field(default_factory=RoundsConfig)
    """the alternation, on pairs of objects of one category"""
    pretrain_loss: LossConfig = LossConfig(anchors=1.0, equivariance=1.0)
    alignment_loss: LossConfig = LossConfig(detection=1.0, alignment=10.0, joint=10.0)
    """of the turns of the alignment"""
    detection_loss: LossConfig = LossConfig(detection=10.0, alignment=1.0, joint=100.0)
    """of the turns of the detection"""
    seed: int = 0
    name: str | None = None
    """run folder: runs/jlad/NAME; by default named after preset, data, variant and seed"""
    init_from: Path | None = None
    """start from the parameters of this run, or of this exported model; with --pretrain.steps 0 its
    pre-training is shared"""
    precision: Literal["float32", "bfloat16"] = "float32"
    """of the networks' activations in training; all else is float32, checkpoints too"""
    log_every: int = 50
    checkpoint_every: int = 500
    runs: Path = Path("runs")
    """folder of all runs"""

    def check(self) -> None:
        """Refuses what cannot be trained.

        Raises:
          UsageError: names the option.
        """
        rounds = self.rounds
        for option, value, least in (
            ("--landmarks", self.landmarks, 2),
            ("--rounds.count", rounds.count, 0),
            ("--rounds.alignment-steps", rounds.alignment_steps, 1),
            ("--rounds.detection-steps", rounds.detection_steps, 1),
            ("--rounds.batch-size", rounds.batch_size, 1),
        ):
            if value < least:
                raise UsageError(f"{option} must be at least {least}, got {value}")
        for stage in ("pretrain", "alignment", "detection"):
            weights, of = self.loss_of(stage), "pretrain" if self.separate else stage
            if not (weights.synthetic or weights.of_pairs):
                raise UsageError(
                    f"--{of}-loss.* has no weight in the stage {stage}: give one to anchors, "
                    "likelihood, features or equivariance (synthetic pairs), or to alignment or "
                    "joint (pairs of objects)"
                )
        taught = self.pretrain_loss.likelihood or self.alignment_loss.likelihood
        if self.unmatched and not (self.uncertainty and self.warp.background and taught):
            raise UsageError(
                "--unmatched needs --uncertainty, --warp.background above 0, and a weight of "
                "--pretrain-loss.likelihood or --alignment-loss.likelihood"
            )
        if self.margin is None and self.landmarks not in MARGINS:
            known = ", ".join(map(str, MARGINS))
            raise UsageError(
                f"there is no published margin for {self.landmarks} landmarks (only for {known}): "
                "give --margin, the squared distance in [-1, 1] units from which on two may stand"
            )

    def loss_of(self, stage: str) -> LossConfig:
        """Weights of a stage; separate networks go on with their part of the pre-training."""
        if not self.separate or stage == "pretrain":
            return getattr(self, f"{stage}_loss")
        return self.pretrain_loss.part(stage)

    @property
    def landmark_margin(self) -> float:
        """c of Eq. 9."""
        return MARGINS[self.landmarks] if self.margin is None else self.margin

    @property
    def variant(self) -> str:
        """What tells ablations apart, as run folders are named."""
        switched = {
            "separate": self.separate,
            "no-uncertainty": not self.uncertainty,
            "unmatched": self.unmatched,
            "no-self-similarity": not self.self_similarity,
        }
        return "-".join(name for name, on in switched.items() if on) or "joint"


LAPTOP = Config(
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
    pretrain=StageConfig(
        steps=1000, batch_size=16, learning_rate=2e-3, schedule="cosine", weight_decay=0.0
    ),
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

LAPTOP_RESNET18 = replace(
    LAPTOP,
    data=AlignmentDataConfig(image_size=128),
    model=replace(
        LAPTOP.model,
        trunk="resnet18",
        trunk_widths=None,
        output_stride=8,
        stages=("layer2", "layer3"),
    ),
    pretrain=replace(LAPTOP.pretrain, steps=300, batch_size=8, learning_rate=3e-4),
    rounds=replace(
        LAPTOP.rounds,
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
    LAPTOP,
    model=replace(LAPTOP.model, trunk="resnet18", trunk_widths=None),
    pretrain=replace(LAPTOP.pretrain, steps=600, learning_rate=1e-3),
    rounds=replace(LAPTOP.rounds, count=1, alignment_steps=75, detection_steps=75),
)
"""`laptop_resnet18` of photos of faces, at 64 px.

    make train EXP=jlad PRESET=laptop_resnet18 ARGS="--data.name folder --data.path photos"

Hardware: a CPU. Time: 25 minutes of one core. Result: at the same place.
"""

PAPER = Config(
    data=AlignmentDataConfig(name="pf_pascal", image_size=256),
    warp=WarpConfig(family="affine_or_tps", crop=0.5625),
)
"""JLAD 3.4 and 4.1 as published: ResNet-101 up to layer3 at stride 8 (dilated), 256 px, windows of
radius 5, WeakAlign's warps, Adam, batch 16, 1e-3 and then 1e-4 and 1e-5, at most 4 rounds.

    make train EXP=jlad PRESET=paper \\
      ARGS="--data.name pascal3d --data.path DIR --data.voc-path DIR --landmarks 20"

Hardware: one GPU of 24 GB or more, by a rough count. Time: not measured; 4,000 steps of 16 pairs at
400 GFLOP each are 2.6e16, 15 minutes to an hour on an A100 by the estimate of C3's preset.

Published on pairs of PASCAL3D+ that were not released, with 20 landmarks:
PCK@.1 63.2 and landmark error 7.97 for separate learning, 72.7 and 6.92 for joint (Table 1), 7.54
with 10 (Table 4); PCK@.1 72.7 on 12 of PF-PASCAL's 20 categories (Table 3), without training there.
Ours: results.json of the run; docs/results.md says that it was not measured. Landmark errors are
measured on rendered objects and on faces alone.

Without `--data.voc-path` the pictures of the pairs are warped in the pre-training (the paper: VOC
2012), and of PF-PASCAL all 20 categories count. The paper does not say how many steps the
pre-training (here 5 epochs) and a turn (here 500) have. It pre-trains both networks independently,
which leaves open whether they have one trunk by then; here they have, and the sum of Eq. 1 and 2.
"""

PRESETS = {"laptop": LAPTOP, "laptop_resnet18": LAPTOP_RESNET18, "paper": PAPER}


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
    loaders: dict[str, Literal["memory", "tf"]] = {"paper": "tf"} if streamed else {}
    return {
        preset: replace(
            config,
            data=DataConfig(
                image_size=config.data.image_size, loader=loaders.get(preset, "memory")
            ),
            warp=replace(config.warp, palette=0.0),  # faces have their colours in common
        )
        for preset, config in (PRESETS | {"laptop_resnet18": FACES_RESNET18}).items()
    }
